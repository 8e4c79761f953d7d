#include "server/rpc/replication_service.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "log/replication/holder.h"

namespace chargeledger::server {
namespace {

using log::replication::MakeRefusal;
using log::replication::Verdict;

// Life: reads the hello, answers with the position, then package by package; after a refusal was
// sent, or when the author goes away, it finishes and deletes itself.
class ReplicationStream final
    : public grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse> {
 public:
  ReplicationStream(Ledger& ledger, std::string peer) : ledger_(ledger), peer_(std::move(peer)) {
    request_ = std::make_shared<v1::ReplicateRequest>();
    StartRead(request_.get());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return FinishOnce();
    if (!stream_.has_value()) return OnHello();
    OnPackage();
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (ok && next_.has_value()) {
        StartNextWrite();
        return;
      }
    }
    if (refused_) FinishOnce();
  }

  void OnDone() override { delete this; }

 private:
  void OnHello() {
    if (!request_->has_hello()) {
      return Refuse(MakeRefusal(v1::Refusal::REASON_MALFORMED,
                                "the first message of a stream is a hello", {}));
    }
    const v1::AuthorHello& hello = request_->hello();
    if (absl::Status status = log::replication::CheckHello(hello); !status.ok()) {
      return Refuse(MakeRefusal(v1::Refusal::REASON_MALFORMED, status.message(), {}));
    }
    auto admitted = ledger_.Admit(hello);
    if (!admitted.ok()) {
      const v1::Refusal::Reason reason =
          admitted.status().code() == absl::StatusCode::kAlreadyExists
              ? v1::Refusal::REASON_ALREADY_CONNECTED
          : admitted.status().code() == absl::StatusCode::kFailedPrecondition
              ? v1::Refusal::REASON_DIVERGED
              : v1::Refusal::REASON_UNAVAILABLE;
      return Refuse(MakeRefusal(reason, admitted.status().message(), {}));
    }
    stream_ = *admitted;
    author_key_ = stream_->held->author_key(stream_->log->generation());
    const log::TreeHead head = stream_->log->head();
    spdlog::info("site {} ({}) replicates from entry {} on", hello.site(), peer_, head.size);
    v1::ReplicateResponse response;
    *response.mutable_position() = log::replication::ToProto(head);
    Send(std::move(response));
    ReadNext();
  }

  void OnPackage() {
    if (!request_->has_package()) {
      return Refuse(MakeRefusal(v1::Refusal::REASON_MALFORMED, "after the hello come packages only",
                                stream_->log->head()));
    }
    std::shared_ptr<const v1::EntryPackage> package(request_, &request_->package());
    absl::StatusOr<Verdict> verdict = log::replication::Verify(
        *stream_->log, *package, author_key_.has_value() ? &*author_key_ : nullptr);
    if (!verdict.ok()) {
      return Refuse(MakeRefusal(v1::Refusal::REASON_UNAVAILABLE, verdict.status().message(),
                                stream_->log->head()));
    }
    if (verdict->refusal.has_value()) return Refuse(*verdict->refusal);
    // No read is under way until this has come back, so the stream outlives it.
    ledger_.Commit(
        *stream_, std::move(package), *std::move(verdict),
        [this](const absl::StatusOr<std::string>& checkpoint) { OnCommitted(checkpoint); });
  }

  void OnCommitted(const absl::StatusOr<std::string>& checkpoint) {
    if (!checkpoint.ok()) {
      return Refuse(MakeRefusal(v1::Refusal::REASON_UNAVAILABLE, checkpoint.status().message(),
                                stream_->log->head()));
    }
    v1::ReplicateResponse response;
    response.set_checkpoint(*checkpoint);
    *response.mutable_held() = log::replication::ToProto(stream_->log->head());
    Send(std::move(response));
    ReadNext();
  }

  void ReadNext() {
    // A fresh message: the one before may still be read by whoever shares it.
    request_ = std::make_shared<v1::ReplicateRequest>();
    StartRead(request_.get());
  }

  // Of several answers that wait only the newest matters: each one says all.
  void Send(v1::ReplicateResponse response) {
    absl::MutexLock lock(&mutex_);
    // The position must not be skipped: the author sends nothing before it.
    // Nor must a checkpoint, which not every answer carries.
    if (next_.has_value() && next_->has_position() && response.has_held()) {
      *next_->mutable_position() = response.held();
    } else {
      if (next_.has_value() && response.has_held() && response.checkpoint().empty()) {
        response.set_checkpoint(next_->checkpoint());
      }
      next_ = std::move(response);
    }
    if (!writing_) StartNextWrite();
  }

  void StartNextWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    current_ = *std::move(next_);
    next_.reset();
    writing_ = true;
    StartWrite(&current_);
  }

  void Refuse(v1::Refusal refusal) {
    spdlog::warn("refused {} from {}: {}", v1::Refusal::Reason_Name(refusal.reason()), peer_,
                 refusal.detail());
    refused_ = true;
    v1::ReplicateResponse response;
    *response.mutable_refusal() = std::move(refusal);
    Send(std::move(response));
  }

  void FinishOnce() {
    {
      absl::MutexLock lock(&mutex_);
      if (finished_) return;
      finished_ = true;
    }
    // Before the author can know that the stream has ended, so that its next one is not refused for
    // this one.
    if (stream_.has_value()) {
      ledger_.Release(*stream_);
      spdlog::info("site {} ({}) is no longer replicating", stream_->held->site(), peer_);
    }
    Finish(grpc::Status::OK);
  }

  Ledger& ledger_;
  const std::string peer_;
  std::shared_ptr<v1::ReplicateRequest> request_;
  std::optional<Ledger::Stream> stream_;
  std::optional<log::tlog::VerifierKey> author_key_;
  std::atomic<bool> refused_{false};
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::ReplicateResponse> next_ ABSL_GUARDED_BY(mutex_);
  v1::ReplicateResponse current_;
};

}  // namespace

grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse>*
ReplicationServiceImpl::Replicate(grpc::CallbackServerContext* context) {
  return new ReplicationStream(ledger_, context->peer());
}

}  // namespace chargeledger::server
