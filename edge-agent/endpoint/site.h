// The site as its charge points meet it: who is connected, what is recorded and what is answered.
// Joins the central system's rules, the recorder and the connections. Everything here runs on the
// I/O thread; the recorder's answers are brought back to it.
//
// Bounds: a connection stops reading while `max_unanswered` of its messages wait (endpoint.h); a
// full recorder makes the connection close with 1013 (try again later), so that nothing is answered
// that was not recorded.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "chargeledger/v1/entry.pb.h"
#include "core/clock.h"
#include "edge-agent/central_system/central_system.h"
#include "edge-agent/central_system/transaction_memory.h"
#include "log/recorder.h"

namespace chargeledger::edge_agent {

// What the site needs of a connection.
class Link {
 public:
  virtual ~Link() = default;
  // `answer` is durable: send it. None: the message needs none.
  virtual void OnRecorded(std::optional<std::string> answer) = 0;
  // Another connection of this identity took over: end, and report nothing any more.
  virtual void OnReplaced() = 0;
  // The agent stops: end.
  virtual void OnShutdown() = 0;
};

class Site {
 public:
  // All outlive the site; its io_context is destroyed, and the recorder closed, before it.
  Site(boost::asio::io_context& io, log::Recorder& recorder, core::Clock& clock,
       CentralSystem& central_system, TransactionMemory& memory)
      : io_(io),
        recorder_(recorder),
        clock_(clock),
        central_system_(central_system),
        memory_(memory) {}

  // A handshake was good: records the connection, and takes the identity over from an earlier one.
  // UNAVAILABLE if it cannot be recorded.
  absl::StatusOr<Peer> Connect(const std::shared_ptr<Link>& link,
                               const v1::ConnectionOpened& opened);
  // A handshake was refused.
  void Refuse(v1::ConnectionRefused refused);
  // A message arrived. OnRecorded follows once it is durable. RESOURCE_EXHAUSTED if the recorder is
  // full: nothing was recorded.
  absl::Status Receive(const std::shared_ptr<Link>& link, const Peer& peer, absl::string_view bytes,
                       bool binary);
  // A message was not taken.
  void RefuseFrame(v1::FrameRefused refused);
  // The connection ended. Ignored if another one has taken its identity over: that was recorded
  // then.
  void Disconnect(const Peer& peer, v1::ConnectionClosed closed);

  void Shutdown();
  size_t connection_count() const { return connections_.size(); }

 private:
  struct Connected {
    uint64_t connection;
    std::weak_ptr<Link> link;
  };

  absl::StatusOr<core::Sequence> Record(std::vector<v1::Entry> entries,
                                        std::function<void()> recorded = {});

  boost::asio::io_context& io_;
  log::Recorder& recorder_;
  core::Clock& clock_;
  CentralSystem& central_system_;
  TransactionMemory& memory_;
  // By charge point id: the one live connection of each.
  std::map<std::string, Connected> connections_;
};

}  // namespace chargeledger::edge_agent
