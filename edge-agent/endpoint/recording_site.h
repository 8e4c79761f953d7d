// The site as its charge points meet it: who is connected, what is recorded and what is answered.
// Joins the central system's rules, the recorder and the connections; the recorder's answers are
// brought back to the I/O thread.
//
// Bounds: a connection stops reading while `max_unanswered` of its messages wait (endpoint.h); a
// full recorder makes the connection close with 1013 (try again later), so that nothing is answered
// that was not recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "edge-agent/central_system/central_system.h"
#include "edge-agent/central_system/transaction_memory.h"
#include "edge-agent/endpoint/refusals.h"
#include "edge-agent/endpoint/site.h"
#include "log/recorder.h"

namespace chargeledger::edge_agent {

class RecordingSite final : public Site {
 public:
  struct Surroundings {
    // Brings something to the I/O thread.
    std::function<void(std::function<void()>)> post;
    // What was recorded is not durable, and nothing more will be: the process is to end. On any
    // thread.
    std::function<void(const absl::Status&)> failed;
    // To which rate a charge point that says too much is slowed, for the record.
    uint32_t max_messages_per_s = 0;
  };

  // All outlive the site; what was posted is gone, and the recorder closed, before it.
  RecordingSite(Surroundings surroundings, log::Recorder& recorder, core::Clock& clock,
                CentralSystem& central_system, TransactionMemory& memory)
      : surroundings_(std::move(surroundings)),
        recorder_(recorder),
        clock_(clock),
        central_system_(central_system),
        memory_(memory) {}

  absl::StatusOr<Peer> Connect(const std::shared_ptr<Link>& link,
                               const v1::ConnectionOpened& opened) override;
  void Refuse(v1::ConnectionRefused refused) override;
  // OnRecorded follows once the message and its answer are durable.
  absl::Status Receive(const std::shared_ptr<Link>& link, const Peer& peer, absl::string_view bytes,
                       bool binary) override;
  void RefuseFrame(v1::FrameRefused refused) override;
  // Recorded at most once a minute and connection.
  void Slow(const Peer& peer) override;
  // Ignored if another one has taken its identity over: that was recorded then.
  void Disconnect(const Peer& peer, v1::ConnectionClosed closed) override;

  // Records what was counted of refused handshakes.
  void Shutdown() override;
  // Likewise, once a minute is over. To be called about once a second.
  void Tick();
  size_t connection_count() const override { return connections_.size(); }

 private:
  struct Connected {
    uint64_t connection;
    std::weak_ptr<Link> link;
    // When it was last recorded that it says too much.
    std::optional<uint64_t> slowed_us;
  };

  void RecordAll(std::vector<v1::Entry> entries);
  absl::StatusOr<core::Sequence> Record(std::vector<v1::Entry> entries,
                                        std::function<void()> recorded = {});

  const Surroundings surroundings_;
  log::Recorder& recorder_;
  core::Clock& clock_;
  CentralSystem& central_system_;
  TransactionMemory& memory_;
  Refusals refusals_;
  // By charge point id: the one live connection of each.
  std::map<std::string, Connected> connections_;
};

}  // namespace chargeledger::edge_agent
