#include "edge-agent/rpc/replicator.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "absl/time/time.h"
#include "chargeledger/v1/replication.grpc.pb.h"
#include "core/check.h"
#include "core/system_clock.h"
#include "edge-agent/rpc/channel.h"

namespace chargeledger::edge_agent {

// One gRPC stream.
class Replicator::Stream {
 public:
  Stream(v1::ReplicationService::Stub& stub,
         std::unique_ptr<log::replication::AuthorSession> new_session)
      : session(std::move(new_session)), call(stub.Replicate(&context)) {}

  const std::unique_ptr<log::replication::AuthorSession> session;
  absl::Mutex mutex;
  // Why the machine ended the stream.
  absl::Status failure ABSL_GUARDED_BY(mutex);
  bool ended ABSL_GUARDED_BY(mutex) = false;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ReplicateRequest, v1::ReplicateResponse>> call;
};

Replicator::Replicator(const ReplicatorOptions& options, NewSession new_session)
    : options_(options), new_session_(std::move(new_session)), channel_(ConnectTo(options.ledger)) {
  thread_ = std::thread([this] { Run(); });
}

Replicator::~Replicator() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (live_ != nullptr) live_->context.TryCancel();
  }
  thread_.join();
}

void Replicator::Notify() {
  absl::MutexLock lock(&mutex_);
  ++wakeups_;
}

ReplicatorState Replicator::state() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void Replicator::Run() {
  // Spreads out agents that lost the same ledger at the same moment; nothing that is recorded
  // depends on it.
  std::mt19937_64 jitter(core::RandomBits());
  int64_t pause_ms = options_.first_pause_ms;
  std::string last_failure;
  while (true) {
    const absl::Status status = RunStream();
    bool agreed = false;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      agreed = positioned_;
      positioned_ = false;
    }
    if (agreed) pause_ms = options_.first_pause_ms;
    if (status.ToString() != last_failure || agreed) {
      last_failure = status.ToString();
      spdlog::warn("not replicating to {}: {}; recording goes on", options_.ledger, last_failure);
    }
    const bool hopeless = status.code() == absl::StatusCode::kFailedPrecondition ||
                          status.code() == absl::StatusCode::kDataLoss;
    if (hopeless) pause_ms = options_.longest_pause_ms;
    Pause(pause_ms / 2 + static_cast<int64_t>(jitter() % static_cast<uint64_t>(pause_ms / 2 + 1)));
    pause_ms = std::min(pause_ms * 2, options_.longest_pause_ms);
  }
}

void Replicator::Pause(int64_t ms) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::Milliseconds(ms));
}

absl::Status Replicator::RunStream() {
  auto stub = v1::ReplicationService::NewStub(channel_);
  Stream stream(*stub, new_session_());
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    live_ = &stream;
    ++state_.streams;
  }
  std::thread receiver([&] { Receive(stream); });
  absl::Status status = Send(stream);
  if (!status.ok()) stream.context.TryCancel();
  receiver.join();
  {
    absl::MutexLock lock(&mutex_);
    live_ = nullptr;
    state_.live = false;
  }
  const absl::Status transport = ToStatus(stream.call->Finish());
  absl::MutexLock lock(&stream.mutex);
  // What the machine says is nearer to the cause than that the stream was cancelled for it.
  if (!stream.failure.ok()) return stream.failure;
  return transport.ok() ? status : transport;
}

absl::Status Replicator::Send(Stream& stream) {
  const absl::Status gone = absl::UnavailableError("the stream ended");
  if (!stream.call->Write(stream.session->Hello())) return gone;
  uint64_t seen = 0;
  while (true) {
    struct Wait {
      Replicator* self;
      uint64_t seen;
      bool Ready() const { return self->stopping_ || self->wakeups_ != seen; }
    };
    {
      absl::MutexLock lock(&stream.mutex);
      if (stream.ended) return gone;
    }
    auto request = stream.session->Next();
    if (!request.ok()) {
      absl::MutexLock lock(&mutex_);
      // Another life begins.
      if (request.status().code() == absl::StatusCode::kCancelled) stopping_ = true;
      return request.status();
    }
    if (request->has_value()) {
      if (!stream.call->Write(**request)) return gone;
      absl::MutexLock lock(&mutex_);
      state_.bytes_sent += (*request)->ByteSizeLong();
      continue;
    }
    Wait wait{this, seen};
    absl::MutexLock lock(&mutex_);
    // Whatever grows after the machine looked has raised wakeups_ beyond `seen`.
    mutex_.Await(absl::Condition(&wait, &Wait::Ready));
    seen = wakeups_;
    if (stopping_) return absl::CancelledError("stopping");
  }
}

void Replicator::Receive(Stream& stream) {
  v1::ReplicateResponse response;
  while (stream.call->Read(&response)) {
    const absl::Status status = stream.session->OnResponse(response);
    if (!status.ok()) {
      absl::MutexLock lock(&stream.mutex);
      stream.failure = status;
      break;
    }
    if (response.has_position()) {
      spdlog::info("replicating to {} from entry {} on", options_.ledger,
                   response.position().size());
    }
    absl::MutexLock lock(&mutex_);
    positioned_ = true;
    state_.live = stream.session->live();
    state_.held = stream.session->held().size;
    ++wakeups_;
  }
  {
    absl::MutexLock lock(&stream.mutex);
    stream.ended = true;
    if (!stream.failure.ok()) stream.context.TryCancel();
  }
  Notify();
}

std::optional<log::RecorderOptions::Begin> AskLedger(const std::string& ledger,
                                                     log::replication::AuthorStream& machine,
                                                     int64_t timeout_ms) {
  auto stub = v1::ReplicationService::NewStub(ConnectTo(ledger));
  grpc::ClientContext context;
  context.set_deadline(gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
  auto call = stub->Replicate(&context);
  std::optional<log::RecorderOptions::Begin> begin;
  v1::ReplicateResponse response;
  bool goes_on = call->Write(machine.Hello());
  while (goes_on && call->Read(&response)) {
    absl::Status status = machine.OnResponse(response);
    if (std::optional<log::replication::Work> work = machine.TakeWork()) {
      if (work->kind == log::replication::Work::Kind::kBegin) {
        begin = log::RecorderOptions::Begin{work->opened, work->events};
      }
      break;
    }
    auto next = machine.Next();
    goes_on = status.ok() && next.ok();
    if (goes_on && next->has_value()) goes_on = call->Write(**next);
  }
  context.TryCancel();
  call->Finish();
  return begin;
}

}  // namespace chargeledger::edge_agent
