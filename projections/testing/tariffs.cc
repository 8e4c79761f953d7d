#include "projections/testing/tariffs.h"

#include "core/ids.h"

namespace chargeledger::projections {

v1::Tariff FlatTariff() {
  v1::Tariff tariff;
  tariff.set_id("FLAT");
  tariff.set_currency("EUR");
  v1::TariffElement& element = *tariff.add_elements();
  v1::PriceComponent& energy = *element.add_price_components();
  energy.set_type(v1::TARIFF_DIMENSION_ENERGY);
  energy.set_price_e9(450'000'000);
  v1::PriceComponent& fee = *element.add_price_components();
  fee.set_type(v1::TARIFF_DIMENSION_FLAT);
  fee.set_price_e9(350'000'000);
  return tariff;
}

v1::Entry Known(const v1::ControlFact& fact, uint64_t number) {
  v1::Entry control;
  control.set_generation(1);
  control.set_sequence(number);
  *control.mutable_control_fact() = fact;
  v1::Entry entry;
  v1::KnownFact& known = *entry.mutable_known_fact();
  known.set_log_id("the control log.");
  known.set_generation(1);
  known.set_sequence(number);
  known.set_entry(control.SerializeAsString());
  return entry;
}

void KnowTariff(const v1::Tariff& tariff, Conversation& conversation, uint64_t number,
                uint32_t version) {
  v1::ControlFact published;
  *published.mutable_tariff_published()->mutable_tariff() = tariff;
  published.mutable_tariff_published()->set_version(version);
  conversation.Record(Known(published, number));
  if (version > 1) return;
  v1::ControlFact assigned;
  v1::TariffKey& key = *assigned.mutable_tariff_assigned()->mutable_tariff();
  key.set_country_code(tariff.country_code());
  key.set_party_id(tariff.party_id());
  key.set_id(tariff.id());
  conversation.Record(Known(assigned, number + 1));
}

}  // namespace chargeledger::projections
