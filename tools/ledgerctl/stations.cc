// sites list, stations list, status.
#include <map>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

std::string YesNo(bool value) { return value ? "yes" : "no"; }

}  // namespace

absl::Status ListSites(const Context& context) {
  CL_ASSIGN_OR_RETURN(v1::ListSitesResponse response, context.client.ListSites());
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto number = [](auto get) { return [get](const v1::Site& s) { return absl::StrCat(get(s)); }; };
  auto site = [](const v1::Site& s) { return s.site(); };
  auto operator_name = [](const v1::Site& s) { return s.operator_(); };
  auto stations = number([](const v1::Site& s) { return s.station_count(); });
  auto connected = number([](const v1::Site& s) { return s.stations_connected(); });
  auto entries = number([](const v1::Site& s) { return s.entry_count(); });
  auto live = [](const v1::Site& s) { return YesNo(s.replicating()); };
  const std::vector<Column<v1::Site>> columns = {
      {{"SITE"}, site, "site", site},
      {{"OPERATOR"}, operator_name, "operator", operator_name},
      {{"STATIONS", true}, stations, "stations", stations},
      {{"CONNECTED", true}, connected, "stations_connected", connected},
      {{"REPLICATING"}, live, "replicating", live},
      {{"ENTRIES", true}, entries, "entries", entries},
      {{"LAST ENTRY (UTC)"},
       [](const v1::Site& s) { return HumanTime(s.last_entry_at_us()); },
       "last_entry_at",
       [](const v1::Site& s) { return RawTime(s.last_entry_at_us()); }}};
  PrintRows(context.format, columns, response.sites(), "sites", context.out);
  return absl::OkStatus();
}

absl::Status ListStations(const Context& context, const Filter& filter) {
  v1::ListStationsRequest request;
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  request.set_site(filter.site);
  CL_ASSIGN_OR_RETURN(v1::ListStationsResponse response, context.client.ListStations(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto text = [](auto get) { return [get](const v1::Station& s) { return std::string(get(s)); }; };
  auto station = text([](const v1::Station& s) { return s.charge_point_id(); });
  auto site = text([](const v1::Station& s) { return s.site(); });
  auto model = [](const v1::Station& s) { return absl::StrCat(s.vendor(), " ", s.model()); };
  auto firmware = text([](const v1::Station& s) { return s.firmware_version(); });
  auto connected = [](const v1::Station& s) { return YesNo(s.connected()); };
  auto received = [](const v1::Station& s) { return absl::StrCat(s.frames_received()); };
  auto boots = [](const v1::Station& s) { return absl::StrCat(s.boot_count()); };
  const std::vector<Column<v1::Station>> columns = {
      {{"STATION"}, station, "station", station},
      {{"SITE"}, site, "site", site},
      {{"MODEL"}, model, "model", model},
      {{"FIRMWARE"}, firmware, "firmware", firmware},
      {{"CONNECTED"}, connected, "connected", connected},
      {{"FRAMES", true}, received, "frames_received", received},
      {{"BOOTS", true}, boots, "boots", boots},
      {{"LAST HEARD (UTC)"},
       [](const v1::Station& s) { return HumanTime(s.last_heard_at_us()); },
       "last_heard_at",
       [](const v1::Station& s) { return RawTime(s.last_heard_at_us()); }}};
  PrintRows(context.format, columns, response.stations(), "stations", context.out);
  return absl::OkStatus();
}

absl::Status ShowStatus(const Context& context, const Filter& filter) {
  v1::ListConnectorsRequest request;
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  request.set_site(filter.site);
  CL_ASSIGN_OR_RETURN(v1::ListConnectorsResponse response, context.client.ListConnectors(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  v1::ListStationsRequest stations_request;
  stations_request.set_site(filter.site);
  CL_ASSIGN_OR_RETURN(v1::ListStationsResponse stations,
                      context.client.ListStations(stations_request));
  std::map<std::pair<std::string, std::string>, bool> connected;
  for (const v1::Station& station : stations.stations()) {
    connected[{station.site(), station.charge_point_id()}] = station.connected();
  }
  auto site = [](const v1::Connector& c) { return c.site(); };
  auto station = [](const v1::Connector& c) { return c.charge_point_id(); };
  auto connector = [](const v1::Connector& c) { return absl::StrCat(c.connector_id()); };
  auto online = [&](const v1::Connector& c) {
    return YesNo(connected[{c.site(), c.charge_point_id()}]);
  };
  auto state = [](const v1::Connector& c) { return c.raw_status(); };
  auto error = [](const v1::Connector& c) {
    return c.error_code() == "NoError" ? std::string("-")
                                       : absl::StrCat(c.error_code(), " ", c.vendor_error_code());
  };
  auto session = [](const v1::Connector& c) { return c.session_id(); };
  const std::vector<Column<v1::Connector>> columns = {
      {{"STATION"}, station, "station", station},
      {{"CONN", true}, connector, "connector", connector},
      {{"SITE"}, site, "site", site},
      {{"ONLINE"}, online, "online", online},
      {{"STATE"}, state, "state", state},
      {{"SINCE (UTC)"},
       [](const v1::Connector& c) { return HumanTime(c.since_received_us()); },
       "since_received",
       [](const v1::Connector& c) { return RawTime(c.since_received_us()); }},
      {{"ERROR"}, error, "error_code", [](const v1::Connector& c) { return c.error_code(); }},
      {{"SESSION"}, session, "session", session}};
  PrintRows(context.format, columns, response.connectors(), "connectors", context.out);
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
