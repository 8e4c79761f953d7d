// What stands in for the site while its log cannot be written: either every charge point is turned
// away, as if the agent were not there, or, if the operator chose that, answered without a record.
// What happened meanwhile is counted, and becomes a RecordingGap entry once there is a log again.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/clock.h"
#include "edge-agent/central_system/central_system.h"
#include "edge-agent/central_system/transaction_memory.h"
#include "edge-agent/endpoint/site.h"
#include "log/memory_store.h"

namespace chargeledger::edge_agent {

// Charge points that a RecordingGap names: more might not fit into one entry.
constexpr int kMaxNamedInGap = 1000;

class UnrecordedSite final : public Site {
 public:
  // `answers` false: a handshake is refused with 503, and the charge point queues what it has to
  // say, as it does when it is offline. Both others outlive the site.
  UnrecordedSite(boost::asio::io_context& io, core::Clock& clock, bool answers,
                 int64_t heartbeat_interval_s);

  absl::StatusOr<Peer> Connect(const std::shared_ptr<Link>& link,
                               const v1::ConnectionOpened& opened) override;
  void Refuse(v1::ConnectionRefused refused) override;
  absl::Status Receive(const std::shared_ptr<Link>& link, const Peer& peer, absl::string_view bytes,
                       bool binary) override;
  void RefuseFrame(v1::FrameRefused refused) override;
  void Slow(const Peer&) override {}
  void Disconnect(const Peer& peer, v1::ConnectionClosed closed) override;
  void Shutdown() override;
  size_t connection_count() const override { return connections_.size(); }

  // What is missing from the log; the times and the reason are the caller's.
  v1::RecordingGap gap() const;

 private:
  struct Connected {
    uint64_t connection;
    std::weak_ptr<Link> link;
  };

  boost::asio::io_context& io_;
  core::Clock& clock_;
  const bool answers_;
  log::MemoryStore store_;
  TransactionMemory memory_;
  CentralSystem central_system_;
  uint64_t next_connection_ = 1;
  std::map<std::string, Connected> connections_;
  uint64_t refused_ = 0;
  std::map<std::string, uint64_t> unrecorded_;
};

}  // namespace chargeledger::edge_agent
