#include "projections/billing/priced_cdr.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::projections {
namespace {

v1::Price ToPrice(const Taxed& cost) {
  v1::Price price;
  price.set_excl_vat_e4(cost.excl_e4);
  price.set_incl_vat_e4(cost.incl_e4);
  return price;
}

v1::TariffDimension DimensionOf(Priced what) {
  switch (what) {
    case Priced::kEnergy:
      return v1::TARIFF_DIMENSION_ENERGY;
    case Priced::kTime:
    case Priced::kReservation:
      return v1::TARIFF_DIMENSION_TIME;
    case Priced::kParking:
      return v1::TARIFF_DIMENSION_PARKING_TIME;
    case Priced::kFlat:
    case Priced::kReservationFlat:
      return v1::TARIFF_DIMENSION_FLAT;
  }
  return v1::TARIFF_DIMENSION_UNSPECIFIED;
}

v1::PricedVolume ToVolume(const PricedVolume& priced, const v1::Tariff& tariff) {
  v1::PricedVolume volume;
  volume.set_dimension(DimensionOf(priced.what));
  volume.set_reservation(priced.what == Priced::kReservation ||
                         priced.what == Priced::kReservationFlat);
  volume.set_element(priced.element);
  volume.set_price_component(priced.component);
  volume.set_volume(priced.volume);
  if (priced.element < 0) return volume;
  const v1::PriceComponent& component =
      tariff.elements(priced.element).price_components(priced.component);
  volume.set_billed_volume(priced.billed);
  volume.set_price_e9(component.price_e9());
  if (component.has_vat_e4()) volume.set_vat_e4(component.vat_e4());
  volume.set_cost_e9(
      static_cast<int64_t>(core::DivideHalfAway(priced.cost, kAmountsPerUnit / 1'000'000'000)));
  return volume;
}

// Whether a period goes on with the same components as the one before.
bool GoesOn(const v1::PricedPeriod& last, const PricedPeriod& next) {
  if (next.volumes.size() > static_cast<size_t>(last.volumes_size())) return false;
  for (size_t i = 0; i < next.volumes.size(); ++i) {
    const v1::PricedVolume& volume = last.volumes(static_cast<int>(i));
    if (next.volumes[i].what == Priced::kFlat ||
        volume.dimension() != DimensionOf(next.volumes[i].what) ||
        volume.element() != next.volumes[i].element ||
        volume.price_component() != next.volumes[i].component) {
      return false;
    }
  }
  // What the last one has beyond is a fee, due once.
  for (int i = static_cast<int>(next.volumes.size()); i < last.volumes_size(); ++i) {
    if (last.volumes(i).dimension() != v1::TARIFF_DIMENSION_FLAT) return false;
  }
  return true;
}

void AddPeriods(const Bill& bill, const std::vector<Stretch>& stretches, const v1::Tariff& tariff,
                v1::Cdr& cdr) {
  for (const PricedPeriod& period : bill.periods) {
    const Stretch& stretch = stretches[period.stretch];
    const int64_t power = stretch.max_power_mw.value_or(0);
    if (cdr.periods_size() > 0 && GoesOn(cdr.periods(cdr.periods_size() - 1), period)) {
      v1::PricedPeriod& last = *cdr.mutable_periods(cdr.periods_size() - 1);
      last.set_end_us(period.end_us);
      last.set_min_power_mw(std::min(last.min_power_mw(), power));
      last.set_max_power_mw(std::max(last.max_power_mw(), power));
      for (size_t i = 0; i < period.volumes.size(); ++i) {
        v1::PricedVolume& volume = *last.mutable_volumes(static_cast<int>(i));
        const v1::PricedVolume more = ToVolume(period.volumes[i], tariff);
        volume.set_volume(volume.volume() + more.volume());
        volume.set_billed_volume(volume.billed_volume() + more.billed_volume());
        volume.set_cost_e9(volume.cost_e9() + more.cost_e9());
      }
      continue;
    }
    v1::PricedPeriod& out = *cdr.add_periods();
    out.set_start_us(period.start_us);
    out.set_end_us(period.end_us);
    out.set_min_power_mw(power);
    out.set_max_power_mw(power);
    for (const PricedVolume& volume : period.volumes) {
      *out.add_volumes() = ToVolume(volume, tariff);
    }
  }
}

void Negate(v1::Price* price) {
  price->set_excl_vat_e4(-price->excl_vat_e4());
  price->set_incl_vat_e4(-price->incl_vat_e4());
}

bool Same(const v1::Price& a, const v1::Price& b) {
  return a.excl_vat_e4() == b.excl_vat_e4() && a.incl_vat_e4() == b.incl_vat_e4();
}

}  // namespace

std::vector<Stretch> ToStretches(const v1::PricingInput& input) {
  std::vector<Stretch> stretches;
  int64_t at_us = input.started_at_us();
  for (int i = 0; i + 2 < input.curve_size(); i += 3) {
    const int64_t length_us = input.curve(i);
    Stretch stretch{at_us, at_us + length_us, input.curve(i + 1) * 1'000};
    stretch.parking_ns = input.curve(i + 2) * 1'000;
    stretch.time_ns = (length_us - input.curve(i + 2)) * 1'000;
    stretch.min_power_mw = stretch.max_power_mw =
        length_us > 0 ? static_cast<int64_t>(core::DivideHalfAway(
                            core::Wide{input.curve(i + 1)} * 3'600'000'000, length_us))
                      : 0;
    stretches.push_back(stretch);
    at_us = stretch.end_us;
  }
  if (stretches.empty()) stretches.push_back({at_us, at_us, input.energy_mwh() * 1'000});
  return stretches;
}

v1::PricingInput Adjusted(const v1::PricingInput& input, const v1::SessionReviewed& review) {
  if (review.decision() != v1::REVIEW_DECISION_ADJUST) return input;
  v1::PricingInput adjusted = input;
  if (review.has_energy_mwh()) adjusted.set_energy_mwh(review.energy_mwh());
  if (review.has_started_at_us()) adjusted.set_started_at_us(review.started_at_us());
  if (review.has_stopped_at_us()) adjusted.set_stopped_at_us(review.stopped_at_us());
  adjusted.set_stopped_at_us(std::max(adjusted.stopped_at_us(), adjusted.started_at_us()));
  int64_t parking_us = 0;
  for (int i = 2; i < input.curve_size(); i += 3) parking_us += input.curve(i);
  const int64_t length_us = adjusted.stopped_at_us() - adjusted.started_at_us();
  parking_us = std::min(parking_us, length_us);
  adjusted.clear_curve();
  // It charged first, then it stood.
  for (const auto& [length, energy, parking] :
       {std::tuple(length_us - parking_us, adjusted.energy_mwh(), int64_t{0}),
        std::tuple(parking_us, int64_t{0}, parking_us)}) {
    if (length == 0 && energy == 0) continue;
    adjusted.add_curve(length);
    adjusted.add_curve(energy);
    adjusted.add_curve(parking);
  }
  return adjusted;
}

absl::StatusOr<v1::Cdr> PriceSession(const v1::Session& session, const v1::PricingInput& input,
                                     const Pricer& pricer, uint32_t version,
                                     const core::LocalTime& local) {
  const std::vector<Stretch> stretches = ToStretches(input);
  CL_ASSIGN_OR_RETURN(const Bill bill, pricer.Price(stretches, local));
  const v1::Tariff& tariff = pricer.tariff();
  v1::Cdr cdr;
  cdr.set_session_id(session.id());
  cdr.set_site(session.site());
  cdr.set_charge_point_id(session.charge_point_id());
  cdr.set_connector_id(session.connector_id());
  cdr.set_id_tag(session.id_tag());
  cdr.set_started_at_us(input.started_at_us());
  cdr.set_stopped_at_us(input.stopped_at_us());
  cdr.set_energy_mwh(input.energy_mwh());
  cdr.set_currency(tariff.currency());
  *cdr.mutable_flags() = session.flags();
  cdr.set_generation(session.generation());
  cdr.set_start_sequence(session.start_sequence());
  cdr.set_stop_sequence(session.stop_sequence());
  *cdr.mutable_total_cost() = ToPrice(bill.total);
  *cdr.mutable_total_fixed_cost() = ToPrice(bill.cost(Priced::kFlat));
  *cdr.mutable_total_energy_cost() = ToPrice(bill.cost(Priced::kEnergy));
  *cdr.mutable_total_time_cost() = ToPrice(bill.cost(Priced::kTime));
  *cdr.mutable_total_parking_cost() = ToPrice(bill.cost(Priced::kParking));
  Taxed reservation = bill.cost(Priced::kReservation);
  reservation.excl_e4 += bill.cost(Priced::kReservationFlat).excl_e4;
  reservation.incl_e4 += bill.cost(Priced::kReservationFlat).incl_e4;
  *cdr.mutable_total_reservation_cost() = ToPrice(reservation);
  for (const TaxLine& line : bill.taxes) {
    v1::TaxLine& tax = *cdr.add_taxes();
    if (line.vat_e4.has_value()) tax.set_vat_e4(*line.vat_e4);
    tax.set_excl_vat_e4(line.excl_e4);
    tax.set_tax_e4(line.tax_e4);
  }
  AddPeriods(bill, stretches, tariff, cdr);
  cdr.set_time_us(bill.time_ns / 1'000);
  cdr.set_parking_us(bill.parking_ns / 1'000);
  cdr.mutable_tariff()->set_country_code(tariff.country_code());
  cdr.mutable_tariff()->set_party_id(tariff.party_id());
  cdr.mutable_tariff()->set_id(tariff.id());
  cdr.set_tariff_version(version);
  cdr.set_rounding(std::string(kRounding));
  const LimitApplied limit = std::max(bill.limit_excl, bill.limit_incl);
  if (limit == LimitApplied::kMinimum) cdr.set_limit_applied("min_price");
  if (limit == LimitApplied::kMaximum) cdr.set_limit_applied("max_price");
  return cdr;
}

v1::Cdr CreditOf(const v1::Cdr& cdr) {
  v1::Cdr credit = cdr;
  credit.set_id(cdr.id() + "-C");
  credit.set_credit(true);
  credit.set_credit_reference_id(cdr.id());
  // Of all figures the total alone changes its sign (OCPI 2.2.1 mod_cdrs); taxes are not OCPI's.
  Negate(credit.mutable_total_cost());
  for (v1::TaxLine& line : *credit.mutable_taxes()) {
    line.set_excl_vat_e4(-line.excl_vat_e4());
    line.set_tax_e4(-line.tax_e4());
  }
  return credit;
}

bool SameBill(const v1::Cdr& a, const v1::Cdr& b) {
  return Same(a.total_cost(), b.total_cost()) && Same(a.total_fixed_cost(), b.total_fixed_cost()) &&
         Same(a.total_energy_cost(), b.total_energy_cost()) &&
         Same(a.total_time_cost(), b.total_time_cost()) &&
         Same(a.total_parking_cost(), b.total_parking_cost()) && a.currency() == b.currency() &&
         a.energy_mwh() == b.energy_mwh() && a.started_at_us() == b.started_at_us() &&
         a.stopped_at_us() == b.stopped_at_us();
}

}  // namespace chargeledger::projections
