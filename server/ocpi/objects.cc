#include "server/ocpi/objects.h"

#include "ocpi/cdr_writer.h"
#include "projections/billing/registry.h"
#include "projections/books.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::server {

std::optional<v1::ContractRegistered> OcpiObjects::Contract(const std::string& id_tag) const {
  return facts_.Contract(id_tag);
}

v1::SiteDescribed OcpiObjects::Site(const std::string& site) const {
  return facts_.Site(site).value_or(v1::SiteDescribed());
}

const Partner* OcpiObjects::PartnerOf(const v1::Cdr& cdr) const {
  return partners_.Find(cdr.partner_country_code(), cdr.partner_party_id());
}

const Partner* OcpiObjects::PartnerOf(const v1::Session& session) const {
  const auto contract = Contract(session.id_tag());
  return contract.has_value()
             ? partners_.Find(contract->partner_country_code(), contract->partner_party_id())
             : nullptr;
}

std::optional<core::Json> OcpiObjects::ToJson(const v1::Cdr& cdr, const log::Reader& states,
                                              const core::LogId& log_id) const {
  auto stored = states.Get(projections::StatePrefix(log_id, projections::Books::kBilling) +
                           projections::TariffStateKey(cdr.tariff(), cdr.tariff_version()));
  v1::TariffVersion version;
  if (!stored.ok() || !stored->has_value() || !version.ParseFromString(**stored)) {
    return std::nullopt;
  }
  ocpi::Surroundings around{partners_.country_code, partners_.party_id, Site(cdr.site()),
                            Contract(cdr.id_tag()).value_or(v1::ContractRegistered())};
  return ocpi::WriteCdr(cdr, version.tariff(), around);
}

core::Json OcpiObjects::ToJson(const v1::Session& session) const {
  ocpi::Surroundings around{partners_.country_code, partners_.party_id, Site(session.site()),
                            Contract(session.id_tag()).value_or(v1::ContractRegistered())};
  // A session's currency is that of the tariff that will price it: most likely the newest one.
  const auto tariffs = facts_.Tariffs(false);
  return ocpi::WriteSession(session, tariffs.empty() ? "EUR" : tariffs.back().tariff().currency(),
                            around);
}

}  // namespace chargeledger::server
