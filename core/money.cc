#include "core/money.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/decimal.h"

namespace chargeledger::core {
namespace {

// ISO 4217:2015 active codes of countries' currencies (funds, metals and testing codes left out),
// by minor digits.
constexpr absl::string_view kMinor0 =
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
constexpr absl::string_view kMinor3 = "BHD IQD JOD KWD LYD OMR TND";
constexpr absl::string_view kMinor2 =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD "
    "MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP "
    "PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS "
    "TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW";

bool Holds(absl::string_view codes, absl::string_view code) {
  for (size_t at = 0; at + 3 <= codes.size(); at += 4) {
    if (codes.substr(at, 3) == code) return true;
  }
  return false;
}

int64_t MinorUnitE4(const Currency& currency) {
  int64_t unit = 1;
  for (int i = currency.minor_digits(); i < 4; ++i) unit *= 10;
  return unit;
}

}  // namespace

absl::StatusOr<Currency> Currency::FromCode(absl::string_view code) {
  if (code.size() == 3) {
    if (Holds(kMinor2, code)) return Currency(code, 2);
    if (Holds(kMinor0, code)) return Currency(code, 0);
    if (Holds(kMinor3, code)) return Currency(code, 3);
  }
  return absl::InvalidArgumentError(absl::StrCat("currency is \"",
                                                 absl::CHexEscape(code.substr(0, 64)),
                                                 "\"; it must be an ISO 4217 code such as EUR"));
}

absl::StatusOr<MoneyE4> ParsePrice(absl::string_view text) {
  CL_ASSIGN_OR_RETURN(int64_t value, ParseDecimal(text, 4, Excess::kRefuse));
  return MoneyE4(value);
}

absl::StatusOr<MoneyE4> EnergyCost(MilliwattHours energy, MoneyE4 price_per_kwh,
                                   const Currency& currency) {
  // One division, so that nothing is rounded twice: mWh × e4/kWh ÷ (10^6 mWh/kWh × minor unit).
  const int64_t minor = MinorUnitE4(currency);
  CL_ASSIGN_OR_RETURN(int64_t units, MultiplyDivide(energy.value(), price_per_kwh.value(),
                                                    int64_t{1'000'000} * minor));
  CL_ASSIGN_OR_RETURN(int64_t amount, MultiplyDivide(units, minor, 1));
  return MoneyE4(amount);
}

MoneyE4 RoundToMinor(MoneyE4 amount, const Currency& currency) {
  const int64_t minor = MinorUnitE4(currency);
  // |result| <= |amount| + minor / 2: out of range only at the very end of 64 bits, where the
  // amount itself stands in.
  auto units = MultiplyDivide(amount.value(), 1, minor);
  auto rounded = MultiplyDivide(*units, minor, 1);
  return rounded.ok() ? MoneyE4(*rounded) : amount;
}

std::string FormatMoney(MoneyE4 amount, const Currency& currency) {
  return FormatDecimal(amount.value(), 4, currency.minor_digits());
}

}  // namespace chargeledger::core
