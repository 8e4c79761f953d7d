// A recorded conversation for tests: frames and connections as an edge agent would have recorded
// them, in a log in memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"
#include "log/event_log.h"
#include "log/memory_store.h"

namespace chargeledger::projections {

class Conversation {
 public:
  // 2026-03-01T12:00:00Z.
  static constexpr int64_t kStart = 1'772'366'400'000'000;

  // The first entry is received at `start_us`.
  explicit Conversation(int64_t start_us = kStart, uint32_t generation = 1);

  // Every entry is received a second after the one before, or at the time last given to At.
  void Record(v1::Entry entry);
  // What comes next is received at `time` (ISO 8601), if that is not past yet.
  void At(absl::string_view time);
  // The clock moves by so much, which is recorded.
  void StepClock(int64_t step_us);
  // What comes next is spoken in this protocol.
  void Speak(v1::Subprotocol subprotocol) { subprotocol_ = subprotocol; }
  // Opens a connection and makes it the one that frames use.
  void Connect(absl::string_view charge_point_id);
  void Disconnect(v1::ConnectionClosed::Reason reason);
  void Received(absl::string_view payload);
  void Sent(absl::string_view payload);
  // Cut into `parts` entries.
  void ReceivedInParts(absl::string_view payload, int parts);

  // [2,id,action,payload] and its answer, if it is not empty.
  void Call(absl::string_view action, absl::string_view payload, absl::string_view answer);
  // The same the other way round: a command to the charge point, and its answer if it is not empty.
  void Command(absl::string_view action, absl::string_view payload, absl::string_view answer);

  // These are received when they say they were said.
  // A StartTransaction on `connector` that is answered with `transaction_id`.
  void Start(int connector, int64_t transaction_id, int64_t meter_wh, absl::string_view time);
  void Meter(int64_t transaction_id, int64_t meter_wh, absl::string_view time);
  void Stop(int64_t transaction_id, int64_t meter_wh, absl::string_view time);
  void Status(int connector, absl::string_view status, absl::string_view error_code = "NoError");

  const log::EventLog& log() const { return *log_; }
  // What the log stands on, to damage it.
  log::Store& store() { return store_; }

 private:
  log::MemoryStore store_;
  std::unique_ptr<log::EventLog> log_;
  std::string charge_point_id_ = "CP1";
  uint64_t connection_ = 0;
  int next_message_ = 1;
  int64_t now_us_;
  v1::Subprotocol subprotocol_ = v1::SUBPROTOCOL_OCPP1_6;
};

}  // namespace chargeledger::projections
