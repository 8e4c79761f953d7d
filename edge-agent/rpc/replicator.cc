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
#include "log/replication/worker.h"

namespace chargeledger::edge_agent {
// One gRPC stream and its state machine; the machine is guarded by the stream's own mutex.
class Replicator::Stream {
 public:
  Stream(v1::ReplicationService::Stub& stub, log::replication::AuthorLogs logs,
         const log::Author& author, const log::replication::AuthorOptions& options)
      : machine(std::move(logs), author, options), call(stub.Replicate(&context)) {}

  absl::Mutex mutex;
  log::replication::AuthorStream machine ABSL_GUARDED_BY(mutex);
  // Why the machine ended the stream.
  absl::Status failure ABSL_GUARDED_BY(mutex);
  bool ended ABSL_GUARDED_BY(mutex) = false;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ReplicateRequest, v1::ReplicateResponse>> call;
};

Replicator::Replicator(log::Archive& archive, log::Recorder& recorder, core::Clock& clock,
                       const log::Author& author, const ReplicatorOptions& options)
    : archive_(archive),
      recorder_(recorder),
      clock_(clock),
      author_(author),
      options_(options),
      channel_(ConnectTo(options.ledger)) {
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

void Replicator::RequestRepair(core::Generation generation, uint64_t bundle,
                               const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  const Bundle name{generation.value(), bundle};
  if (!repairs_.emplace(name, reason).second) return;
  new_repairs_.insert(name);
  ++wakeups_;
}

void Replicator::SendDigests(v1::ProjectionDigests digests) {
  absl::MutexLock lock(&mutex_);
  digests_ = std::move(digests);
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
  // What was salvaged or restored since is opened anew for each stream.
  log::replication::AuthorLogs logs{&recorder_.log(), recorder_.past(), &told_};
  for (auto& [generation, past] : logs.past) {
    if (past != nullptr) continue;
    auto opened = archive_.OpenLog(recorder_.log().log_id(), core::Generation(generation));
    if (opened.ok()) past = opened->log;
  }
  Stream stream(*stub, std::move(logs), author_, options_.stream);
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    live_ = &stream;
    ++state_.streams;
    for (const auto& [bundle, reason] : repairs_) new_repairs_.insert(bundle);
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

// Tells the machine what others want of it.
void Replicator::HandOver(Stream& stream) {
  std::set<Bundle> repairs;
  std::map<Bundle, std::string> reasons;
  std::optional<v1::ProjectionDigests> digests;
  {
    absl::MutexLock lock(&mutex_);
    repairs.swap(new_repairs_);
    for (const Bundle& bundle : repairs) reasons[bundle] = repairs_[bundle];
    digests.swap(digests_);
  }
  absl::MutexLock lock(&stream.mutex);
  for (const auto& [bundle, reason] : reasons) {
    stream.machine.RepairOwn(core::Generation(bundle.first), bundle.second, reason);
  }
  if (digests.has_value()) stream.machine.SendDigests(*std::move(digests));
}

absl::Status Replicator::Do(Stream& stream, const log::replication::Work& work) {
  using Kind = log::replication::Work::Kind;
  if (work.kind == Kind::kBegin) {
    spdlog::warn("a new generation of the log begins: {}", work.opened.reason());
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    options_.begin({work.opened, work.events});
    return absl::CancelledError("a new generation begins");
  }
  for (const v1::Entry& event : work.events) {
    if (event.has_divergence_found()) {
      spdlog::warn("divergence {}: {}", event.divergence_found().id(),
                   event.divergence_found().detail());
    }
    if (event.has_divergence_resolved()) {
      spdlog::info("divergence {} is resolved: {}", event.divergence_resolved().id(),
                   event.divergence_resolved().resolution());
    }
  }
  const log::replication::WorkResult result =
      log::replication::Worker(archive_, recorder_).Do(work);
  if (!result.status.ok() && (work.kind == Kind::kRecord || work.kind == Kind::kKeepCheckpoint)) {
    options_.failed(result.status);
  }
  if (result.status.ok() && work.kind == Kind::kRepair) {
    absl::MutexLock lock(&mutex_);
    repairs_.erase({work.generation, work.position});
  }
  absl::MutexLock lock(&stream.mutex);
  return stream.machine.OnWorkDone(result);
}

absl::Status Replicator::Step(Stream& stream, bool& idle) {
  idle = false;
  HandOver(stream);
  std::optional<log::replication::Work> work;
  std::optional<v1::ReplicateRequest> request;
  {
    absl::MutexLock lock(&stream.mutex);
    if (stream.ended) return absl::UnavailableError("the stream ended");
    work = stream.machine.TakeWork();
    if (!work.has_value()) {
      auto next = stream.machine.Next(clock_.MonotonicMicros());
      if (!next.ok()) return next.status();
      request = *std::move(next);
    }
    if (!work.has_value() && !request.has_value() && stream.machine.has_work())
      return absl::OkStatus();
  }
  if (work.has_value()) return Do(stream, *work);
  if (request.has_value()) {
    if (!stream.call->Write(*request)) return absl::UnavailableError("the stream ended");
    absl::MutexLock lock(&mutex_);
    state_.bytes_sent += request->ByteSizeLong();
    return absl::OkStatus();
  }
  idle = true;
  return absl::OkStatus();
}

absl::Status Replicator::Send(Stream& stream) {
  v1::ReplicateRequest hello;
  {
    absl::MutexLock lock(&stream.mutex);
    hello = stream.machine.Hello();
  }
  if (!stream.call->Write(hello)) return absl::UnavailableError("the stream ended");
  uint64_t seen = 0;
  while (true) {
    bool idle = false;
    CL_RETURN_IF_ERROR(Step(stream, idle));
    if (!idle) continue;
    struct Wait {
      Replicator* self;
      uint64_t seen;
      bool Ready() const { return self->stopping_ || self->wakeups_ != seen; }
    } wait{this, seen};
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
    absl::MutexLock lock(&stream.mutex);
    stream.failure = stream.machine.OnResponse(response, clock_.MonotonicMicros());
    if (!stream.failure.ok()) break;
    if (response.has_position()) {
      spdlog::info("replicating to {} from entry {} on", options_.ledger,
                   response.position().size());
    }
    absl::MutexLock own_lock(&mutex_);
    positioned_ = true;
    state_.live = stream.machine.live();
    state_.held = stream.machine.held().size;
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
                                                     const log::OwnLogs& own,
                                                     const log::Author& author,
                                                     log::replication::AuthorOptions options,
                                                     int64_t timeout_ms) {
  if (own.current() == nullptr) return std::nullopt;
  options.only_ask = true;
  // Past generations are brought level when the log is open; only the newest is asked for.
  log::replication::AuthorStream machine(*own.current(), author, options);
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
