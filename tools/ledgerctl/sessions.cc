// sessions list, cdrs list|show.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/units.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

using Fields = std::vector<std::vector<std::string>>;

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

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

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

void PrintFields(const Context& context, const Fields& fields) {
  if (context.format == Format::kCsv) return PrintCsv({"field", "value"}, fields, context.out);
  PrintTable({{"FIELD"}, {"VALUE"}}, fields, context.out);
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

absl::Status ListCdrs(const Context& context, const Filter& filter) {
  v1::ListCdrsRequest request;
  request.set_site(filter.site);
  request.set_charge_point_id(filter.station);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::ListCdrsResponse response,
                      context.client.ListCdrs(request, filter.limit));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::Cdr& c) { return c.id(); };
  auto site = [](const v1::Cdr& c) { return c.site(); };
  auto station = [](const v1::Cdr& c) { return c.charge_point_id(); };
  auto currency = [](const v1::Cdr& c) { return c.currency(); };
  auto flags = [](const v1::Cdr& c) { return Flags(c); };
  auto money = [](auto get) {
    return [get](const v1::Cdr& c) { return HumanMoney(get(c), c.currency()); };
  };
  auto raw = [](auto get) { return [get](const v1::Cdr& c) { return absl::StrCat(get(c)); }; };
  auto energy_cost = [](const v1::Cdr& c) { return c.energy_cost_e4(); };
  auto fixed_cost = [](const v1::Cdr& c) { return c.fixed_cost_e4(); };
  auto total = [](const v1::Cdr& c) { return c.total_cost_e4(); };
  const std::vector<Column<v1::Cdr>> columns = {
      {{"CDR"}, id, "cdr", id},
      {{"SITE"}, site, "site", site},
      {{"STATION"}, station, "station", station},
      {{"STOPPED (UTC)"},
       [](const v1::Cdr& c) { return HumanTime(c.stopped_at_us()); },
       "stopped_at",
       [](const v1::Cdr& c) { return RawTime(c.stopped_at_us()); }},
      {{"KWH", true},
       [](const v1::Cdr& c) { return Kwh(c.energy_mwh()); },
       "energy_mwh",
       raw([](const v1::Cdr& c) { return c.energy_mwh(); })},
      {{"ENERGY", true}, money(energy_cost), "energy_cost_e4", raw(energy_cost)},
      {{"FEE", true}, money(fixed_cost), "fixed_cost_e4", raw(fixed_cost)},
      {{"TOTAL", true}, money(total), "total_cost_e4", raw(total)},
      {{"CUR"}, currency, "currency", currency},
      {{"FLAGS"}, flags, "flags", flags}};
  PrintRows(context.format, columns, response.cdrs(), "CDRs", context.out);
  return absl::OkStatus();
}

absl::Status ShowCdr(const Context& context, const std::string& id, const Filter& filter) {
  v1::GetCdrRequest request;
  request.set_id(id);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::GetCdrResponse response, context.client.GetCdr(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  const v1::Cdr& c = response.cdr();
  auto money = [&](int64_t e4) { return HumanMoney(e4, c.currency()); };
  PrintFields(context,
              {{"CDR", c.id()},
               {"session", c.session_id()},
               {"site", c.site()},
               {"station", c.charge_point_id()},
               {"connector", absl::StrCat(c.connector_id())},
               {"id tag", OrDash(c.id_tag())},
               {"started (as told)", HumanTime(c.started_at_us())},
               {"stopped (as told)", HumanTime(c.stopped_at_us())},
               {"currency", c.currency()},
               {"energy", absl::StrCat(Kwh(c.energy_mwh()), " kWh x ",
                                       core::FormatDecimal(c.price_per_kwh_e4(), 4, 4), " = ",
                                       money(c.energy_cost_e4()))},
               {"start fee", money(c.fixed_cost_e4())},
               {"total", money(c.total_cost_e4())},
               {"flags", OrDash(Flags(c))},
               {"entries", absl::StrCat("generation ", c.generation(), ": start ",
                                        c.start_sequence(), ", stop ", c.stop_sequence())}});
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
