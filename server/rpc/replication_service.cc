#include "server/rpc/replication_service.h"

#include <deque>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace chargeledger::server {
namespace {

// Life: reads message by message as the session allows; after the session's last message was sent,
// or when the author goes away, it finishes and deletes itself.
class ReplicationStream final
    : public grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse>,
      public SiteSession::Transport {
 public:
  ReplicationStream(Ledger& ledger, const OnDigests& on_digests,
                    grpc::CallbackServerContext& context)
      : context_(context), session_(ledger, on_digests, *this, context.peer()) {
    ReadNext();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return FinishOnce();
    session_.OnRequest(request_);
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (ok && !outbox_.empty()) {
        StartNextWrite();
        return;
      }
      if (!last_) return;
    }
    FinishOnce();
  }

  void OnDone() override { delete this; }

  void ReadNext() override {
    // A fresh message: the one before may still be read by whoever shares it.
    request_ = std::make_shared<v1::ReplicateRequest>();
    StartRead(request_.get());
  }

  // Of several acknowledgements that wait only the newest matters: each one says all. So what waits
  // here is bounded by what the author has asked.
  void Send(v1::ReplicateResponse response) override {
    absl::MutexLock lock(&mutex_);
    Enqueue(std::move(response));
  }

  // One step with the lock: a write that ends in between would otherwise end the stream before this
  // is sent.
  void SendLast(v1::ReplicateResponse response) override {
    absl::MutexLock lock(&mutex_);
    last_ = true;
    Enqueue(std::move(response));
  }

  void Cancel() override { context_.TryCancel(); }

 private:
  void Enqueue(v1::ReplicateResponse response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (response.has_held() && !outbox_.empty() && outbox_.back().has_held() &&
        outbox_.back().generation() == response.generation()) {
      // Except a checkpoint, which not every one carries.
      if (response.checkpoint().empty()) response.set_checkpoint(outbox_.back().checkpoint());
      outbox_.back() = std::move(response);
    } else {
      outbox_.push_back(std::move(response));
    }
    if (!writing_) StartNextWrite();
  }

  void StartNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    current_ = std::move(outbox_.front());
    outbox_.pop_front();
    writing_ = true;
    StartWrite(&current_);
  }

  void FinishOnce() {
    {
      absl::MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
    }
    session_.OnEnded();
    Finish(grpc::Status::OK);
  }

  grpc::CallbackServerContext& context_;
  SiteSession session_;
  std::shared_ptr<v1::ReplicateRequest> request_;
  absl::Mutex mutex_;
  // The session's last message is in the outbox, or was.
  bool last_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<v1::ReplicateResponse> outbox_ ABSL_GUARDED_BY(mutex_);
  v1::ReplicateResponse current_;
};

}  // namespace

grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse>*
ReplicationServiceImpl::Replicate(grpc::CallbackServerContext* context) {
  return new ReplicationStream(ledger_, on_digests_, *context);
}

grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest>*
ReplicationServiceImpl::Follow(grpc::CallbackServerContext*) {
  return control_.Follow();
}

}  // namespace chargeledger::server
