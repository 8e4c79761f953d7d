#include "server/rpc/control_hub.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <utility>

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

// Life: sends the hello, then whatever the session has to send, one message at a time; finishes
// when the follower goes away or the session ends the stream, and deletes itself.
class ControlHub::Stream final
    : public grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest> {
 public:
  explicit Stream(ControlHub& hub) : hub_(hub), session_(hub.new_session_()) {}

  void Begin() {
    {
      absl::MutexLock lock(&mutex_);
      busy_ = true;
      outgoing_ = session_->Hello();
      StartWrite(&outgoing_);
    }
    StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return End();
    if (absl::Status status = session_->OnResponse(incoming_); !status.ok()) return Leave(status);
    Advance();
    absl::MutexLock lock(&mutex_);
    if (!finished_) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      busy_ = false;
    }
    if (ok) Advance();
  }

  void OnDone() override {
    hub_.Leave(this);
    delete this;
  }

  // Does what there is to do, and sends what there is to send, without the lock: recording calls
  // Notify, which comes here.
  void Advance() {
    {
      absl::MutexLock lock(&mutex_);
      again_ = true;
      if (busy_ || finished_) return;
      busy_ = true;
    }
    while (true) {
      {
        absl::MutexLock lock(&mutex_);
        again_ = false;
      }
      auto next = session_->Next();
      if (!next.ok()) return Leave(next.status());
      absl::MutexLock lock(&mutex_);
      if (finished_) return;
      if (next->has_value()) {
        outgoing_ = **std::move(next);
        return StartWrite(&outgoing_);
      }
      if (again_) continue;
      busy_ = false;
      return;
    }
  }

 private:
  void Leave(const absl::Status& status) {
    spdlog::warn("a follower of the control log is left alone: {}", status.ToString());
    End();
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
  const std::unique_ptr<log::replication::AuthorSession> session_;
  absl::Mutex mutex_;
  // Somebody looks for what to send, or it is being sent.
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  // There may be more than whoever is busy has seen.
  bool again_ ABSL_GUARDED_BY(mutex_) = false;
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
  if (!new_session_) return new NoControl();
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
