// sessions list.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/units.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

template <typename Message>
std::string Flags(const Message& message) {
  return absl::StrJoin(message.flags(), " ", [](std::string* out, int flag) {
    absl::StrAppend(out, ShortName(v1::SessionFlag_Name(flag), "SESSION_FLAG_"));
  });
}

std::string Kwh(int64_t mwh) { return core::FormatKilowattHours(core::MilliwattHours(mwh)); }

std::string StateName(const v1::Session& session) {
  return ShortName(v1::SessionState_Name(session.state()), "SESSION_STATE_");
}

std::string Length(const v1::Session& s) {
  return s.stopped_at_us() == 0 ? "-" : HumanDuration(s.stopped_at_us() - s.started_at_us());
}

absl::StatusOr<v1::ListSessionsRequest> ToRequest(const Filter& filter) {
  v1::ListSessionsRequest request;
  request.set_site(filter.site);
  request.set_charge_point_id(filter.station);
  if (filter.state == "open") request.set_state(v1::SESSION_STATE_OPEN);
  if (filter.state == "closed") request.set_state(v1::SESSION_STATE_CLOSED);
  if (!filter.state.empty() && request.state() == v1::SESSION_STATE_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        absl::StrCat("--state is \"", filter.state, "\"; it must be open or closed"));
  }
  CL_ASSIGN_OR_RETURN(v1::SessionFlag flag, ParseFlag(filter.flag));
  request.set_flag(flag);
  request.set_held_only(filter.held);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  return request;
}

}  // namespace

absl::Status ListSessions(const Context& context, const Filter& filter) {
  CL_ASSIGN_OR_RETURN(v1::ListSessionsRequest request, ToRequest(filter));
  CL_ASSIGN_OR_RETURN(v1::ListSessionsResponse response,
                      context.client.ListSessions(request, filter.limit));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::Session& s) { return s.id(); };
  auto site = [](const v1::Session& s) { return s.site(); };
  auto station = [](const v1::Session& s) { return s.charge_point_id(); };
  auto connector = [](const v1::Session& s) { return absl::StrCat(s.connector_id()); };
  auto flags = [](const v1::Session& s) { return Flags(s); };
  const std::vector<Column<v1::Session>> columns = {
      {{"SESSION"}, id, "session", id},
      {{"SITE"}, site, "site", site},
      {{"STATION"}, station, "station", station},
      {{"C", true}, connector, "connector", connector},
      {{"STATE"}, StateName, "state", StateName},
      {{"STARTED (UTC)"},
       [](const v1::Session& s) { return HumanTime(s.started_at_us()); },
       "started_at",
       [](const v1::Session& s) { return RawTime(s.started_at_us()); }},
      {{"LENGTH", true},
       Length,
       "stopped_at",
       [](const v1::Session& s) { return RawTime(s.stopped_at_us()); }},
      {{"KWH", true},
       [](const v1::Session& s) { return Kwh(s.energy_mwh()); },
       "energy_mwh",
       [](const v1::Session& s) { return absl::StrCat(s.energy_mwh()); }},
      {{"KW", true},
       [](const v1::Session& s) {
         return core::FormatKilowatts(core::Milliwatts(s.max_power_mw()));
       },
       "max_power_mw",
       [](const v1::Session& s) { return absl::StrCat(s.max_power_mw()); }},
      {{"FLAGS"},
       [](const v1::Session& s) { return absl::StrCat(s.held() ? "HELD " : "", Flags(s)); },
       "flags",
       flags},
      {{}, nullptr, "held", [](const v1::Session& s) {
         return std::string(s.held() ? "1" : "0");
       }}};
  PrintRows(context.format, columns, response.sessions(), "sessions", context.out);
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
