#include "projections/sessions/v201.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "projections/sessions/calls.h"

namespace chargeledger::projections {
namespace {

namespace v201 = ocpp::v201;

v1::ChargingState ToState(absl::string_view state) {  // §3.13 ChargingStateEnumType
  static constexpr std::pair<absl::string_view, v1::ChargingState> kStates[] = {
      {"EVConnected", v1::CHARGING_STATE_EV_CONNECTED},
      {"Charging", v1::CHARGING_STATE_CHARGING},
      {"SuspendedEV", v1::CHARGING_STATE_SUSPENDED_EV},
      {"SuspendedEVSE", v1::CHARGING_STATE_SUSPENDED_EVSE},
      {"Idle", v1::CHARGING_STATE_IDLE},
  };
  for (const auto& [name, known] : kStates) {
    if (state == name) return known;
  }
  return v1::CHARGING_STATE_UNSPECIFIED;
}

}  // namespace

void SessionsOf201::Apply(const Event& event) {
  const bool call = event.frame.type == ocpp::MessageType::kCall;
  if (event.direction == v1::DIRECTION_RECEIVED) return call ? OnCall(event) : OnAnswer(event);
  if (call) return OnCommand(event);
  if (absl::StrContains(event.frame.payload, "\"idTokenInfo\"")) OnAnswered(event);
}

void SessionsOf201::OnCall(const Event& event) {
  const absl::string_view action = event.frame.action;
  if (action == "TransactionEvent") {
    if (event.subprotocol == v1::SUBPROTOCOL_OCPP2_1) {
      if (Read(event, event21_)) OnTransactionEvent(event, event21_);
    } else if (Read(event, event_)) {
      OnTransactionEvent(event, event_);
    }
  } else if (action == "StatusNotification") {
    if (!Read(event, status_)) return;
    const int64_t told = ToTime(status_.timestamp);
    book_.OnLiveTime(told);
    if (status_.connector_status == "Available") {
      book_.OnAvailable(ToConnector(status_.evse_id), told);
    }
  } else if (action == "MeterValues") {
    // Clock-aligned, of an EVSE and not of a transaction.
    if (!Read(event, meter_values_)) return;
    const uint32_t evse = ToConnector(meter_values_.evse_id);
    const bool any = !meter_values_.meter_value.empty();
    SessionRecord record =
        book_.FindAt(evse, any ? ToTime(meter_values_.meter_value.front().timestamp) : 0);
    for (const v201::MeterValue& value : meter_values_.meter_value) {
      const Sample sample = samples_.Read(value);
      record ? book_.AddSample(record, sample) : book_.KeepLoose(evse, sample);
    }
  } else if (action == "Authorize") {
    v201::AuthorizeRequest authorize;
    if (!Read(event, authorize) || !authorize.id_token.has_value()) return;
    RememberCall(event, book_)
        .mutable_tag()
        ->set_id_tag(std::string(authorize.id_token->id_token.value_or("")));
  } else if (action == "BootNotification") {
    v201::BootNotificationRequest boot;
    // The meter's serial number is a variable in 2.x, told by NotifyReport.
    if (Read(event, boot)) book_.OnBoot("");
  }
}

void SessionsOf201::OnCommand(const Event& event) {
  const absl::string_view action = event.frame.action;
  if (action == "RequestStartTransaction") {
    v201::RequestStartTransactionRequest command;
    if (!Read(event, command)) return;
    auto& tag = *RememberCall(event, book_).mutable_tag();
    if (command.id_token.has_value()) {
      tag.set_id_tag(std::string(command.id_token->id_token.value_or("")));
    }
    tag.set_number(command.remote_start_id.value_or(0));
    tag.set_connector_id(ToConnector(command.evse_id));
  } else if (action == "RequestStopTransaction") {
    v201::RequestStopTransactionRequest command;
    if (!Read(event, command) || !command.transaction_id.has_value()) return;
    if (SessionRecord record = book_.FindTransaction(*command.transaction_id)) {
      record.session->mutable_sources()->set_remote_stop(event.sequence.value());
      book_.Touch(record);
    }
  } else if (action == "ReserveNow") {
    v201::ReserveNowRequest command;
    if (!Read(event, command)) return;
    auto& tag = *RememberCall(event, book_).mutable_tag();
    if (command.id_token.has_value()) {
      tag.set_id_tag(std::string(command.id_token->id_token.value_or("")));
    }
    tag.set_number(command.id.value_or(0));
  } else if (action == "SetVariables") {
    v201::SetVariablesRequest command;
    if (!Read(event, command)) return;
    for (const auto& data : command.set_variable_data) {
      if (!data.component.has_value() || !data.variable.has_value() ||
          data.component->name != "SampledDataCtrlr" ||
          data.variable->name != "TxUpdatedInterval") {
        continue;
      }
      if (const uint32_t interval = ToInterval(data.attribute_value); interval > 0) {
        RememberCall(event, book_).set_interval_s(interval);
      }
    }
  }
}

void SessionsOf201::OnAnswer(const Event& event) {
  if (book_.charge_point().pending().empty()) return;
  auto asked = TakeCall(event, book_);
  if (!asked.has_value() || event.frame.type != ocpp::MessageType::kCallResult) return;
  v1::StoredChargePoint& memory = book_.charge_point();
  if (asked->action() == "SetVariables") {
    // Of several variables each has its own result; what is set is what was asked for, if none was
    // refused.
    v201::SetVariablesResponse answer;
    if (!Read(event, answer)) return;
    const bool accepted = std::all_of(answer.set_variable_result.begin(),
                                      answer.set_variable_result.end(), [](const auto& result) {
                                        return result.attribute_status == "Accepted" ||
                                               result.attribute_status == "RebootRequired";
                                      });
    if (accepted) memory.set_interval_s(asked->interval_s());
    return;
  }
  v201::ReserveNowResponse answer;
  if (!Read(event, answer) || answer.status != "Accepted") return;
  if (asked->action() == "RequestStartTransaction") {
    KeepTag(*memory.mutable_remote_starts(), asked->tag());
  } else if (asked->action() == "ReserveNow") {
    KeepTag(*memory.mutable_reservations(), asked->tag());
  }
}

// How a tag was judged.
void SessionsOf201::OnAnswered(const Event& event) {
  auto asked = TakeCall(event, book_);
  v201::TransactionEventResponse answer;
  if (!asked.has_value() || !Read(event, answer) || !answer.id_token_info.has_value()) return;
  const absl::string_view status = answer.id_token_info->status.value_or("");
  if (asked->action() == "Authorize") {
    asked->mutable_tag()->set_status(std::string(status));
    KeepTag(*book_.charge_point().mutable_authorized(), asked->tag());
  } else if (SessionRecord record = book_.Load(asked->key())) {
    book_.SetAuthorization(record, status);
    book_.Touch(record);
  }
}

template <typename Request>
void SessionsOf201::OnTransactionEvent(const Event& event, const Request& request) {
  const absl::string_view transaction = request.transaction_info.has_value()
                                            ? request.transaction_info->transaction_id.value_or("")
                                            : absl::string_view();
  const int64_t told = ToTime(request.timestamp);
  const bool started = request.event_type == "Started", ended = request.event_type == "Ended";
  const std::string id_token(request.id_token.has_value() ? request.id_token->id_token.value_or("")
                                                          : absl::string_view());
  SessionRecord record;
  if (transaction.empty()) {
    // Required, and left out all the same: what happens at an EVSE is of the session there.
    if (request.evse.has_value()) record = book_.FindOpen(ToConnector(request.evse->id));
    if (!record && !started && !ended) return;
    if (record) book_.Flag(record, v1::SESSION_FLAG_UNKNOWN_TRANSACTION_ID);
  } else {
    record = book_.FindTransaction(transaction);
  }
  if (!record) {
    record = book_.Create(transaction, 0);
    book_.Flag(record, v1::SESSION_FLAG_MISSING_START);
    record.session->set_start_received_at_us(event.received_at_us);
  }
  if (record.stored == nullptr) {
    // It is long over; only that it was said again can be noted.
    book_.Flag(record, started ? v1::SESSION_FLAG_DUPLICATE_START
                               : (ended ? v1::SESSION_FLAG_DUPLICATE_STOP
                                        : v1::SESSION_FLAG_DUPLICATE_EVENT));
    return book_.Touch(record);
  }
  v1::StoredSession& stored = *record.stored;
  const bool startless = HasCause(stored, v1::SESSION_FLAG_MISSING_START);
  if (startless && (!stored.has_start() || told < stored.start().told_us())) {
    stored.mutable_start()->set_told_us(told);
    stored.mutable_start()->set_received_us(event.received_at_us);
  }
  const int64_t seq = request.seq_no.value_or(-1);
  const bool overtaken = !stored.seen().empty() && stored.seen(stored.seen_size() - 1).to() > seq;
  const bool again =
      seq >= 0 && SeqSeen(seq, event.generation.value(), event.sequence.value(), stored);
  if (again) {
    book_.Flag(record, started ? v1::SESSION_FLAG_DUPLICATE_START
                               : (ended ? v1::SESSION_FLAG_DUPLICATE_STOP
                                        : v1::SESSION_FLAG_DUPLICATE_EVENT));
  } else if (seq >= 0 && overtaken) {
    book_.Flag(record, v1::SESSION_FLAG_REORDERED);
  }
  if (request.offline == true) book_.Flag(record, v1::SESSION_FLAG_OFFLINE);
  v1::Session& session = *record.session;
  // The cable may come first, and who it is later.
  if (session.id_tag().empty() && !ended) session.set_id_tag(id_token);
  if (request.evse.has_value()) {
    const uint32_t evse = ToConnector(request.evse->id);
    const bool open = session.state() == v1::SESSION_STATE_OPEN;
    session.set_evse_connector_id(ToConnector(request.evse->connector_id));
    if (session.connector_id() != evse) {
      session.set_connector_id(evse);
      if (open && startless && !started) book_.List(record);
    }
  } else if (session.state() == v1::SESSION_STATE_OPEN && startless && !started && !ended) {
    book_.List(record);
  }
  StartFact start;
  start.connector_id = session.connector_id();
  start.evse_connector_id = session.evse_connector_id();
  start.id_tag = session.id_tag();
  start.told_us = told;
  start.received_us = event.received_at_us;
  start.sequence = event.sequence.value();
  start.generation = event.generation.value();
  start.reservation_id = request.reservation_id;
  if (request.transaction_info.has_value()) {
    start.remote_start_id = request.transaction_info->remote_start_id;
    start.state = ToState(request.transaction_info->charging_state.value_or(""));
  }
  start.bad_time = told == 0;
  if (started && startless) {
    if (session.end() == v1::SESSION_END_STOP) {
      book_.Flag(record, v1::SESSION_FLAG_STOP_BEFORE_START);
    }
    book_.Start(record, start);
  } else if (started && !again) {
    book_.Flag(record, v1::SESSION_FLAG_DUPLICATE_START);
  } else if (!started && (!id_token.empty() || start.remote_start_id.has_value() ||
                          start.reservation_id.has_value())) {
    book_.JoinTag(record, start);
  }
  // Also under a number that came before, which some stations never raise: a point that is said
  // again is kept once.
  if (!started) book_.AddState(record, start.state, told);
  for (const auto& value : request.meter_value) {
    Sample sample = samples_.Read(value);
    // Taken a moment before or after the event that they belong to.
    if (sample.begin && sample.at_us.has_value() && started) {
      sample.at_us = std::max(*sample.at_us, told);
    }
    if (sample.end && sample.at_us.has_value() && ended) {
      sample.at_us = std::min(*sample.at_us, told);
    }
    book_.AddSample(record, sample);
  }
  if (ended && (session.end() != v1::SESSION_END_STOP || !again)) {
    if (session.end() == v1::SESSION_END_STOP) {
      book_.Flag(record, v1::SESSION_FLAG_CONFLICTING_STOP);
    } else {
      StopFact stop;
      stop.id_tag = id_token;
      stop.reason = "Local";
      if (request.transaction_info.has_value()) {
        stop.reason = std::string(request.transaction_info->stopped_reason.value_or("Local"));
      }
      stop.told_us = told;
      stop.bad_time = told == 0;
      if (seq >= 0) stored.set_stop_seq(seq);
      book_.Stop(record, stop);
    }
  }
  if (!id_token.empty()) RememberCall(event, book_).set_key(record.key);
  book_.Touch(record);
}

}  // namespace chargeledger::projections
