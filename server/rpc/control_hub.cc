#include "server/rpc/control_hub.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "log/replication/worker.h"

namespace chargeledger::server {
namespace {

// Says that there is no control log.
class NoControl final
    : public grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest> {
 public:
  NoControl() { Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no control log")); }
  void OnDone() override { delete this; }
};

}  // namespace

// Life: sends the hello, then whatever the machine has to send, one message at a time; finishes
// when the follower goes away or the machine ends the stream, and deletes itself.
class ControlHub::Stream final
    : public grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest> {
 public:
  explicit Stream(ControlHub& hub)
      : hub_(hub),
        machine_({&hub.recorder_->log(), hub.recorder_->past(), nullptr}, hub.options_.author,
                 hub.options_.stream) {}

  void Begin() {
    {
      absl::MutexLock lock(&mutex_);
      outgoing_ = machine_.Hello();
      writing_ = true;
      StartWrite(&outgoing_);
    }
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End();
    absl::Status status;
    {
      absl::MutexLock lock(&mutex_);
      status = machine_.OnResponse(incoming_, hub_.clock_.MonotonicMicros());
    }
    if (!status.ok()) {
      spdlog::warn("a follower of the control log is left alone: {}", status.ToString());
      return End();
    }
    Advance();
    absl::MutexLock lock(&mutex_);
    if (!finished_) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
    }
    if (ok) Advance();
  }

  void OnDone() override {
    hub_.Leave(this);
    delete this;
  }

  // Does what there is to do, and sends what there is to send.
  void Advance() {
    absl::Status status;
    while (status.ok()) {
      std::optional<log::replication::Work> work;
      {
        absl::MutexLock lock(&mutex_);
        if (finished_ || doing_) return;
        work = machine_.TakeWork();
        if (!work.has_value()) {
          status = SendNext();
          if (status.ok() && machine_.has_work()) continue;
          if (status.ok()) return;
          break;
        }
        doing_ = true;
      }
      // Without the lock: recording calls Notify, which comes here.
      status = Do(*work);
    }
    spdlog::warn("a follower of the control log is left alone: {}", status.ToString());
    End();
  }

 private:
  absl::Status Do(const log::replication::Work& work) {
    if (work.kind == log::replication::Work::Kind::kBegin) {
      hub_.options_.begin({work.opened, work.events});
      return absl::CancelledError("a new generation of the control log begins");
    }
    const log::replication::WorkResult result =
        log::replication::Worker(*hub_.archive_, *hub_.recorder_).Do(work);
    absl::MutexLock lock(&mutex_);
    doing_ = false;
    return machine_.OnWorkDone(result);
  }

  absl::Status SendNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_) return absl::OkStatus();
    auto next = machine_.Next(hub_.clock_.MonotonicMicros());
    if (!next.ok() || !next->has_value()) return next.status();
    outgoing_ = **std::move(next);
    writing_ = true;
    StartWrite(&outgoing_);
    return absl::OkStatus();
  }

  void End() {
    {
      absl::MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
    }
    Finish(grpc::Status::OK);
  }

  ControlHub& hub_;
  absl::Mutex mutex_;
  log::replication::AuthorStream machine_ ABSL_GUARDED_BY(mutex_);
  bool doing_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  v1::ReplicateRequest outgoing_;
  v1::ReplicateResponse incoming_;
};

void ControlHub::Notify() {
  // A stream leaves with this lock held, so none goes away meanwhile.
  absl::MutexLock lock(&mutex_);
  for (Stream* stream : streams_) stream->Advance();
}

grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest>* ControlHub::Follow() {
  if (recorder_ == nullptr) return new NoControl();
  auto* stream = new Stream(*this);
  {
    absl::MutexLock lock(&mutex_);
    streams_.insert(stream);
  }
  stream->Begin();
  return stream;
}

void ControlHub::Leave(Stream* stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream);
}

size_t ControlHub::followers() const {
  absl::MutexLock lock(&mutex_);
  return streams_.size();
}

}  // namespace chargeledger::server
