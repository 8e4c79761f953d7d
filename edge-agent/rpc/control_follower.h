// Follows the ledger's control log: the gRPC adapter around ControlCopy, with the agent calling.
//
// One thread of its own; it starts over after every failure with a growing, jittered pause.
// Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "edge-agent/control_copy.h"

namespace grpc {
class ChannelInterface;
class ClientContext;
}  // namespace grpc

namespace chargeledger::edge_agent {

struct ControlFollowerOptions {
  // HOST:PORT of the ledger.
  std::string ledger;
  int64_t first_pause_ms = 500;
  int64_t longest_pause_ms = 10'000;
};

class ControlFollower {
 public:
  // `copy` outlives the follower, which alone uses it.
  ControlFollower(ControlCopy& copy, const ControlFollowerOptions& options);
  ~ControlFollower();

  ControlFollower(const ControlFollower&) = delete;
  ControlFollower& operator=(const ControlFollower&) = delete;

 private:
  void Run();
  absl::Status RunStream();
  void Pause(int64_t ms);

  ControlCopy& copy_;
  const ControlFollowerOptions options_;
  std::shared_ptr<grpc::ChannelInterface> channel_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace chargeledger::edge_agent
