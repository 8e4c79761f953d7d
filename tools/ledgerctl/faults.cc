// faults list|top.
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

template <typename Message>
std::string Kind(const Message& message) {
  return ShortName(v1::FaultKind_Name(message.kind()), "FAULT_KIND_");
}

template <typename Message>
std::string Code(const Message& message) {
  return message.code();
}

template <typename Message>
std::string VendorCode(const Message& message) {
  return message.vendor_code();
}

}  // namespace

absl::Status ListFaults(const Context& context, const Filter& filter) {
  v1::ListFaultsRequest request;
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  request.set_site(filter.site);
  request.set_charge_point_id(filter.station);
  request.set_active_only(filter.active);
  CL_ASSIGN_OR_RETURN(v1::ListFaultsResponse response,
                      context.client.ListFaults(request, filter.limit));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::Fault& f) { return f.id(); };
  auto site = [](const v1::Fault& f) { return f.site(); };
  auto station = [](const v1::Fault& f) { return f.charge_point_id(); };
  auto connector = [](const v1::Fault& f) { return absl::StrCat(f.connector_id()); };
  auto detail = [](const v1::Fault& f) { return f.detail(); };
  const std::vector<Column<v1::Fault>> columns = {
      {{"FAULT"}, id, "fault", id},
      {{"SITE"}, site, "site", site},
      {{"STATION"}, station, "station", station},
      {{"C", true}, connector, "connector", connector},
      {{"KIND"}, Kind<v1::Fault>, "kind", Kind<v1::Fault>},
      {{"CODE"}, Code<v1::Fault>, "code", Code<v1::Fault>},
      {{"VENDOR"}, VendorCode<v1::Fault>, "vendor_code", VendorCode<v1::Fault>},
      {{"BEGAN (UTC)"},
       [](const v1::Fault& f) { return HumanTime(f.began_at_us()); },
       "began_at",
       [](const v1::Fault& f) { return RawTime(f.began_at_us()); }},
      {{"LASTED", true},
       [](const v1::Fault& f) {
         return f.active() ? std::string("active")
                           : HumanDuration(f.ended_at_us() - f.began_at_us());
       },
       "ended_at",
       [](const v1::Fault& f) { return RawTime(f.ended_at_us()); }},
      {{"DETAIL"}, detail, "detail", detail}};
  PrintRows(context.format, columns, response.faults(), "faults", context.out);
  return absl::OkStatus();
}

absl::Status ListTopFaults(const Context& context, const Filter& filter) {
  v1::ListTopFaultsRequest request;
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  request.set_site(filter.site);
  request.set_limit(static_cast<uint32_t>(filter.limit));
  CL_ASSIGN_OR_RETURN(v1::ListTopFaultsResponse response, context.client.ListTopFaults(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto count = [](const v1::FaultCount& f) { return absl::StrCat(f.count()); };
  auto active = [](const v1::FaultCount& f) { return absl::StrCat(f.active()); };
  auto stations = [](const v1::FaultCount& f) { return absl::StrCat(f.stations()); };
  const std::vector<Column<v1::FaultCount>> columns = {
      {{"COUNT", true}, count, "count", count},
      {{"ACTIVE", true}, active, "active", active},
      {{"STATIONS", true}, stations, "stations", stations},
      {{"KIND"}, Kind<v1::FaultCount>, "kind", Kind<v1::FaultCount>},
      {{"CODE"}, Code<v1::FaultCount>, "code", Code<v1::FaultCount>},
      {{"VENDOR"}, VendorCode<v1::FaultCount>, "vendor_code", VendorCode<v1::FaultCount>}};
  PrintRows(context.format, columns, response.counts(), "faults", context.out);
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
