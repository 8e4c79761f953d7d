#include "tools/chargesim/csv_replay.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/timestamp.h"

namespace chargeledger::chargesim {
namespace {

using nlohmann::json;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMinute = 60 * kSecond;

std::vector<std::string> SplitLine(absl::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back().push_back('"');
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back().push_back(c);
    }
  }
  return fields;
}

class Row {
 public:
  Row(const std::map<std::string, size_t>& columns, std::vector<std::string> fields, int line)
      : columns_(columns), fields_(std::move(fields)), line_(line) {}

  absl::StatusOr<std::string> Text(const std::string& column) const {
    auto at = columns_.find(column);
    if (at == columns_.end()) return Bad(column, "is not among the columns of the first line");
    if (at->second >= fields_.size()) return Bad(column, "is missing");
    return fields_[at->second];
  }
  // `text` × 10^scale.
  absl::StatusOr<int64_t> Number(const std::string& column, int scale) const {
    CL_ASSIGN_OR_RETURN(std::string text, Text(column));
    auto number = core::ParseDecimal(text, scale, core::Excess::kRoundHalfAwayFromZero);
    if (number.ok() && *number >= 0) return number;
    return Bad(column, absl::StrCat("is \"", text, "\"; it must be a number, not negative"));
  }
  absl::StatusOr<int64_t> Time(const std::string& column) const {
    CL_ASSIGN_OR_RETURN(std::string text, Text(column));
    std::replace(text.begin(), text.end(), ' ', 'T');
    auto time = core::ParseTimestamp(text);
    if (time.ok()) return time;
    return Bad(column, absl::StrCat("is \"", text, "\"; it must be as 2022-08-11 23:33:00"));
  }
  bool Has(const std::string& column) const { return columns_.count(column) > 0; }

 private:
  absl::Status Bad(const std::string& column, const std::string& why) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": \"", column, "\" ", why));
  }

  const std::map<std::string, size_t>& columns_;
  const std::vector<std::string> fields_;
  const int line_;
};

absl::StatusOr<RecordedSession> ToSession(const Row& row) {
  RecordedSession session;
  CL_ASSIGN_OR_RETURN(session.plug, row.Text("CCS"));
  CL_ASSIGN_OR_RETURN(session.arrival_us, row.Time("Arrival"));
  CL_ASSIGN_OR_RETURN(int64_t stay, row.Number("Stay (min)", 0));
  session.length_us = stay * kMinute;
  CL_ASSIGN_OR_RETURN(session.energy_mwh, row.Number("Energy (Wh)", 3));
  if (row.Has("Pmax (W)")) {
    CL_ASSIGN_OR_RETURN(session.most_power_w, row.Number("Pmax (W)", 0));
  }
  if (row.Has("SOC arrival") && row.Has("SOC departure")) {
    CL_ASSIGN_OR_RETURN(int64_t arrival, row.Number("SOC arrival", 0));
    CL_ASSIGN_OR_RETURN(int64_t departure, row.Number("SOC departure", 0));
    session.soc_arrival = static_cast<int>(std::min<int64_t>(arrival, 100));
    session.soc_departure = static_cast<int>(std::min<int64_t>(departure, 100));
  }
  return session;
}

}  // namespace

absl::StatusOr<std::vector<RecordedSession>> ParseSessionsCsv(absl::string_view text) {
  std::map<std::string, size_t> columns;
  std::vector<RecordedSession> sessions;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::string_view line = absl::StripTrailingAsciiWhitespace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    std::vector<std::string> fields = SplitLine(line);
    if (columns.empty()) {
      for (size_t i = 0; i < fields.size(); ++i) columns[fields[i]] = i;
      continue;
    }
    CL_ASSIGN_OR_RETURN(RecordedSession session,
                        ToSession(Row(columns, std::move(fields), number)));
    sessions.push_back(std::move(session));
  }
  if (sessions.empty()) return absl::InvalidArgumentError("the file has no sessions");
  std::stable_sort(sessions.begin(), sessions.end(),
                   [](const auto& a, const auto& b) { return a.arrival_us < b.arrival_us; });
  int64_t total_mwh = 0, shown_wh = 0;
  for (RecordedSession& session : sessions) {
    total_mwh += session.energy_mwh;
    session.energy_wh = (total_mwh + 500) / 1000 - shown_wh;
    shown_wh += session.energy_wh;
  }
  return sessions;
}

CsvReplay::CsvReplay(std::string id, Protocol protocol, std::vector<RecordedSession> sessions,
                     int64_t meter_interval_s, int64_t end_us)
    : id_(std::move(id)),
      protocol_(protocol),
      sessions_(std::move(sessions)),
      meter_interval_us_(meter_interval_s * kSecond),
      now_us_(end_us / kSecond * kSecond) {
  for (const RecordedSession& session : sessions_) now_us_ -= session.length_us + kMinute;
}

void CsvReplay::Send(const char* action, json payload) {
  outbox_.Add({action, std::move(payload),
               protocol_ == Protocol::k16 ? static_cast<int>(transactions_.size()) - 1 : 0});
}

json CsvReplay::Sample(const RecordedSession& session, const Transaction& transaction,
                       int64_t at_us, const char* context) const {
  const int64_t passed = at_us - transaction.started_at_us;
  const int64_t whole = std::max<int64_t>(1, session.length_us);
  const int64_t wh =
      transaction.meter_start_wh + session.energy_wh * (passed / kSecond) / (whole / kSecond);
  const bool first = passed > 0 && passed <= meter_interval_us_;
  // The most that was ever drawn is said once; else what the energy comes to on average.
  const int64_t power_w = first && session.most_power_w > 0
                              ? session.most_power_w
                              : session.energy_wh * 3600 / (whole / kSecond);
  const auto add = [&](json& list, const std::string& value, const char* measurand,
                       const char* unit) {
    json sample = {{"context", context}, {"measurand", measurand}};
    if (protocol_ == Protocol::k16) {
      sample["value"] = value;
      sample["unit"] = unit;
    } else {
      sample["value"] = json::parse(value);
      sample["unitOfMeasure"] = {{"unit", unit}};
    }
    list.push_back(std::move(sample));
  };
  json list = json::array();
  add(list, absl::StrCat(wh), "Energy.Active.Import.Register", "Wh");
  add(list, absl::StrCat(power_w), "Power.Active.Import", "W");
  if (session.soc_arrival >= 0) {
    const int64_t soc = session.soc_arrival + (session.soc_departure - session.soc_arrival) *
                                                  (passed / kSecond) / (whole / kSecond);
    add(list, absl::StrCat(soc), "SoC", "Percent");
  }
  return {{"timestamp", core::FormatTimestamp(at_us)}, {"sampledValue", std::move(list)}};
}

void CsvReplay::Say(const RecordedSession& session) {
  Transaction& transaction = transactions_.emplace_back();
  transaction.charge_point_id = id_;
  transaction.connector = 1;
  transaction.id_tag = absl::StrFormat("EPFL%04d", next_);
  transaction.started_at_us = now_us_;
  transaction.stopped_at_us = now_us_ + session.length_us;
  transaction.meter_start_wh = register_wh_;
  register_wh_ += session.energy_wh;
  transaction.meter_stop_wh = register_wh_;
  transaction.energy_wh = session.energy_wh;
  protocol_ == Protocol::k16 ? Say16(session, transaction) : Say201(session, transaction);
  now_us_ = transaction.stopped_at_us + kMinute;
}

void CsvReplay::Say16(const RecordedSession& session, const Transaction& t) {
  Send("StartTransaction", {{"connectorId", 1},
                            {"idTag", t.id_tag},
                            {"meterStart", t.meter_start_wh},
                            {"timestamp", core::FormatTimestamp(t.started_at_us)}});
  for (int64_t at = t.started_at_us + meter_interval_us_; at < t.stopped_at_us;
       at += meter_interval_us_) {
    Send("MeterValues", {{"connectorId", 1},
                         {"meterValue", json::array({Sample(session, t, at, "Sample.Periodic")})}});
  }
  Send("StopTransaction", {{"meterStop", t.meter_stop_wh},
                           {"timestamp", core::FormatTimestamp(t.stopped_at_us)},
                           {"idTag", t.id_tag},
                           {"reason", "EVDisconnected"}});
}

void CsvReplay::Say201(const RecordedSession& session, const Transaction& t) {
  int seq = 0;
  const auto event = [&](const char* type, const char* trigger, int64_t at_us,
                         const char* context) {
    json info = {{"transactionId", absl::StrCat(id_, "-", next_)}, {"chargingState", "Charging"}};
    json payload = {{"eventType", type},
                    {"timestamp", core::FormatTimestamp(at_us)},
                    {"triggerReason", trigger},
                    {"seqNo", seq++},
                    {"offline", true},
                    {"evse", {{"id", 1}, {"connectorId", 1}}},
                    {"meterValue", json::array({Sample(session, t, at_us, context)})}};
    if (payload["eventType"] == "Started") {
      payload["idToken"] = {{"idToken", t.id_tag}, {"type", "ISO14443"}};
    }
    if (payload["eventType"] == "Ended") {
      info["chargingState"] = "Idle";
      info["stoppedReason"] = "EVDisconnected";
    }
    payload["transactionInfo"] = std::move(info);
    Send("TransactionEvent", std::move(payload));
  };
  event("Started", "Authorized", t.started_at_us, "Transaction.Begin");
  for (int64_t at = t.started_at_us + meter_interval_us_; at < t.stopped_at_us;
       at += meter_interval_us_) {
    event("Updated", "MeterValuePeriodic", at, "Sample.Periodic");
  }
  event("Ended", "EVCommunicationLost", t.stopped_at_us, "Transaction.End");
}

void CsvReplay::OnConnected() {
  connected_ = true;
  ++counts_.connections;
}

void CsvReplay::OnDisconnected() {
  connected_ = false;
  answers_.clear();
  outbox_.ConnectionLost();
}

void CsvReplay::OnMessage(const std::string& text) {
  const json message = json::parse(text, nullptr, false);
  if (!message.is_array() || message.size() < 3 || !message[0].is_number_integer() ||
      !message[1].is_string()) {
    return;
  }
  if (message[0] == 2) {
    answers_.push_back(
        json::array({4, message[1], "NotImplemented", "not simulated", json::object()}).dump());
    return;
  }
  std::optional<Message> answered = outbox_.Answered(message[1]);
  if (!answered.has_value()) return;
  ++counts_.answers;
  if (message[0] == 4) {
    ++counts_.call_errors;
    return;
  }
  Transaction& transaction = transactions_.back();
  if (answered->action == "StartTransaction" && message[2].contains("transactionId")) {
    transaction.transaction_id = message[2]["transactionId"].get<int64_t>();
  }
  if (answered->action == "StopTransaction" ||
      (answered->action == "TransactionEvent" && answered->payload["eventType"] == "Ended")) {
    transaction.settled = true;
  }
}

std::optional<std::string> CsvReplay::NextFrame() {
  if (!connected_) return std::nullopt;
  if (!answers_.empty()) {
    std::string answer = std::move(answers_.back());
    answers_.pop_back();
    return answer;
  }
  if (outbox_.empty() && next_ < sessions_.size()) {
    Say(sessions_[next_]);
    ++next_;
  }
  const Message* next = outbox_.Next();
  if (next == nullptr) return std::nullopt;
  json payload = next->payload;
  if (protocol_ == Protocol::k16 && next->action != "StartTransaction") {
    payload["transactionId"] = transactions_.back().transaction_id;
  }
  const std::string id = absl::StrCat(++message_count_);
  const std::string frame = json::array({2, id, next->action, std::move(payload)}).dump();
  outbox_.Sent(id);
  ++counts_.frames_sent;
  return frame;
}

}  // namespace chargeledger::chargesim
