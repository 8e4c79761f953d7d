// What speaks OCPP at the end of a Connection: time, connections and messages come in, frames come
// out. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace chargeledger::chargesim {

// What really happened, to compare the ledger with.
struct Transaction {
  std::string charge_point_id;
  int connector = 0;
  std::string id_tag;
  // 0 until the central system has told it.
  int64_t transaction_id = 0;
  int64_t started_at_us = 0;
  int64_t stopped_at_us = 0;
  int64_t meter_start_wh = 0;
  int64_t meter_stop_wh = 0;
  // What really flowed, whatever became of the register.
  int64_t energy_wh = 0;
  // Whether the central system has answered the StopTransaction.
  bool settled = false;
  // What went wrong with it here: its stop was never sent, its register began at 0 in the middle,
  // its start or stop did not fit into the queue, some of its messages were sent in another order.
  bool stop_forgotten = false;
  bool register_reset = false;
  // It had told nothing but 0 until then: no record can show it.
  bool reset_unseen = false;
  bool lost = false;
  bool swapped = false;
};

struct Counts {
  uint64_t frames_sent = 0;
  uint64_t answers = 0;
  uint64_t call_errors = 0;
  uint64_t connections = 0;
  uint64_t drops = 0;
  uint64_t faults = 0;
};

class Speaker {
 public:
  virtual ~Speaker() = default;

  virtual const std::string& id() const = 0;
  // As the WebSocket handshake names it.
  virtual const char* subprotocol() const = 0;
  virtual const std::vector<Transaction>& transactions() const = 0;
  virtual const Counts& counts() const = 0;
  virtual size_t lost_messages() const = 0;

  // Lives through all that happens up to `now_us`.
  virtual void Advance(int64_t now_us) = 0;
  virtual void OnConnected() = 0;
  virtual void OnDisconnected() = 0;
  virtual void OnMessage(const std::string& text) = 0;
  // The frame to send now, if the connection is up and nothing waits for an answer. Answers to the
  // central system go first.
  virtual std::optional<std::string> NextFrame() = 0;
  // True once each time the charge point's network fails: the transport is to be cut without a
  // word.
  virtual bool TakeDrop() = 0;
  // The end of the run: who still charges stops, and nobody arrives any more.
  virtual void Finish() = 0;
  // Whether everything was said and answered.
  virtual bool Settled() const = 0;
};

}  // namespace chargeledger::chargesim
