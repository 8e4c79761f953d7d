// The WebSocket under one connection, as connection.h needs it. websocket_stream.h is
// Boost.Beast's; connection_test.cc has one that completes its operations in every order.
//
// Which operations may be under way together (Beast asserts them, so a breach ends the process):
//  1. Accept alone: it is the first operation, and none begins before it has completed.
//  2. Then at most one Read, one Write and one Close, together. Pings are the stream's own matter.
//  3. Once Close has begun, no Read, Write or Close begins; those under way complete.
//  4. Once an operation has failed, none begins.
//  5. A Wait may be under way at any time, at most one.
// Each operation calls its `done` exactly once, later and on the I/O thread, also when the peer is
// lost: every one is bounded by the stream's time limits. A stream lives until its last `done` has
// returned.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"

namespace chargeledger::edge_agent {

// How an operation came out.
struct Outcome {
  enum class Kind {
    kOk,
    // The peer closed: `close_code` (RFC 6455 §7.4) and its reason in `detail`.
    kClosedByPeer,
    kTimedOut,
    // A message was larger than the bound, or not UTF-8.
    kBadMessage,
    // The peer broke the WebSocket protocol otherwise.
    kProtocolError,
    // The transport ended.
    kLost,
  };
  Kind kind = Kind::kOk;
  uint16_t close_code = 0;
  std::string detail;

  bool ok() const { return kind == Kind::kOk; }
};

class Stream {
 public:
  using Done = absl::AnyInvocable<void(const Outcome&)>;
  // With kBadMessage: what arrived of the message. `bytes` lives until it returns.
  using Received = absl::AnyInvocable<void(const Outcome&, absl::string_view bytes, bool binary)>;

  virtual ~Stream() = default;

  // Answers the handshake.
  virtual void Accept(Done done) = 0;
  // One whole message.
  virtual void Read(Received done) = 0;
  // One text message; `text` lives until `done` is called.
  virtual void Write(absl::string_view text, Done done) = 0;
  // The closing handshake; `reason` is cut to what a control frame holds.
  virtual void Close(uint16_t code, absl::string_view reason, Done done) = 0;
  // `done` after so many microseconds.
  virtual void Wait(int64_t us, Done done) = 0;
};

}  // namespace chargeledger::edge_agent
