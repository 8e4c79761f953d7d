#include "ocpi/cdr_writer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "ocpi/reading.h"
#include "ocpi/tariff.h"

namespace chargeledger::ocpi {
namespace {

using core::Json;

Json Time(int64_t us) { return Json::String(core::FormatTimestamp(us)); }

Json Price(const v1::Price& price) {
  Json json = Json::Object();
  json.Set("excl_vat", Json::Number(PlainDecimal(price.excl_vat_e4(), 4)));
  json.Set("incl_vat", Json::Number(PlainDecimal(price.incl_vat_e4(), 4)));
  return json;
}

// OCPI's numbers have four decimals.
Json Kwh(int64_t mwh) { return Json::Number(PlainDecimal(*core::MultiplyDivide(mwh, 1, 100), 4)); }
Json Hours(int64_t ns) {
  return Json::Number(PlainDecimal(*core::MultiplyDivide(ns, 1, 360'000'000), 4));
}

Json Token(const std::string& id_tag, const Surroundings& around) {
  const v1::ContractRegistered& contract = around.contract;
  const bool partner = !contract.partner_party_id().empty();
  Json json = Json::Object();
  json.Set("country_code",
           Json::String(partner ? contract.partner_country_code() : around.country_code));
  json.Set("party_id", Json::String(partner ? contract.partner_party_id() : around.party_id));
  json.Set("uid", Json::String(id_tag));
  json.Set("type", Json::String(contract.token_type().empty() ? "RFID" : contract.token_type()));
  json.Set("contract_id",
           Json::String(contract.contract_id().empty() ? id_tag : contract.contract_id()));
  return json;
}

v1::SiteDescribed::Connector ConnectorOf(const std::string& charge_point_id, uint32_t connector_id,
                                         const Surroundings& around) {
  for (const v1::SiteDescribed::Connector& connector : around.site.connectors()) {
    if (connector.charge_point_id() == charge_point_id &&
        connector.connector_id() == connector_id) {
      return connector;
    }
  }
  v1::SiteDescribed::Connector connector;
  connector.set_evse_uid(absl::StrCat(charge_point_id, "-", connector_id));
  return connector;
}

std::string Or(const std::string& text, const char* otherwise) {
  return text.empty() ? otherwise : text;
}

Json Location(const v1::Cdr& cdr, const Surroundings& around) {
  const v1::SiteDescribed& site = around.site;
  const auto connector = ConnectorOf(cdr.charge_point_id(), cdr.connector_id(), around);
  Json json = Json::Object();
  json.Set("id", Json::String(cdr.site()));
  if (!site.name().empty()) json.Set("name", Json::String(site.name()));
  json.Set("address", Json::String(site.address()));
  json.Set("city", Json::String(site.city()));
  if (!site.postal_code().empty()) json.Set("postal_code", Json::String(site.postal_code()));
  json.Set("country", Json::String(site.country()));
  Json& coordinates = json.Set("coordinates", Json::Object());
  coordinates.Set("latitude", Json::String(Or(site.latitude(), "0.0")));
  coordinates.Set("longitude", Json::String(Or(site.longitude(), "0.0")));
  json.Set("evse_uid", Json::String(connector.evse_uid()));
  json.Set("evse_id", Json::String(Or(connector.evse_id(), "#NA")));
  json.Set("connector_id", Json::String(absl::StrCat(cdr.connector_id())));
  json.Set("connector_standard", Json::String(Or(connector.standard(), "IEC_62196_T2")));
  json.Set("connector_format", Json::String(Or(connector.format(), "SOCKET")));
  json.Set("connector_power_type", Json::String(Or(connector.power_type(), "AC_3_PHASE")));
  return json;
}

std::string DimensionOf(const v1::PricedVolume& volume) {
  return volume.reservation() ? "RESERVATION_TIME" : DimensionName(volume.dimension());
}

Json Periods(const v1::Cdr& cdr) {
  Json periods = Json::Array();
  for (const v1::PricedPeriod& period : cdr.periods()) {
    Json& out = periods.Append(Json::Object());
    out.Set("start_date_time", Time(period.start_us()));
    Json& dimensions = out.Set("dimensions", Json::Array());
    const auto add = [&](const std::string& type, Json volume) {
      Json& dimension = dimensions.Append(Json::Object());
      dimension.Set("type", Json::String(type));
      dimension.Set("volume", std::move(volume));
    };
    for (const v1::PricedVolume& volume : period.volumes()) {
      // OCPI has no dimension for what is flat: the tariff says it.
      if (volume.dimension() == v1::TARIFF_DIMENSION_FLAT) continue;
      add(DimensionOf(volume), volume.dimension() == v1::TARIFF_DIMENSION_ENERGY
                                   ? Kwh(volume.volume() / 1'000)
                                   : Hours(volume.volume()));
    }
    if (period.max_power_mw() > 0) {
      add("MAX_POWER",
          Json::Number(PlainDecimal(*core::MultiplyDivide(period.max_power_mw(), 1, 100), 4)));
    }
    // A session of no time and no energy has a period too.
    if (dimensions.items().empty()) add("TIME", Json::Number(int64_t{0}));
    out.Set("tariff_id", Json::String(cdr.tariff().id()));
  }
  return periods;
}

}  // namespace

Json WriteCdr(const v1::Cdr& cdr, const v1::Tariff& tariff, const Surroundings& around) {
  Json json = Json::Object();
  json.Set("country_code", Json::String(around.country_code));
  json.Set("party_id", Json::String(around.party_id));
  json.Set("id", Json::String(cdr.id()));
  json.Set("start_date_time", Time(cdr.started_at_us()));
  json.Set("end_date_time", Time(cdr.stopped_at_us()));
  json.Set("session_id", Json::String(cdr.session_id()));
  json.Set("cdr_token", Token(cdr.id_tag(), around));
  json.Set("auth_method", Json::String("WHITELIST"));
  json.Set("cdr_location", Location(cdr, around));
  json.Set("currency", Json::String(cdr.currency()));
  v1::Tariff stated = tariff;
  if (stated.country_code().empty()) stated.set_country_code(around.country_code);
  if (stated.party_id().empty()) stated.set_party_id(around.party_id);
  json.Set("tariffs", Json::Array()).Append(WriteTariff(stated, Version::k221));
  json.Set("charging_periods", Periods(cdr));
  json.Set("total_cost", Price(cdr.total_cost()));
  json.Set("total_fixed_cost", Price(cdr.total_fixed_cost()));
  json.Set("total_energy", Kwh(cdr.energy_mwh()));
  json.Set("total_energy_cost", Price(cdr.total_energy_cost()));
  json.Set("total_time", Hours((cdr.time_us() + cdr.parking_us()) * 1'000));
  json.Set("total_time_cost", Price(cdr.total_time_cost()));
  json.Set("total_parking_time", Hours(cdr.parking_us() * 1'000));
  json.Set("total_parking_cost", Price(cdr.total_parking_cost()));
  if (cdr.total_reservation_cost().incl_vat_e4() != 0) {
    json.Set("total_reservation_cost", Price(cdr.total_reservation_cost()));
  }
  if (!cdr.remark().empty()) json.Set("remark", Json::String(cdr.remark().substr(0, 255)));
  if (cdr.credit()) {
    json.Set("credit", Json::Bool(true));
    json.Set("credit_reference_id", Json::String(cdr.credit_reference_id()));
  }
  json.Set("last_updated", Time(cdr.made_at_us()));
  return json;
}

Json WriteSession(const v1::Session& session, const std::string& currency,
                  const Surroundings& around) {
  const auto connector = ConnectorOf(session.charge_point_id(), session.connector_id(), around);
  const bool closed = session.state() == v1::SESSION_STATE_CLOSED;
  Json json = Json::Object();
  json.Set("country_code", Json::String(around.country_code));
  json.Set("party_id", Json::String(around.party_id));
  json.Set("id", Json::String(session.id()));
  json.Set("start_date_time", Time(session.started_at_us()));
  if (closed) json.Set("end_date_time", Time(session.stopped_at_us()));
  json.Set("kwh", Kwh(session.energy_mwh()));
  json.Set("cdr_token", Token(session.id_tag(), around));
  json.Set("auth_method", Json::String("WHITELIST"));
  json.Set("location_id", Json::String(session.site()));
  json.Set("evse_uid", Json::String(connector.evse_uid()));
  json.Set("connector_id", Json::String(absl::StrCat(session.connector_id())));
  json.Set("currency", Json::String(currency));
  json.Set("status", Json::String(closed ? "COMPLETED" : "ACTIVE"));
  json.Set("last_updated",
           Time(std::max({session.start_received_at_us(), session.stop_received_at_us(),
                          session.last_sample_at_us()})));
  return json;
}

}  // namespace chargeledger::ocpi
