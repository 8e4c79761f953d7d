#include "projections/billing.h"

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/ids.h"
#include "core/units.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

absl::StatusOr<core::MoneyE4> ParseNamedPrice(absl::string_view name, absl::string_view text) {
  absl::StatusOr<core::MoneyE4> price = core::ParsePrice(text);
  if (price.ok() && price->value() >= 0) return price;
  return absl::InvalidArgumentError(
      absl::StrCat(name, " is \"", text,
                   "\"; it must be a decimal of at most four places, not negative, such as 0.45"));
}

}  // namespace

absl::StatusOr<FlatTariff> FlatTariff::Create(absl::string_view currency,
                                              absl::string_view price_per_kwh,
                                              absl::string_view start_fee) {
  CL_ASSIGN_OR_RETURN(core::Currency parsed, core::Currency::FromCode(currency));
  CL_ASSIGN_OR_RETURN(core::MoneyE4 price, ParseNamedPrice("price_per_kwh", price_per_kwh));
  CL_ASSIGN_OR_RETURN(core::MoneyE4 fee, ParseNamedPrice("start_fee", start_fee));
  return FlatTariff{parsed, price, fee};
}

std::string FlatTariff::ToText() const {
  return absl::StrCat("flat ", currency.code(), " ", price_per_kwh.value(), " ", start_fee.value());
}

void Billing::OnBillable(const v1::Session& session, State& state) const {
  const std::string key = EntryKey(kCdrKind, core::Generation(session.generation()),
                                   core::Sequence(session.sources().first()));
  if (!state.Get(key).has_value()) PutMessage(state, key, Price(session));
}

v1::Cdr Billing::Price(const v1::Session& session) const {
  v1::Cdr cdr;
  cdr.set_id(absl::StrCat(session.id(), "-c1"));
  cdr.set_session_id(session.id());
  cdr.set_site(session.site());
  cdr.set_charge_point_id(session.charge_point_id());
  cdr.set_connector_id(session.connector_id());
  cdr.set_id_tag(session.id_tag());
  cdr.set_started_at_us(session.started_at_us());
  cdr.set_stopped_at_us(session.stopped_at_us());
  cdr.set_energy_mwh(session.energy_mwh());
  cdr.set_currency(tariff_.currency.code());
  cdr.set_price_per_kwh_e4(tariff_.price_per_kwh.value());
  cdr.set_start_fee_e4(tariff_.start_fee.value());
  *cdr.mutable_flags() = session.flags();
  cdr.set_generation(session.generation());
  cdr.set_start_sequence(session.start_sequence());
  cdr.set_stop_sequence(session.stop_sequence());
  auto energy_cost = core::EnergyCost(core::MilliwattHours(session.energy_mwh()),
                                      tariff_.price_per_kwh, tariff_.currency);
  const core::MoneyE4 fixed = core::RoundToMinor(tariff_.start_fee, tariff_.currency);
  int64_t total = 0;
  if (energy_cost.ok() && __builtin_add_overflow(energy_cost->value(), fixed.value(), &total)) {
    energy_cost = absl::OutOfRangeError("the total does not fit into 64 bits");
  }
  if (!energy_cost.ok()) {
    // A cost beyond 64 bits comes from a register that lies: nothing is charged, and the flag says
    // why.
    cdr.add_flags(v1::SESSION_FLAG_UNREADABLE_METER_VALUE);
    return cdr;
  }
  cdr.set_energy_cost_e4(energy_cost->value());
  cdr.set_fixed_cost_e4(fixed.value());
  cdr.set_total_cost_e4(total);
  return cdr;
}

}  // namespace chargeledger::projections
