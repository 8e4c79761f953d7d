#include "server/rpc/replication_service.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <deque>
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

// Life: reads the hello, answers with the position, then message by message; after a refusal was
// sent, or when the author goes away, it finishes and deletes itself.
class ReplicationStream final
    : public grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse>,
      public LiveStream {
 public:
  ReplicationStream(Ledger& ledger, OnDigests& on_digests, grpc::CallbackServerContext& context)
      : ledger_(ledger), on_digests_(on_digests), context_(context), peer_(context.peer()) {
    request_ = std::make_shared<v1::ReplicateRequest>();
    StartRead(request_.get());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return FinishOnce();
    if (!stream_.has_value()) return OnHello();
    OnRequest();
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (ok && !outbox_.empty()) {
        StartNextWrite();
        return;
      }
    }
    if (refused_) FinishOnce();
  }

  void OnDone() override { delete this; }

  void Tell(v1::ReplicateResponse response) override { Send(std::move(response)); }
  void End() override { context_.TryCancel(); }

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
    auto admitted = ledger_.Admit(hello, this, peer_);
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
    machine_.emplace(stream_->generations, hello);
    auto position = machine_->Position();
    if (!position.ok()) return RefuseFor(position.status());
    spdlog::info("site {} ({}) replicates from entry {} on", hello.site(), peer_,
                 position->position().size());
    Send(*std::move(position));
    for (v1::ReplicateResponse& wanted : ledger_.Wanted(*stream_)) Send(std::move(wanted));
    ReadNext();
  }

  void OnRequest() {
    using Kind = log::replication::Reply::Kind;
    auto reply = machine_->OnRequest(*request_);
    if (!reply.ok()) return RefuseFor(reply.status());
    switch (reply->kind) {
      case Kind::kRefuse:
        return Refuse(reply->response.refusal());
      case Kind::kStore:
        // No read is under way until this has come back, so the stream outlives it.
        return Store(*std::move(reply));
      case Kind::kSend:
        Send(std::move(reply->response));
        break;
      case Kind::kRepair:
        ledger_.Repair(*stream_, *reply->log, reply->bundle, reply->verdict.entries);
        break;
      case Kind::kNothing:
        break;
      case Kind::kReport:
        ledger_.OnReport(*stream_, request_->report());
        break;
      case Kind::kAlive:
        ledger_.OnAlive(*stream_);
        break;
      case Kind::kDigests:
        if (on_digests_) on_digests_(*stream_->held, request_->digests());
        break;
    }
    ReadNext();
  }

  void Store(log::replication::Reply reply) {
    std::shared_ptr<const v1::EntryPackage> package(request_, &request_->package());
    log::EventLog* log = reply.log;
    ledger_.Commit(*stream_, log, std::move(package), std::move(reply.verdict),
                   [this, log](const absl::StatusOr<std::string>& checkpoint) {
                     if (!checkpoint.ok()) return RefuseFor(checkpoint.status());
                     Send(machine_->Held(*log, *checkpoint));
                     ReadNext();
                   });
  }

  void ReadNext() {
    // A fresh message: the one before may still be read by whoever shares it.
    request_ = std::make_shared<v1::ReplicateRequest>();
    StartRead(request_.get());
  }

  // Of several acknowledgements that wait only the newest matters: each one says all. So what waits
  // here is bounded by what the author has asked.
  void Send(v1::ReplicateResponse response) {
    absl::MutexLock lock(&mutex_);
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

  void RefuseFor(const absl::Status& status) {
    Refuse(MakeRefusal(v1::Refusal::REASON_UNAVAILABLE, status.message(), stream_->log->head()));
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
  OnDigests& on_digests_;
  grpc::CallbackServerContext& context_;
  const std::string peer_;
  std::shared_ptr<v1::ReplicateRequest> request_;
  std::optional<Ledger::Stream> stream_;
  std::optional<log::replication::HolderStream> machine_;
  std::atomic<bool> refused_{false};
  absl::Mutex mutex_;
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
