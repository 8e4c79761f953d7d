#include "edge-agent/rpc/control_follower.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "absl/time/time.h"
#include "chargeledger/v1/replication.grpc.pb.h"
#include "core/system_clock.h"
#include "edge-agent/rpc/channel.h"

namespace chargeledger::edge_agent {

ControlFollower::ControlFollower(ControlCopy& copy, const ControlFollowerOptions& options)
    : copy_(copy),
      options_(options),
      channel_(ConnectTo(options.ledger)),
      thread_([this] { Run(); }) {}

ControlFollower::~ControlFollower() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (live_ != nullptr) live_->TryCancel();
  }
  thread_.join();
}

void ControlFollower::Pause(int64_t ms) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::Milliseconds(ms));
}

void ControlFollower::Run() {
  std::mt19937_64 jitter(core::RandomBits());
  int64_t pause_ms = options_.first_pause_ms;
  std::string last_failure;
  while (true) {
    const absl::Status status = RunStream();
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    // That the ledger is away is told by who replicates the site's log.
    if (status.code() != absl::StatusCode::kUnavailable && status.ToString() != last_failure) {
      last_failure = status.ToString();
      spdlog::warn("not following the control log of {}: {}", options_.ledger, last_failure);
    }
    if (status.ok()) pause_ms = options_.first_pause_ms;
    Pause(pause_ms / 2 + static_cast<int64_t>(jitter() % static_cast<uint64_t>(pause_ms / 2 + 1)));
    pause_ms = std::min(pause_ms * 2, options_.longest_pause_ms);
  }
}

absl::Status ControlFollower::RunStream() {
  auto stub = v1::ReplicationService::NewStub(channel_);
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    live_ = &context;
  }
  auto call = stub->Follow(&context);
  copy_.BeginStream();
  v1::ReplicateRequest request;
  absl::Status status;
  while (status.ok() && call->Read(&request)) {
    auto response = copy_.OnRequest(request);
    status = response.status();
    if (response.ok() && response->has_value() && !call->Write(**response)) break;
  }
  if (!status.ok()) context.TryCancel();
  const absl::Status ended = ToStatus(call->Finish());
  absl::MutexLock lock(&mutex_);
  live_ = nullptr;
  return status.ok() ? ended : status;
}

}  // namespace chargeledger::edge_agent
