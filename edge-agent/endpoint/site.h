// What the endpoint needs of the site behind it: recording_site.h is the site as it should be,
// unrecorded_site.h what stands in for it while nothing can be recorded. Everything here runs on
// the I/O thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"
#include "edge-agent/central_system/frames.h"

namespace chargeledger::edge_agent {

// What the site needs of a connection.
class Link {
 public:
  virtual ~Link() = default;
  // The message was taken; `answer` may be sent. None: the message needs none.
  virtual void OnRecorded(std::optional<std::string> answer) = 0;
  // Another connection of this identity took over: end, and report nothing any more.
  virtual void OnReplaced() = 0;
  // The agent stops: end.
  virtual void OnShutdown() = 0;
};

class Site {
 public:
  virtual ~Site() = default;

  // A handshake was good: takes the identity over from an earlier connection. UNAVAILABLE: the
  // handshake is to be refused, because of this.
  virtual absl::StatusOr<Peer> Connect(const std::shared_ptr<Link>& link,
                                       const v1::ConnectionOpened& opened) = 0;
  // A handshake was refused.
  virtual void Refuse(v1::ConnectionRefused refused) = 0;
  // A message arrived. OnRecorded follows. RESOURCE_EXHAUSTED: it was not taken.
  virtual absl::Status Receive(const std::shared_ptr<Link>& link, const Peer& peer,
                               absl::string_view bytes, bool binary) = 0;
  // A message was not taken.
  virtual void RefuseFrame(v1::FrameRefused refused) = 0;
  // The peer says more than it may for long: it is read slower from now on.
  virtual void Slow(const Peer& peer) = 0;
  // The connection ended. Ignored if another one has taken its identity over.
  virtual void Disconnect(const Peer& peer, v1::ConnectionClosed closed) = 0;

  virtual void Shutdown() = 0;
  virtual size_t connection_count() const = 0;
};

}  // namespace chargeledger::edge_agent
