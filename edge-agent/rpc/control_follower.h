// Holds the ledger's control log at the site: the gRPC adapter around log::replication's holder,
// with the agent calling.
//
// One thread of its own; it starts over after every failure with a growing, jittered pause. Each
// time new control entries are durable here, ControlAdvanced goes into the site's own log: from
// there on the site knew them. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/replication/holder.h"

namespace grpc {
class ChannelInterface;
class ClientContext;
}  // namespace grpc

namespace chargeledger::edge_agent {

struct ControlFollowerOptions {
  // HOST:PORT of the ledger.
  std::string ledger;
  // The ledger's public key, 32 bytes, if it is known beforehand; otherwise the first one is taken
  // and kept.
  std::string ledger_key;
  int64_t first_pause_ms = 500;
  int64_t longest_pause_ms = 10'000;
  // The stored logs cannot be written: the process is to end.
  std::function<void(const absl::Status&)> failed;
};

class ControlFollower {
 public:
  // `archive` and `recorder` outlive the follower.
  ControlFollower(log::Archive& archive, log::Recorder& recorder,
                  const ControlFollowerOptions& options);
  ~ControlFollower();

  ControlFollower(const ControlFollower&) = delete;
  ControlFollower& operator=(const ControlFollower&) = delete;

 private:
  void Run();
  absl::Status RunStream();
  // The generations to hold for this author, opened; FAILED_PRECONDITION if it is another than
  // before.
  absl::StatusOr<log::replication::HeldGenerations> Admit(const v1::AuthorHello& hello);
  // What is to be answered, if anything is.
  absl::StatusOr<std::optional<v1::ReplicateResponse>> Answer(
      log::replication::HolderStream& stream, const v1::ReplicateRequest& request);
  absl::Status Store(log::replication::Reply& reply);
  void Pause(int64_t ms);

  log::Archive& archive_;
  log::Recorder& recorder_;
  const ControlFollowerOptions options_;
  std::shared_ptr<grpc::ChannelInterface> channel_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace chargeledger::edge_agent
