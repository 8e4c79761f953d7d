#include "projections/sessions/v16.h"

#include <utility>

#include "absl/strings/match.h"
#include "projections/sessions/calls.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;

v1::ChargingState ToState(absl::string_view status) {  // §7.7 ChargePointStatus
  static constexpr std::pair<absl::string_view, v1::ChargingState> kStates[] = {
      {"Preparing", v1::CHARGING_STATE_EV_CONNECTED},
      {"Charging", v1::CHARGING_STATE_CHARGING},
      {"SuspendedEV", v1::CHARGING_STATE_SUSPENDED_EV},
      {"SuspendedEVSE", v1::CHARGING_STATE_SUSPENDED_EVSE},
      {"Finishing", v1::CHARGING_STATE_IDLE},
  };
  for (const auto& [name, state] : kStates) {
    if (status == name) return state;
  }
  return v1::CHARGING_STATE_UNSPECIFIED;
}

}  // namespace

void SessionsOf16::Apply(const Event& event) {
  const bool call = event.frame.type == ocpp::MessageType::kCall;
  if (event.direction == v1::DIRECTION_RECEIVED) return call ? OnCall(event) : OnAnswer(event);
  if (call) return OnCommand(event);
  if (event.frame.type != ocpp::MessageType::kCallResult) {
    (void)TakeCall(event, book_);
    return;
  }
  // Most answers are empty.
  if (absl::StrContains(event.frame.payload, "\"transactionId\"")) return OnStartAnswered(event);
  if (absl::StrContains(event.frame.payload, "\"idTagInfo\"")) {
    auto asked = TakeCall(event, book_);
    v16::AuthorizeConf answer;
    if (!asked.has_value() || asked->action() != "Authorize" || !Read(event, answer)) return;
    asked->mutable_tag()->set_status(std::string(answer.id_tag_info->status.value_or("")));
    KeepTag(*book_.charge_point().mutable_authorized(), asked->tag());
  }
}

void SessionsOf16::OnCall(const Event& event) {
  const absl::string_view action = event.frame.action;
  if (action == "MeterValues") {
    if (Read(event, meter_values_)) OnMeterValues();
  } else if (action == "StartTransaction") {
    OnStart(event);
  } else if (action == "StopTransaction") {
    if (Read(event, stop_)) OnStop();
  } else if (action == "StatusNotification") {
    if (Read(event, status_)) OnStatus();
  } else if (action == "Authorize") {
    v16::AuthorizeReq authorize;
    if (!Read(event, authorize) || !authorize.id_tag.has_value()) return;
    RememberCall(event, book_).mutable_tag()->set_id_tag(std::string(*authorize.id_tag));
  } else if (action == "BootNotification") {
    v16::BootNotificationReq boot;
    if (Read(event, boot)) book_.OnBoot(boot.meter_serial_number.value_or(""));
  }
}

// What the central system asks of the charge point.
void SessionsOf16::OnCommand(const Event& event) {
  const absl::string_view action = event.frame.action;
  if (action == "RemoteStartTransaction") {
    v16::RemoteStartTransactionReq command;
    if (!Read(event, command)) return;
    auto& tag = *RememberCall(event, book_).mutable_tag();
    tag.set_id_tag(std::string(command.id_tag.value_or("")));
    tag.set_connector_id(ToConnector(command.connector_id));
  } else if (action == "RemoteStopTransaction") {
    v16::RemoteStopTransactionReq command;
    if (!Read(event, command) || !command.transaction_id.has_value()) return;
    if (SessionRecord record = book_.FindTransaction(*command.transaction_id)) {
      record.session->mutable_sources()->set_remote_stop(event.sequence.value());
      book_.Touch(record);
    }
  } else if (action == "ReserveNow") {
    v16::ReserveNowReq command;
    if (!Read(event, command)) return;
    auto& tag = *RememberCall(event, book_).mutable_tag();
    tag.set_id_tag(std::string(command.id_tag.value_or("")));
    tag.set_number(command.reservation_id.value_or(0));
  } else if (action == "ChangeConfiguration") {
    v16::ChangeConfigurationReq command;
    if (!Read(event, command) || command.key != "MeterValueSampleInterval") return;
    if (const uint32_t interval = ToInterval(command.value); interval > 0) {
      RememberCall(event, book_).set_interval_s(interval);
    }
  }
}

// How the charge point answered.
void SessionsOf16::OnAnswer(const Event& event) {
  if (book_.charge_point().pending().empty()) return;
  auto asked = TakeCall(event, book_);
  if (!asked.has_value() || event.frame.type != ocpp::MessageType::kCallResult) return;
  v16::ResetConf answer;
  if (!Read(event, answer)) return;
  const bool accepted = answer.status == "Accepted";
  v1::StoredChargePoint& memory = book_.charge_point();
  if (asked->action() == "RemoteStartTransaction" && accepted) {
    KeepTag(*memory.mutable_remote_starts(), asked->tag());
  } else if (asked->action() == "ReserveNow" && accepted) {
    KeepTag(*memory.mutable_reservations(), asked->tag());
  } else if (asked->action() == "ChangeConfiguration" &&
             (accepted || answer.status == "RebootRequired")) {
    memory.set_interval_s(asked->interval_s());
  }
}

void SessionsOf16::OnStart(const Event& event) {
  if (!Read(event, start_)) return;
  v1::StartCall call;
  call.set_sequence(event.sequence.value());
  call.set_generation(event.generation.value());
  call.set_received_us(event.received_at_us);
  call.set_payload(std::string(event.frame.payload));
  PutMessage(book_.state(), PendingCallKey(event), call);
}

void SessionsOf16::OnStartAnswered(const Event& event) {
  const std::string pending = PendingCallKey(event);
  v1::StartCall call;
  if (!GetMessage(book_.state(), pending, call)) return;
  book_.state().Delete(pending);
  if (!Read(event, started_) || !started_.transaction_id.has_value()) return;
  const int64_t transaction_id = *started_.transaction_id;
  const std::string status(started_.id_tag_info.has_value()
                               ? started_.id_tag_info->status.value_or("")
                               : absl::string_view());
  if (!payload_.Read(call.payload(), start_).ok()) return;
  StartFact start;
  start.connector_id = ToConnector(start_.connector_id);
  start.id_tag = std::string(start_.id_tag.value_or(""));
  start.told_us = ToTime(start_.timestamp);
  start.received_us = call.received_us();
  start.sequence = call.sequence();
  start.generation = call.generation();
  start.meter_mwh = ReadRegister(start_.meter_start);
  start.reservation_id = start_.reservation_id;
  start.bad_time = start.told_us == 0;
  start.bad_meter = !start.meter_mwh.has_value();
  if (SessionRecord record = book_.StartAnswered(start, transaction_id)) {
    book_.SetAuthorization(record, status);
  }
}

void SessionsOf16::AddSamples(SessionRecord& record, const ocpp::List<v16::MeterValue>& values) {
  for (const v16::MeterValue& value : values) book_.AddSample(record, samples_.Read(value));
}

void SessionsOf16::OnMeterValues() {
  const int64_t id = meter_values_.transaction_id.value_or(0);
  SessionRecord record = book_.FindTransaction(id);
  const uint32_t connector = ToConnector(meter_values_.connector_id);
  if (!record) {
    const bool any = !meter_values_.meter_value.empty();
    record = book_.FindAt(connector, any ? ToTime(meter_values_.meter_value.front().timestamp) : 0);
    // What is measured of the connector is of the session there; an id that nobody gave is flagged.
    if (record && meter_values_.transaction_id.has_value()) {
      book_.Flag(record, v1::SESSION_FLAG_UNKNOWN_TRANSACTION_ID);
      book_.Touch(record);
    }
  }
  if (record) return AddSamples(record, meter_values_.meter_value);
  for (const v16::MeterValue& value : meter_values_.meter_value) {
    book_.KeepLoose(connector, samples_.Read(value));
  }
}

void SessionsOf16::OnStop() {
  const Event& event = book_.event();
  const int64_t id = stop_.transaction_id.value_or(0);
  StopFact stop;
  stop.id_tag = std::string(stop_.id_tag.value_or(""));
  stop.reason = std::string(stop_.reason.value_or("Local"));
  stop.told_us = ToTime(stop_.timestamp);
  stop.meter_mwh = ReadRegister(stop_.meter_stop);
  stop.bad_time = stop.told_us == 0;
  stop.bad_meter = !stop.meter_mwh.has_value();
  SessionRecord record = book_.FindForStop(id, stop);
  if (record && record.session->end() == v1::SESSION_END_STOP) {
    const v1::Session& session = *record.session;
    const int64_t told =
        record.stored != nullptr ? record.stored->stop().told_us() : session.stopped_told_us();
    const int64_t meter =
        record.stored != nullptr ? record.stored->meter_stop_mwh() : session.meter_last_mwh();
    const bool same =
        (stop.bad_meter || *stop.meter_mwh == meter) && (stop.bad_time || stop.told_us == told);
    // Without a start, another stop of the same number is another session that was missed.
    const bool startless = record.stored != nullptr
                               ? HasCause(*record.stored, v1::SESSION_FLAG_MISSING_START)
                               : HasFlag(session, v1::SESSION_FLAG_MISSING_START);
    if (same || !startless) {
      book_.Flag(record,
                 same ? v1::SESSION_FLAG_DUPLICATE_STOP : v1::SESSION_FLAG_CONFLICTING_STOP);
      return book_.Touch(record);
    }
    record = SessionRecord();
  }
  if (!record) {
    record = book_.Create("", id);
    book_.Flag(record, v1::SESSION_FLAG_MISSING_START);
    record.session->set_start_received_at_us(event.received_at_us);
    record.stored->mutable_start()->set_told_us(stop.told_us);
    record.stored->mutable_start()->set_received_us(event.received_at_us);
    *book_.charge_point().add_stopped_first() = record.key;
  }
  if (record.stored == nullptr) return;
  AddSamples(record, stop_.transaction_data);
  book_.Stop(record, stop);
}

void SessionsOf16::OnStatus() {
  const uint32_t connector = ToConnector(status_.connector_id);
  const absl::string_view status = status_.status.value_or("");
  const int64_t told = ToTime(status_.timestamp);
  book_.OnLiveTime(told);
  if (connector == 0) return;
  if (status == "Available") return book_.OnAvailable(connector, told);
  const v1::ChargingState state = ToState(status);
  if (state == v1::CHARGING_STATE_UNSPECIFIED) return;
  if (SessionRecord record = book_.FindOpen(connector)) book_.AddState(record, state, told);
}

}  // namespace chargeledger::projections
