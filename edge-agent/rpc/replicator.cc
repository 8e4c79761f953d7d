#include "edge-agent/rpc/replicator.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "chargeledger/v1/replication.grpc.pb.h"
#include "core/system_clock.h"

namespace chargeledger::edge_agent {
namespace {

absl::Status Translate(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::shared_ptr<grpc::Channel> Connect(const std::string& ledger) {
  grpc::ChannelArguments arguments;
  // A cellular link that dies silently is noticed after a ping's time, not after TCP's many
  // minutes.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  return grpc::CreateCustomChannel(ledger, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

// One gRPC stream and its state machine; the machine is guarded by the stream's own mutex.
class Replicator::Stream {
 public:
  Stream(v1::ReplicationService::Stub& stub, const log::EventLog& log, const log::Author& author,
         const log::replication::AuthorOptions& options)
      : machine(log, author, options), call(stub.Replicate(&context)) {}

  absl::Mutex mutex;
  log::replication::AuthorStream machine ABSL_GUARDED_BY(mutex);
  // Why the machine ended the stream.
  absl::Status failure ABSL_GUARDED_BY(mutex);
  bool ended ABSL_GUARDED_BY(mutex) = false;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ReplicateRequest, v1::ReplicateResponse>> call;
};

Replicator::Replicator(const log::EventLog& log, const log::Author& author,
                       const ReplicatorOptions& options)
    : log_(log), author_(author), options_(options), channel_(Connect(options.ledger)) {
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
  Stream stream(*stub, log_, author_, options_.stream);
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    live_ = &stream;
  }
  std::thread receiver([&] { Receive(stream); });
  absl::Status status = Send(stream);
  if (!status.ok()) stream.context.TryCancel();
  receiver.join();
  {
    absl::MutexLock lock(&mutex_);
    live_ = nullptr;
  }
  const absl::Status transport = Translate(stream.call->Finish());
  absl::MutexLock lock(&stream.mutex);
  // What the machine says is nearer to the cause than that the stream was cancelled for it.
  if (!stream.failure.ok()) return stream.failure;
  return transport.ok() ? status : transport;
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
    std::optional<v1::ReplicateRequest> package;
    {
      absl::MutexLock lock(&stream.mutex);
      if (stream.ended) return absl::UnavailableError("the stream ended");
      auto next = stream.machine.NextPackage();
      if (!next.ok()) return next.status();
      package = *std::move(next);
    }
    if (package.has_value()) {
      if (!stream.call->Write(*package)) return absl::UnavailableError("the stream ended");
      continue;
    }
    struct Wait {
      Replicator* self;
      uint64_t seen;
      bool Ready() const { return self->stopping_ || self->wakeups_ != seen; }
    } wait{this, seen};
    absl::MutexLock lock(&mutex_);
    // Whatever grows after NextPackage looked has raised wakeups_ beyond `seen`.
    mutex_.Await(absl::Condition(&wait, &Wait::Ready));
    seen = wakeups_;
    if (stopping_) return absl::CancelledError("stopping");
  }
}

void Replicator::Receive(Stream& stream) {
  v1::ReplicateResponse response;
  while (stream.call->Read(&response)) {
    absl::MutexLock lock(&stream.mutex);
    stream.failure = stream.machine.OnResponse(response);
    if (!stream.failure.ok()) break;
    if (!response.checkpoint().empty() && options_.cosigned) {
      options_.cosigned(stream.machine.cosigned());
    }
    if (response.has_position()) {
      spdlog::info("replicating to {} from entry {} on", options_.ledger,
                   response.position().size());
    }
    absl::MutexLock own_lock(&mutex_);
    positioned_ = true;
    ++wakeups_;
  }
  {
    absl::MutexLock lock(&stream.mutex);
    stream.ended = true;
    if (!stream.failure.ok()) stream.context.TryCancel();
  }
  Notify();
}

}  // namespace chargeledger::edge_agent
