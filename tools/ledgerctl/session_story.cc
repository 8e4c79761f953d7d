// sessions show, sessions watch.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/units.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

constexpr size_t kCurveWidth = 60;

std::string Kwh(int64_t mwh) { return core::FormatKilowattHours(core::MilliwattHours(mwh)); }
std::string Kw(int64_t mw) { return core::FormatKilowatts(core::Milliwatts(mw)); }
std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string Entry(bool known, uint64_t sequence) {
  return known ? absl::StrCat("  [", sequence, "]") : std::string();
}

std::string Rule(v1::TimeRule rule) { return ShortName(v1::TimeRule_Name(rule), "TIME_RULE_"); }

// Power over time, as told or, where it was not, as the register grew.
struct Curve {
  std::array<int64_t, kCurveWidth> mw;
  int64_t most_mw = 0;
  bool any = false;
};

Curve ToCurve(const v1::SessionStory& story) {
  struct At {
    int64_t us;
    int64_t mw;
  };
  std::vector<At> told;
  int64_t register_mwh = -1, register_us = 0;
  for (const auto& point : story.points()) {
    const int64_t us = point.told_us() != 0 ? point.told_us() : point.received_us();
    if (point.has_power_mw()) {
      told.push_back({us, point.power_mw()});
    } else if (point.has_register_mwh() && register_mwh >= 0 && us > register_us) {
      const int64_t seconds = std::max<int64_t>(1, (us - register_us) / 1'000'000);
      told.push_back(
          {us, std::max<int64_t>(0, point.register_mwh() - register_mwh) / seconds * 3600});
    }
    if (point.has_register_mwh()) {
      register_mwh = point.register_mwh();
      register_us = us;
    }
  }
  Curve curve;
  curve.mw.fill(-1);
  std::sort(told.begin(), told.end(), [](const At& a, const At& b) { return a.us < b.us; });
  if (told.size() < 2 || told.front().us == told.back().us) return curve;
  const int64_t begin = told.front().us, length = told.back().us - begin;
  for (const At& at : told) {
    const auto slot =
        static_cast<size_t>((at.us - begin) * static_cast<int64_t>(kCurveWidth - 1) / length);
    curve.mw[slot] = std::max(curve.mw[slot], at.mw);
    curve.most_mw = std::max(curve.most_mw, at.mw);
    curve.any = true;
  }
  // What was told last holds until the next is told.
  for (size_t i = 1; i < kCurveWidth; ++i) {
    if (curve.mw[i] < 0) curve.mw[i] = curve.mw[i - 1];
  }
  return curve;
}

std::string Sparkline(const Curve& curve) {
  static constexpr const char* kBars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string line;
  for (int64_t mw : curve.mw) {
    const int64_t level =
        curve.most_mw == 0 ? 0 : (std::max<int64_t>(0, mw) * 8 + curve.most_mw / 2) / curve.most_mw;
    line += kBars[std::min<int64_t>(8, level)];
  }
  return line;
}

using Fields = std::vector<std::vector<std::string>>;

Fields Figures(const v1::Session& s) {
  const v1::SessionSources& from = s.sources();
  const bool closed = s.state() == v1::SESSION_STATE_CLOSED;
  std::string state = ShortName(v1::SessionState_Name(s.state()), "SESSION_STATE_");
  if (closed) {
    absl::StrAppend(&state, ", by ", ShortName(v1::SessionEnd_Name(s.end()), "SESSION_END_"));
  } else if (s.charging_state() != v1::CHARGING_STATE_UNSPECIFIED) {
    absl::StrAppend(&state, ", ",
                    ShortName(v1::ChargingState_Name(s.charging_state()), "CHARGING_STATE_"));
  }
  if (s.held()) absl::StrAppend(&state, "; held for review");
  const v1::Completeness& c = s.completeness();
  Fields fields = {
      {"session", s.id()},
      {"site", s.site()},
      {"station", s.charge_point_id()},
      {"connector", absl::StrCat(s.connector_id())},
      {"transaction", s.transaction().empty() ? absl::StrCat(s.transaction_id()) : s.transaction()},
      {"id tag",
       absl::StrCat(OrDash(s.id_tag()), s.authorization().empty() ? "" : ", " + s.authorization(),
                    Entry(from.has_authorize(), from.authorize()))}};
  if (!s.stop_id_tag().empty()) fields.push_back({"stopped by tag", s.stop_id_tag()});
  if (from.has_remote_start()) {
    fields.push_back({"remote start", Entry(true, from.remote_start())});
  }
  if (s.reservation_id() != 0) {
    fields.push_back({"reservation", absl::StrCat(s.reservation_id(), Entry(from.has_reserve_now(),
                                                                            from.reserve_now()))});
  }
  fields.insert(fields.end(),
                {{"state", state},
                 {"started", absl::StrCat(HumanTime(s.started_at_us()), ", as ",
                                          Rule(s.started_by()), Entry(true, s.start_sequence()))},
                 {"  told, received", absl::StrCat(HumanTime(s.started_told_us()), ", ",
                                                   HumanTime(s.start_received_at_us()))}});
  if (closed) {
    fields.insert(
        fields.end(),
        {{"stopped", absl::StrCat(HumanTime(s.stopped_at_us()), ", as ", Rule(s.stopped_by()),
                                  Entry(true, s.stop_sequence()))},
         {"  told, received",
          absl::StrCat(HumanTime(s.stopped_told_us()), ", ", HumanTime(s.stop_received_at_us()))},
         {"length", HumanDuration(s.stopped_at_us() - s.started_at_us())},
         {"stop reason", absl::StrCat(OrDash(s.stop_reason()),
                                      Entry(from.has_remote_stop(), from.remote_stop()))}});
  }
  if (s.clock_skew_us() != 0) {
    fields.push_back({"clock", absl::StrCat(s.clock_skew_us() < 0 ? "behind by " : "ahead by ",
                                            HumanDuration(std::abs(s.clock_skew_us())))});
  }
  fields.insert(
      fields.end(),
      {{"energy, kWh",
        absl::StrCat(Kwh(s.energy_mwh()), ", by ",
                     ShortName(v1::EnergyRule_Name(s.energy_rule()), "ENERGY_RULE_"))},
       {"  register from",
        absl::StrCat(Kwh(s.meter_start_mwh()), Entry(from.has_meter_start(), from.meter_start()))},
       {"  register to",
        absl::StrCat(Kwh(s.meter_last_mwh()), Entry(from.has_meter_last(), from.meter_last()))},
       {"most power, kW",
        absl::StrCat(Kw(s.max_power_mw()), Entry(from.has_max_power(), from.max_power()))}});
  if (s.export_mwh() != 0) fields.push_back({"fed back, kWh", Kwh(s.export_mwh())});
  if (s.soc_first_percent() >= 0) {
    fields.push_back({"state of charge",
                      absl::StrCat(s.soc_first_percent(), " % to ", s.soc_last_percent(), " %")});
  }
  fields.insert(
      fields.end(),
      {{"charging", HumanDuration(s.charging_us())},
       {"suspended", absl::StrCat("by EV ", HumanDuration(s.suspended_ev_us()), ", by EVSE ",
                                  HumanDuration(s.suspended_evse_us()))},
       {"idle", HumanDuration(s.idle_us())},
       {"meter values",
        absl::StrCat(c.came(), " of ", c.expected(), " expected",
                     c.interval_s() == 0 ? "" : absl::StrCat(" every ", c.interval_s(), " s"),
                     c.configured() ? " (configured)" : "", ", longest gap ", c.longest_gap_s(),
                     " s; ", s.meter_value_count(), " in all")}});
  for (const v1::FlagCause& cause : s.causes()) {
    fields.push_back(
        {"flag", absl::StrCat(ShortName(v1::SessionFlag_Name(cause.flag()), "SESSION_FLAG_"),
                              Entry(true, cause.sequence()))});
  }
  fields.push_back(
      {"entries", absl::StrCat("generation ", s.generation(), ", from ", from.first(), " to ",
                               from.last(), "; [n] is the entry a figure is of")});
  return fields;
}

std::string Positions(const v1::GetSessionResponse& response) {
  return absl::StrJoin(response.as_of(), ",", [](std::string* out, const v1::LogPosition& p) {
    absl::StrAppend(out, p.site().empty() ? p.log_id() : p.site(), ":", p.generation(), ":",
                    p.size());
  });
}

}  // namespace

absl::Status ShowSession(const Context& context, const std::string& id, const Filter& filter) {
  v1::GetSessionRequest request;
  request.set_id(id);
  request.set_with_story(true);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::GetSessionResponse response, context.client.GetSession(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  Fields fields = Figures(response.session());
  fields.push_back({"as of", Positions(response)});
  if (context.format == Format::kCsv) {
    PrintCsv({"field", "value"}, fields, context.out);
    return absl::OkStatus();
  }
  PrintTable({{"FIELD"}, {"VALUE"}}, fields, context.out);
  const Curve curve = ToCurve(response.story());
  if (curve.any) {
    context.out << "\npower, up to " << Kw(curve.most_mw) << " kW\n  |" << Sparkline(curve)
                << "|\n";
  }
  Fields events;
  for (const auto& event : response.story().events()) {
    events.push_back({absl::StrCat(event.sequence()),
                      HumanTime(event.told_us() != 0 ? event.told_us() : event.received_us()),
                      event.action(), event.detail()});
  }
  context.out << "\n";
  PrintTable({{"ENTRY", true}, {"TIME (UTC)"}, {"SAID"}, {"DETAIL"}}, events, context.out);
  if (response.story().truncated()) context.out << "and more\n";
  return absl::OkStatus();
}

absl::Status WatchSessions(const Context& context, const Filter& filter) {
  v1::WatchSessionsRequest request;
  request.set_site(filter.site);
  request.set_charge_point_id(filter.station);
  CL_ASSIGN_OR_RETURN(v1::SessionFlag flag, ParseFlag(filter.flag));
  request.set_flag(flag);
  uint64_t lines = 0;
  absl::Status printed;
  const absl::Status status =
      context.client.WatchSessions(request, [&](const v1::WatchSessionsResponse& response) {
        const v1::Session& s = response.session();
        if (context.format == Format::kJson) {
          printed = PrintJson(response, context.out);
        } else {
          const char* gap = context.format == Format::kCsv ? "," : "  ";
          context.out << s.id() << gap << s.site() << gap << s.charge_point_id() << gap
                      << s.connector_id() << gap
                      << ShortName(v1::SessionState_Name(s.state()), "SESSION_STATE_") << gap
                      << RawTime(s.started_at_us()) << gap << Kwh(s.energy_mwh()) << gap
                      << absl::StrJoin(s.flags(), " ",
                                       [](std::string* out, int each) {
                                         absl::StrAppend(
                                             out, ShortName(v1::SessionFlag_Name(
                                                                static_cast<v1::SessionFlag>(each)),
                                                            "SESSION_FLAG_"));
                                       })
                      << "\n";
        }
        context.out.flush();
        return printed.ok() && context.out.good() && (filter.limit == 0 || ++lines < filter.limit);
      });
  return printed.ok() ? status : printed;
}

}  // namespace chargeledger::ledgerctl
