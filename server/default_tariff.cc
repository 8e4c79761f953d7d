#include "server/default_tariff.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/money.h"

namespace chargeledger::server {
namespace {

constexpr char kId[] = "DEFAULT";
constexpr char kBy[] = "ledgerd";
constexpr char kReason[] = "the configuration";

absl::StatusOr<int64_t> ParseNamed(const std::string& name, const std::string& text) {
  auto price = core::ParsePrice(text);
  if (price.ok() && price->value() >= 0) return price->value();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is \"", text,
                   "\"; it must be a decimal of at most four places, not negative, such as 0.45"));
}

}  // namespace

absl::StatusOr<v1::Tariff> MakeDefaultTariff(const std::string& currency,
                                             const std::string& price_per_kwh,
                                             const std::string& start_fee, const std::string& vat) {
  CL_ASSIGN_OR_RETURN(const core::Currency parsed, core::Currency::FromCode(currency));
  CL_ASSIGN_OR_RETURN(const int64_t price, ParseNamed("price_per_kwh", price_per_kwh));
  CL_ASSIGN_OR_RETURN(const int64_t fee, ParseNamed("start_fee", start_fee));
  v1::Tariff tariff;
  tariff.set_id(kId);
  tariff.set_currency(parsed.code());
  v1::TariffElement& element = *tariff.add_elements();
  for (const auto& [dimension, e4] :
       {std::pair(v1::TARIFF_DIMENSION_ENERGY, price), std::pair(v1::TARIFF_DIMENSION_FLAT, fee)}) {
    v1::PriceComponent& component = *element.add_price_components();
    component.set_type(dimension);
    component.set_price_e9(e4 * 100'000);
    if (vat.empty()) continue;
    auto rate = core::ParseDecimal(vat, 4, core::Excess::kRefuse);
    if (!rate.ok() || *rate < 0 || *rate > 1'000'000) {
      return absl::InvalidArgumentError(
          absl::StrCat("vat is \"", vat, "\"; it must be a percentage from 0 to 100 such as 19"));
    }
    component.set_vat_e4(static_cast<int32_t>(*rate));
  }
  return tariff;
}

absl::Status PutInForce(const v1::Tariff& tariff, ControlFacts& facts) {
  CL_RETURN_IF_ERROR(facts.Publish(tariff, kBy, kReason).status());
  for (const v1::TariffAssigned& assigned : facts.Assignments()) {
    if (assigned.tariff().id() == kId) return absl::OkStatus();
  }
  v1::ControlFact fact;
  fact.set_by(kBy);
  fact.set_reason(kReason);
  v1::TariffAssigned& assigned = *fact.mutable_tariff_assigned();
  assigned.mutable_tariff()->set_id(kId);
  assigned.set_priority(std::numeric_limits<int32_t>::min());
  return facts.Record(fact);
}

}  // namespace chargeledger::server
