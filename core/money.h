// Money: an integer of 10^-4 units of an ISO 4217 currency (OCPI writes prices with four decimals).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/strong.h"
#include "core/units.h"

namespace chargeledger::core {

// 10^-4 of a currency's unit; which currency stands beside it.
using MoneyE4 = Strong<struct MoneyE4Tag, int64_t>;

class Currency {
 public:
  // `code` is an active ISO 4217 code in upper case, such as EUR; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<Currency> FromCode(absl::string_view code);

  const std::string& code() const { return code_; }
  // Decimals of its minor unit: EUR 2, JPY 0, KWD 3.
  int minor_digits() const { return minor_digits_; }

 private:
  Currency(absl::string_view code, int minor_digits) : code_(code), minor_digits_(minor_digits) {}

  std::string code_;
  int minor_digits_;
};

// "0.4567" is 4567; more than four decimals are an error, since a price must be what was written.
absl::StatusOr<MoneyE4> ParsePrice(absl::string_view text);

// energy × price, rounded once, half away from zero, to the currency's minor unit.
absl::StatusOr<MoneyE4> EnergyCost(MilliwattHours energy, MoneyE4 price_per_kwh,
                                   const Currency& currency);

// Half away from zero to the minor unit.
MoneyE4 RoundToMinor(MoneyE4 amount, const Currency& currency);

// With the currency's own number of decimals: "12.30".
std::string FormatMoney(MoneyE4 amount, const Currency& currency);

}  // namespace chargeledger::core
