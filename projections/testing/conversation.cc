#include "projections/testing/conversation.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/timestamp.h"

namespace chargeledger::projections {

Conversation::Conversation(int64_t start_us, uint32_t generation) : now_us_(start_us) {
  log_ = *log::EventLog::Open(store_, *core::LogId::FromBytes("\xa1\xb2\xc3\xd4\xe5\xf6 test log "),
                              core::Generation(generation));
}

void Conversation::Record(v1::Entry entry) {
  const uint64_t sequence = log_->head().size;
  entry.set_generation(log_->generation().value());
  entry.set_sequence(sequence);
  entry.set_boot(1);
  entry.set_wall_time_us(now_us_);
  now_us_ += 1'000'000;
  const std::string bytes = entry.SerializeAsString();
  log::WriteBatch batch;
  const log::TreeHead head = log_->Stage({bytes}, {log::LeafHash(bytes)}, batch);
  CL_CHECK(store_.Commit(batch, log::Durability::kSynced).ok(), "memory does not fail");
  log_->Publish(head);
}

void Conversation::At(absl::string_view time) {
  auto at = core::ParseTimestamp(time);
  if (at.ok()) now_us_ = std::max(now_us_, *at);
}

void Conversation::StepClock(int64_t step_us) {
  now_us_ += step_us;
  v1::Entry entry;
  entry.mutable_clock_stepped()->set_step_us(step_us);
  Record(entry);
}

void Conversation::Connect(absl::string_view charge_point_id) {
  charge_point_id_ = std::string(charge_point_id);
  connection_ = log_->head().size;
  v1::Entry entry;
  entry.mutable_connection_opened()->set_charge_point_id(charge_point_id_);
  entry.mutable_connection_opened()->set_subprotocol(subprotocol_);
  Record(entry);
}

void Conversation::Disconnect(v1::ConnectionClosed::Reason reason) {
  v1::Entry entry;
  entry.mutable_connection_closed()->set_charge_point_id(charge_point_id_);
  entry.mutable_connection_closed()->set_connection(connection_);
  entry.mutable_connection_closed()->set_reason(reason);
  Record(entry);
}

void Conversation::ReceivedInParts(absl::string_view payload, int parts) {
  for (int part = 0; part < parts; ++part) {
    v1::Entry entry;
    v1::FrameRecorded& frame = *entry.mutable_frame_recorded();
    frame.set_charge_point_id(charge_point_id_);
    frame.set_connection(connection_);
    frame.set_direction(v1::DIRECTION_RECEIVED);
    frame.set_subprotocol(subprotocol_);
    const size_t begin = payload.size() * static_cast<size_t>(part) / static_cast<size_t>(parts);
    const size_t end = payload.size() * static_cast<size_t>(part + 1) / static_cast<size_t>(parts);
    frame.set_payload(std::string(payload.substr(begin, end - begin)));
    if (parts > 1) {
      frame.set_part_index(static_cast<uint32_t>(part));
      frame.set_part_count(static_cast<uint32_t>(parts));
    }
    Record(entry);
  }
}

void Conversation::Received(absl::string_view payload) { ReceivedInParts(payload, 1); }

void Conversation::Sent(absl::string_view payload) {
  v1::Entry entry;
  v1::FrameRecorded& frame = *entry.mutable_frame_recorded();
  frame.set_charge_point_id(charge_point_id_);
  frame.set_connection(connection_);
  frame.set_direction(v1::DIRECTION_SENT);
  frame.set_subprotocol(subprotocol_);
  frame.set_payload(std::string(payload));
  Record(entry);
}

void Conversation::Call(absl::string_view action, absl::string_view payload,
                        absl::string_view answer) {
  const std::string id = absl::StrCat("m", next_message_++);
  Received(absl::StrCat("[2,\"", id, "\",\"", action, "\",", payload, "]"));
  if (!answer.empty()) Sent(absl::StrCat("[3,\"", id, "\",", answer, "]"));
}

void Conversation::Command(absl::string_view action, absl::string_view payload,
                           absl::string_view answer) {
  const std::string id = absl::StrCat("c", next_message_++);
  Sent(absl::StrCat("[2,\"", id, "\",\"", action, "\",", payload, "]"));
  if (!answer.empty()) Received(absl::StrCat("[3,\"", id, "\",", answer, "]"));
}

void Conversation::Start(int connector, int64_t transaction_id, int64_t meter_wh,
                         absl::string_view time) {
  At(time);
  Call("StartTransaction",
       absl::StrCat("{\"connectorId\":", connector, ",\"idTag\":\"TAG\",\"meterStart\":", meter_wh,
                    ",\"timestamp\":\"", time, "\"}"),
       absl::StrCat("{\"transactionId\":", transaction_id,
                    ",\"idTagInfo\":{\"status\":\"Accepted\"}}"));
}

void Conversation::Meter(int64_t transaction_id, int64_t meter_wh, absl::string_view time) {
  At(time);
  Call("MeterValues",
       absl::StrCat("{\"connectorId\":1,\"transactionId\":", transaction_id,
                    ",\"meterValue\":[{\"timestamp\":\"", time,
                    "\",\"sampledValue\":[{\"value\":\"", meter_wh,
                    "\",\"unit\":\"Wh\"},{\"value\":\"11.0\",\"unit\":\"kW\",\"measurand\":"
                    "\"Power.Active.Import\"}]}]}"),
       "{}");
}

void Conversation::Stop(int64_t transaction_id, int64_t meter_wh, absl::string_view time) {
  At(time);
  Call("StopTransaction",
       absl::StrCat("{\"transactionId\":", transaction_id, ",\"meterStop\":", meter_wh,
                    ",\"timestamp\":\"", time, "\",\"reason\":\"EVDisconnected\"}"),
       "{}");
}

void Conversation::Status(int connector, absl::string_view status, absl::string_view error_code) {
  Call("StatusNotification",
       absl::StrCat("{\"connectorId\":", connector, ",\"status\":\"", status, "\",\"errorCode\":\"",
                    error_code, "\"}"),
       "{}");
}

}  // namespace chargeledger::projections
