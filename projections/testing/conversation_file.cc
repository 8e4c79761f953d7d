#include "projections/testing/conversation_file.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "projections/testing/tariffs.h"

namespace chargeledger::projections {
namespace {

// "@" and "@-90s" in `payload`, in quotes.
absl::StatusOr<std::string> WithTimes(absl::string_view payload, int64_t now_us) {
  std::string out;
  for (size_t at = payload.find("\"@"); at != payload.npos; at = payload.find("\"@")) {
    const size_t end = payload.find('"', at + 1);
    if (end == payload.npos) break;
    absl::string_view shift = payload.substr(at + 2, end - at - 2);
    int64_t seconds = 0;
    if (!shift.empty()) {
      int64_t unit = 1;
      if (absl::ConsumeSuffix(&shift, "d")) {
        unit = 86'400;
      } else if (absl::ConsumeSuffix(&shift, "h")) {
        unit = 3600;
      } else if (absl::ConsumeSuffix(&shift, "m")) {
        unit = 60;
      } else {
        absl::ConsumeSuffix(&shift, "s");
      }
      if (!absl::SimpleAtoi(shift, &seconds)) {
        return absl::InvalidArgumentError(absl::StrCat("no shift of time: @", shift));
      }
      seconds *= unit;
    }
    absl::StrAppend(&out, payload.substr(0, at), "\"",
                    core::FormatTimestamp(now_us + seconds * 1'000'000), "\"");
    payload.remove_prefix(end + 1);
  }
  absl::StrAppend(&out, payload);
  return out;
}

absl::Status RecordLine(absl::string_view line, Conversation& conversation) {
  std::vector<absl::string_view> words = absl::StrSplit(line, absl::MaxSplits(' ', 2));
  if (words[0] == "connect" && words.size() == 3) {
    conversation.Speak(words[2] == "ocpp2.0.1" ? v1::SUBPROTOCOL_OCPP2_0_1
                       : words[2] == "ocpp2.1" ? v1::SUBPROTOCOL_OCPP2_1
                                               : v1::SUBPROTOCOL_OCPP1_6);
    conversation.Connect(words[1]);
    return absl::OkStatus();
  }
  if (words[0] == "rated" && words.size() == 3) {
    const std::vector<absl::string_view> connector = absl::StrSplit(words[2], ' ');
    uint32_t id = 0;
    int64_t watts = 0;
    if (connector.size() != 2 || !absl::SimpleAtoi(connector[0], &id) ||
        !absl::SimpleAtoi(connector[1], &watts)) {
      return absl::InvalidArgumentError("rated is: charge point, connector, watts");
    }
    v1::ControlFact fact;
    auto& described = *fact.mutable_site_described()->add_connectors();
    described.set_charge_point_id(std::string(words[1]));
    described.set_connector_id(id);
    described.set_max_power_w(watts);
    conversation.Record(Known(fact, 1));
    return absl::OkStatus();
  }
  if (words[0] == "step" && words.size() == 2) {
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(words[1], &seconds)) {
      return absl::InvalidArgumentError("step is: seconds that the site's clock moves by");
    }
    conversation.StepClock(seconds * 1'000'000);
    return absl::OkStatus();
  }
  if (words.size() < 3) return absl::InvalidArgumentError("a line is: time, > or <, frame");
  std::string time(words[0]);
  if (!absl::StrContains(time, "T")) time = absl::StrCat("2026-03-01T", time, "Z");
  auto now = core::ParseTimestamp(time);
  if (!now.ok()) return now.status();
  conversation.At(time);
  if (words[1] == "close") {
    conversation.Disconnect(v1::ConnectionClosed::REASON_LOST);
    return absl::OkStatus();
  }
  auto rest = WithTimes(words[2], *now);
  if (!rest.ok()) return rest.status();
  const bool received = words[1] == ">";
  if (absl::StartsWith(*rest, "[")) {
    received ? conversation.Received(*rest) : conversation.Sent(*rest);
    return absl::OkStatus();
  }
  const size_t space = rest->find(' ');
  const size_t equals = rest->rfind(" = ");
  if (space == std::string::npos) return absl::InvalidArgumentError("an action needs a payload");
  const std::string action = rest->substr(0, space);
  const std::string payload =
      rest->substr(space + 1, equals == std::string::npos ? std::string::npos : equals - space - 1);
  const std::string answer = equals == std::string::npos ? "" : rest->substr(equals + 3);
  received ? conversation.Call(action, payload, answer)
           : conversation.Command(action, payload, answer);
  return absl::OkStatus();
}

std::string Time(int64_t us) { return us == 0 ? "-" : core::FormatTimestamp(us); }

// "SESSION_FLAG_MISSING_STOP" without its prefix, small.
template <typename Descriptor>
std::string Name(const Descriptor* descriptor, int value, absl::string_view prefix) {
  std::string name = descriptor->FindValueByNumber(value)->name();
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

std::string Kwh(int64_t mwh) { return core::FormatDecimal(mwh, 6, 3); }

std::string Seconds(int64_t us) { return absl::StrCat(us / 1'000'000, " s"); }

}  // namespace

absl::Status Record(absl::string_view text, Conversation& conversation) {
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    absl::Status status = RecordLine(line, conversation);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", status.message(), ": ", line));
    }
  }
  return absl::OkStatus();
}

std::string Describe(const v1::Session& s, bool billed) {
  const auto& sources = s.sources();
  const auto from = [](bool has, uint64_t sequence) {
    return has ? absl::StrCat(" [", sequence, "]") : std::string();
  };
  std::string text =
      absl::StrCat("session ", s.id(), ": ", s.charge_point_id(), " connector ", s.connector_id(),
                   s.transaction().empty() ? absl::StrCat(", transaction ", s.transaction_id())
                                           : absl::StrCat(", transaction ", s.transaction()),
                   ", tag ", s.id_tag().empty() ? "-" : s.id_tag(), "\n");
  absl::StrAppend(&text, "  ", Name(v1::SessionState_descriptor(), s.state(), "SESSION_STATE_"));
  if (s.end() != v1::SESSION_END_UNSPECIFIED) {
    absl::StrAppend(&text, " by ", Name(v1::SessionEnd_descriptor(), s.end(), "SESSION_END_"));
  }
  if (!s.stop_reason().empty()) absl::StrAppend(&text, ", reason ", s.stop_reason());
  if (!s.stop_id_tag().empty()) absl::StrAppend(&text, ", stopped by tag ", s.stop_id_tag());
  absl::StrAppend(&text, s.held() ? ", held" : "", billed ? ", billed" : "", "\n");
  const auto rule = [](v1::TimeRule r) { return Name(v1::TimeRule_descriptor(), r, "TIME_RULE_"); };
  absl::StrAppend(&text, "  started ", Time(s.started_at_us()), " (", rule(s.started_by()),
                  "), told ", Time(s.started_told_us()), ", received ",
                  Time(s.start_received_at_us()), " [", s.start_sequence(), "]\n");
  if (s.state() == v1::SESSION_STATE_CLOSED) {
    absl::StrAppend(&text, "  stopped ", Time(s.stopped_at_us()), " (", rule(s.stopped_by()),
                    "), told ", Time(s.stopped_told_us()), ", received ",
                    Time(s.stop_received_at_us()), " [", s.stop_sequence(), "]\n");
  }
  if (s.clock_skew_us() != 0) {
    absl::StrAppend(&text, "  clock ahead by ", Seconds(s.clock_skew_us()), "\n");
  }
  absl::StrAppend(&text, "  energy ", Kwh(s.energy_mwh()), " kWh by ",
                  Name(v1::EnergyRule_descriptor(), s.energy_rule(), "ENERGY_RULE_"), ", register ",
                  Kwh(s.meter_start_mwh()), from(sources.has_meter_start(), sources.meter_start()),
                  " to ", Kwh(s.meter_last_mwh()),
                  from(sources.has_meter_last(), sources.meter_last()), "\n");
  if (s.export_mwh() != 0) absl::StrAppend(&text, "  exported ", Kwh(s.export_mwh()), " kWh\n");
  if (s.max_power_mw() != 0) {
    absl::StrAppend(&text, "  most power ", core::FormatDecimal(s.max_power_mw(), 6, 1), " kW",
                    from(sources.has_max_power(), sources.max_power()), "\n");
  }
  if (s.soc_first_percent() >= 0) {
    absl::StrAppend(&text, "  battery ", s.soc_first_percent(), " % to ", s.soc_last_percent(),
                    " %\n");
  }
  absl::StrAppend(&text, "  charging ", Seconds(s.charging_us()), ", suspended by EV ",
                  Seconds(s.suspended_ev_us()), ", by EVSE ", Seconds(s.suspended_evse_us()),
                  ", idle ", Seconds(s.idle_us()), "\n");
  const v1::Completeness& c = s.completeness();
  absl::StrAppend(&text, "  meter values ", s.meter_value_count(), "; ", c.came(), " of ",
                  c.expected(), " every ", c.interval_s(), " s",
                  c.configured() ? " (configured)" : "", ", longest gap ", c.longest_gap_s(),
                  " s\n");
  if (!s.authorization().empty() || sources.has_authorize() || sources.has_remote_start() ||
      s.reservation_id() != 0 || sources.has_remote_stop()) {
    absl::StrAppend(&text, "  tag ", s.authorization().empty() ? "-" : s.authorization());
    if (sources.has_authorize()) absl::StrAppend(&text, ", authorize [", sources.authorize(), "]");
    if (sources.has_remote_start()) {
      absl::StrAppend(&text, ", remote start [", sources.remote_start(), "]");
    }
    if (s.reservation_id() != 0) {
      absl::StrAppend(&text, ", reservation ", s.reservation_id(),
                      from(sources.has_reserve_now(), sources.reserve_now()));
    }
    if (sources.has_remote_stop()) {
      absl::StrAppend(&text, ", remote stop [", sources.remote_stop(), "]");
    }
    absl::StrAppend(&text, "\n");
  }
  absl::StrAppend(
      &text, "  flags ", s.causes().empty() ? "-" : "",
      absl::StrJoin(s.causes(), " ",
                    [](std::string* out, const v1::FlagCause& cause) {
                      absl::StrAppend(
                          out, Name(v1::SessionFlag_descriptor(), cause.flag(), "SESSION_FLAG_"),
                          "[", cause.sequence(), "]");
                    }),
      "\n");
  return text;
}

}  // namespace chargeledger::projections
