#include "tools/chargesim/charge_point.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/decimal.h"
#include "core/timestamp.h"

namespace chargeledger::chargesim {
namespace {

using nlohmann::json;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kMwhPerKwh = 1'000'000;

// OCPP 1.6 §7.6 ChargePointErrorCode.
constexpr std::array<const char*, 6> kErrors = {"GroundFailure",     "OverCurrentFailure",
                                                "HighTemperature",   "ConnectorLockFailure",
                                                "PowerMeterFailure", "OtherError"};

}  // namespace

ChargePoint::ChargePoint(std::string id, int number, uint64_t seed, const Behaviour& behaviour,
                         int64_t start_us)
    : id_(std::move(id)),
      profile_(ProfileOf(number)),
      behaviour_(behaviour),
      random_(seed * 1'000'003 + static_cast<uint64_t>(number)),
      now_us_(start_us),
      heartbeat_us_(300 * kSecond) {
  for (int i = 1; i <= behaviour_.connectors; ++i) {
    Connector connector;
    connector.number = i;
    connector.register_mwh =
        profile_.register_per_session ? 0 : random_.Between(1, 20'000) * kMwhPerKwh / 10;
    connector.next_us =
        now_us_ + random_.Wait(behaviour_.arrivals_per_hour / behaviour_.connectors);
    connectors_.push_back(connector);
  }
  next_drop_us_ = now_us_ + random_.Wait(behaviour_.drops_per_hour);
  next_fault_us_ = now_us_ + random_.Wait(behaviour_.faults_per_hour);
  next_heartbeat_us_ = now_us_ + heartbeat_us_;
}

int64_t ChargePoint::next_event_us() const {
  int64_t next = std::min({next_drop_us_, next_fault_us_, next_heartbeat_us_});
  for (const Connector& connector : connectors_) next = std::min(next, connector.next_us);
  return next;
}

void ChargePoint::Advance(int64_t now_us) {
  while (!finishing_ && next_event_us() <= now_us) {
    now_us_ = next_event_us();
    if (now_us_ == next_heartbeat_us_) {
      next_heartbeat_us_ += heartbeat_us_;
      if (connected_) Send("Heartbeat", json::object());
    } else if (now_us_ == next_drop_us_) {
      next_drop_us_ += random_.Wait(behaviour_.drops_per_hour);
      drop_ = connected_;
    } else if (now_us_ == next_fault_us_) {
      next_fault_us_ += random_.Wait(behaviour_.faults_per_hour);
      Fault(connectors_[static_cast<size_t>(random_.Between(0, behaviour_.connectors - 1))]);
    } else {
      for (Connector& connector : connectors_) {
        if (connector.next_us == now_us_) Happen(connector);
      }
    }
  }
  now_us_ = std::max(now_us_, now_us);
}

void ChargePoint::Happen(Connector& connector) {
  switch (connector.phase) {
    case Phase::kAvailable:
      return PlugIn(connector);
    case Phase::kPreparing:
      return Start(connector);
    case Phase::kCharging:
      return Sample(connector);
    case Phase::kFull:
      return Stop(connector, "EVDisconnected");
    case Phase::kFinishing:
    case Phase::kFaulted:
      return BecomeAvailable(connector);
  }
}

void ChargePoint::PlugIn(Connector& connector) {
  connector.phase = Phase::kPreparing;
  connector.id_tag = absl::StrFormat("TAG%05d", random_.Between(1, 500));
  Status(connector, "Preparing");
  Send("Authorize", {{"idTag", connector.id_tag}});
  connector.next_us = now_us_ + random_.Between(3, 20) * kSecond;
}

void ChargePoint::Start(Connector& connector) {
  connector.phase = Phase::kCharging;
  if (profile_.register_per_session) connector.register_mwh = 0;
  connector.capacity_mwh = random_.Between(30, 90) * kMwhPerKwh;
  connector.soc_start_permille = random_.Between(100, 700);
  const int64_t wanted_permille = random_.Between(750, 1000);
  connector.battery_mwh =
      connector.capacity_mwh / 1000 * (wanted_permille - connector.soc_start_permille);
  connector.charged_mwh = 0;
  connector.last_sample_us = now_us_;
  // A register shows whole watt-hours: sessions begin and end on them.
  connector.register_mwh -= connector.register_mwh % 1000;
  connector.transaction = static_cast<int>(transactions_.size());
  Transaction& transaction = transactions_.emplace_back();
  transaction.charge_point_id = id_;
  transaction.connector = connector.number;
  transaction.id_tag = connector.id_tag;
  transaction.started_at_us = now_us_;
  transaction.meter_start_wh = connector.register_mwh / 1000;
  connector.begun_wh = connector.told_wh = transaction.meter_start_wh;
  Send("StartTransaction",
       {{"connectorId", connector.number},
        {"idTag", connector.id_tag},
        {"meterStart", transaction.meter_start_wh},
        {"timestamp", Time()}},
       connector.transaction);
  Status(connector, "Charging");
  if (profile_.transaction_samples) {
    Send("MeterValues",
         {{"connectorId", connector.number},
          {"meterValue", json::array({MeterValue(connector, "Transaction.Begin")})}},
         connector.transaction);
  }
  connector.next_us = now_us_ + behaviour_.meter_interval_s * kSecond;
}

// Constant until 80 % of the battery, then falling to a tenth: what cars do.
int64_t ChargePoint::PowerMw(const Connector& connector) const {
  if (connector.phase != Phase::kCharging) return 0;
  const int64_t most = profile_.max_power_w * 1000;
  const int64_t soc =
      connector.soc_start_permille + connector.charged_mwh / (connector.capacity_mwh / 1000);
  if (soc <= 800) return most;
  return most * std::max<int64_t>(100, 1000 - (soc - 800) * 9 / 2) / 1000;
}

void ChargePoint::Charge(Connector& connector) {
  if (connector.phase != Phase::kCharging) return;
  const int64_t seconds = (now_us_ - connector.last_sample_us) / kSecond;
  int64_t energy = PowerMw(connector) / 3600 * seconds;
  energy = std::min(energy, connector.battery_mwh - connector.charged_mwh);
  connector.charged_mwh += energy;
  connector.register_mwh += energy;
  connector.last_sample_us = now_us_;
}

void ChargePoint::Sample(Connector& connector) {
  Charge(connector);
  if (behaviour_.register_reset_one_in > 0 && random_.OneIn(behaviour_.register_reset_one_in)) {
    Transaction& transaction = transactions_[static_cast<size_t>(connector.transaction)];
    transaction.energy_wh += connector.register_mwh / 1000 - connector.begun_wh;
    transaction.register_reset = true;
    transaction.reset_unseen |= connector.told_wh == 0;
    connector.begun_wh = connector.register_mwh = 0;
  }
  Send("MeterValues",
       {{"connectorId", connector.number},
        {"meterValue", json::array({MeterValue(connector, "Sample.Periodic")})}},
       connector.transaction);
  connector.told_wh = connector.register_mwh / 1000;
  connector.next_us = now_us_ + behaviour_.meter_interval_s * kSecond;
  if (connector.charged_mwh >= connector.battery_mwh) {
    connector.phase = Phase::kFull;
    Status(connector, "SuspendedEV");
    // Some leave at once, some after dinner.
    connector.next_us = now_us_ + random_.Between(1, random_.OneIn(4) ? 120 : 15) * 60 * kSecond;
  } else if (random_.OneIn(40)) {
    Stop(connector, "Local");
  }
}

void ChargePoint::Stop(Connector& connector, const std::string& reason) {
  Charge(connector);
  connector.register_mwh -= connector.register_mwh % 1000;
  Transaction& transaction = transactions_[static_cast<size_t>(connector.transaction)];
  transaction.stopped_at_us = now_us_;
  transaction.meter_stop_wh = connector.register_mwh / 1000;
  transaction.energy_wh += transaction.meter_stop_wh - connector.begun_wh;
  json payload = {{"meterStop", transaction.meter_stop_wh},
                  {"timestamp", Time()},
                  {"reason", reason},
                  {"idTag", connector.id_tag}};
  connector.phase = Phase::kFinishing;
  if (profile_.transaction_samples) {
    payload["transactionData"] = json::array({MeterValue(connector, "Transaction.End")});
  }
  transaction.stop_forgotten =
      behaviour_.stop_forgotten_one_in > 0 && random_.OneIn(behaviour_.stop_forgotten_one_in);
  if (!transaction.stop_forgotten) {
    Send("StopTransaction", std::move(payload), connector.transaction);
  }
  Status(connector, "Finishing");
  connector.transaction = -1;
  connector.next_us = now_us_ + random_.Between(5, 90) * kSecond;
}

void ChargePoint::Fault(Connector& connector) {
  ++counts_.faults;
  if (connector.transaction >= 0) Stop(connector, "Other");
  connector.phase = Phase::kFaulted;
  const size_t error = static_cast<size_t>(random_.Between(0, kErrors.size() - 1));
  Status(connector, "Faulted", kErrors[error], absl::StrCat("E", 100 + error));
  connector.next_us = now_us_ + random_.Between(2, 40) * 60 * kSecond;
}

void ChargePoint::BecomeAvailable(Connector& connector) {
  connector.phase = Phase::kAvailable;
  Status(connector, "Available");
  connector.next_us = now_us_ + random_.Wait(behaviour_.arrivals_per_hour / behaviour_.connectors);
}

json ChargePoint::MeterValue(const Connector& connector, const std::string& context) const {
  json samples = json::array();
  auto add = [&](const std::string& value, const std::string& measurand, const std::string& unit,
                 const std::string& phase = "") {
    json sample = {
        {"value", value}, {"context", context}, {"measurand", measurand}, {"unit", unit}};
    if (!phase.empty()) sample["phase"] = phase;
    samples.push_back(std::move(sample));
  };
  const int64_t power_mw = PowerMw(connector);
  const int64_t shown_mwh = connector.register_mwh - connector.register_mwh % 1000;
  if (profile_.kilowatt_hours) {
    add(core::FormatDecimal(shown_mwh, 6, 3), "Energy.Active.Import.Register", "kWh");
    add(core::FormatDecimal(power_mw, 6, 2), "Power.Active.Import", "kW");
  } else {
    add(absl::StrCat(shown_mwh / 1000), "Energy.Active.Import.Register", "Wh");
    add(absl::StrCat(power_mw / 1000), "Power.Active.Import", "W");
  }
  if (profile_.phases) {
    for (const char* phase : {"L1", "L2", "L3"}) {
      add("230.1", "Voltage", "V", phase);
      add(core::FormatDecimal(power_mw / 3 / 230, 3, 1), "Current.Import", "A", phase);
    }
  }
  if (profile_.direct_current) {
    const int64_t soc =
        connector.soc_start_permille + connector.charged_mwh / (connector.capacity_mwh / 1000);
    add(absl::StrCat(soc / 10), "SoC", "Percent");
  }
  return {{"timestamp", Time()}, {"sampledValue", std::move(samples)}};
}

void ChargePoint::Status(const Connector& connector, const std::string& status,
                         const std::string& error, const std::string& vendor_error) {
  json payload = {{"connectorId", connector.number},
                  {"status", status},
                  {"errorCode", error},
                  {"timestamp", Time()}};
  if (!vendor_error.empty()) payload["vendorErrorCode"] = vendor_error;
  Send("StatusNotification", std::move(payload));
}

void ChargePoint::Send(const std::string& action, json payload, int transaction) {
  // Without a connection only what belongs to a transaction is kept.
  if (!connected_ && transaction < 0) return;
  std::optional<Message> lost = outbox_.Add({action, std::move(payload), transaction});
  if (lost.has_value() && lost->transaction >= 0 && lost->action != "MeterValues") {
    transactions_[static_cast<size_t>(lost->transaction)].lost = true;
  }
  if (transaction < 0 || behaviour_.swapped_one_in == 0 ||
      !random_.OneIn(behaviour_.swapped_one_in)) {
    return;
  }
  if (outbox_.SwapLast()) transactions_[static_cast<size_t>(transaction)].swapped = true;
}

std::string ChargePoint::Time() const {
  const std::string time = core::FormatTimestamp(now_us_);
  switch (profile_.time) {
    case Profile::Time::kSeconds:
      return time.substr(0, 19) + "Z";
    case Profile::Time::kMilliseconds:
      return time;
    case Profile::Time::kOffset:
      return time.substr(0, 19) + "+00:00";
  }
  return time;
}

std::string ChargePoint::NewMessageId() {
  ++message_count_;
  if (profile_.counts_messages) return absl::StrCat(message_count_);
  return absl::StrFormat("%016x-%d", random_.Bits(), message_count_);
}

void ChargePoint::OnConnected() {
  connected_ = true;
  // Before what is queued: a charge point boots, then delivers.
  Outbox queued = std::exchange(outbox_, Outbox());
  if (counts_.connections++ == 0) {
    Send("BootNotification", {{"chargePointVendor", profile_.vendor},
                              {"chargePointModel", profile_.model},
                              {"chargePointSerialNumber", absl::StrCat("SN-", id_)},
                              {"firmwareVersion", profile_.firmware}});
    for (const Connector& connector : connectors_) Status(connector, "Available");
  }
  outbox_.Append(std::move(queued));
}

void ChargePoint::OnDisconnected() {
  connected_ = false;
  answers_.clear();
  outbox_.ConnectionLost();
}

void ChargePoint::OnMessage(const std::string& text) {
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
  const json& payload = message[2];
  if (answered->action == "BootNotification" && payload.contains("interval")) {
    heartbeat_us_ = std::max<int64_t>(1, payload["interval"].get<int64_t>()) * kSecond;
    next_heartbeat_us_ = now_us_ + heartbeat_us_;
  }
  if (answered->transaction < 0) return;
  Transaction& transaction = transactions_[static_cast<size_t>(answered->transaction)];
  if (answered->action == "StartTransaction" && payload.contains("transactionId")) {
    transaction.transaction_id = payload["transactionId"].get<int64_t>();
  }
  if (answered->action == "StopTransaction") transaction.settled = true;
}

std::optional<std::string> ChargePoint::NextFrame() {
  if (!connected_) return std::nullopt;
  if (!answers_.empty()) {
    std::string answer = std::move(answers_.back());
    answers_.pop_back();
    return answer;
  }
  const Message* next = outbox_.Next();
  if (next == nullptr) return std::nullopt;
  json payload = next->payload;
  if (next->transaction >= 0 && next->action != "StartTransaction") {
    payload["transactionId"] = transactions_[static_cast<size_t>(next->transaction)].transaction_id;
  }
  const std::string id = NewMessageId();
  const std::string frame = json::array({2, id, next->action, std::move(payload)}).dump();
  outbox_.Sent(id);
  ++counts_.frames_sent;
  return frame;
}

bool ChargePoint::TakeDrop() {
  if (drop_) ++counts_.drops;
  return std::exchange(drop_, false);
}

void ChargePoint::Finish() {
  finishing_ = true;
  drop_ = false;
  for (Connector& connector : connectors_) {
    if (connector.transaction < 0) continue;
    Stop(connector, "Local");
    BecomeAvailable(connector);
  }
}

}  // namespace chargeledger::chargesim
