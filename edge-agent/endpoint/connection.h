// One charge point's connection from its accepted handshake to its end: what is read, answered and
// closed when. Without I/O of its own; belongs to the I/O thread, and lives as long as an operation
// of its stream is under way.
//
//  1. The operations of the stream that are under way together are those of stream.h: what comes
//  while the handshake is being answered (another connection of this identity, the agent's stop)
//  closes the connection once it is answered.
//  2. The site hears of the end exactly once.
//  3. At most `max_unanswered` messages wait for their answer, and a station that says more than
//  `max_messages_per_s` after a burst is read no faster than that. What was read is answered.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/clock.h"
#include "edge-agent/endpoint/site.h"
#include "edge-agent/endpoint/stream.h"

namespace chargeledger::edge_agent {

struct ConnectionLimits {
  // Messages of one connection that may wait for their answer to be durable and sent; then it is
  // not read.
  int max_unanswered = 16;
  // Of one connection, once `burst_messages` were said; 0: no limit. An offline queue of some
  // hundred messages passes at full speed.
  int64_t max_messages_per_s = 100;
  int64_t burst_messages = 1'000;
};

class Connection final : public Link, public std::enable_shared_from_this<Connection> {
 public:
  // All outlive the connection.
  Connection(Site& site, core::Clock& clock, const ConnectionLimits& limits);

  // Takes the identity. UNAVAILABLE: the handshake is to be refused, because of this.
  absl::Status Connect(const v1::ConnectionOpened& opened);
  // Answers the handshake and goes on. After Connect, at once.
  void Run(std::unique_ptr<Stream> stream);

  void OnRecorded(std::optional<std::string> answer) override;
  void OnReplaced() override;
  void OnShutdown() override;

 private:
  // Unless a read is under way, or too much waits for its answer, or it has said too much.
  void Read();
  void OnRead(const Outcome& outcome, absl::string_view bytes, bool binary);
  // Whether one message more may be read now; if not, it will be tried again in time.
  bool TakeTurn();
  void Write();
  void OnWritten(const Outcome& outcome);
  void Close(v1::ConnectionClosed::Reason reason, uint16_t code, std::string detail);
  void StartClosing();
  // The connection has ended like this: tells the site, once.
  void Ended(const Outcome& outcome);
  void RefuseFrame(const std::string& reason, absl::string_view bytes);

  Site& site_;
  core::Clock& clock_;
  const ConnectionLimits& limits_;
  std::unique_ptr<Stream> stream_;
  std::optional<Peer> peer_;
  std::deque<std::string> outbox_;
  // Messages received whose answer is not yet durable and sent.
  int unanswered_ = 0;
  // Microseconds of the monotonic clock at which the bucket of messages is full again.
  uint64_t full_at_us_ = 0;
  bool accepted_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool waiting_ = false;
  // No operation begins any more, or only Close does.
  bool closing_ = false;
  // Why an answer could not be written, while a read is under way that may know better.
  std::optional<Outcome> write_failure_;
  v1::ConnectionClosed::Reason close_reason_ = v1::ConnectionClosed::REASON_UNSPECIFIED;
  uint16_t close_code_ = 0;
  std::string close_detail_;
};

}  // namespace chargeledger::edge_agent
