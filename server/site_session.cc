#include "server/site_session.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

namespace chargeledger::server {

using log::replication::MakeRefusal;

void SiteSession::OnHello(const v1::AuthorHello& hello) {
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
  stream_ = *std::move(admitted);
  machine_.emplace(stream_->generations, hello);
  auto position = machine_->Position();
  if (!position.ok()) return RefuseFor(position.status());
  spdlog::info("site {} ({}) replicates from entry {} on", hello.site(), peer_,
               position->position().size());
  transport_.Send(*std::move(position));
  for (v1::ReplicateResponse& wanted : ledger_.Wanted(*stream_)) {
    transport_.Send(std::move(wanted));
  }
  transport_.ReadNext();
}

void SiteSession::OnRequest(std::shared_ptr<const v1::ReplicateRequest> request) {
  using Kind = log::replication::Reply::Kind;
  if (!stream_.has_value()) {
    if (request->has_hello()) return OnHello(request->hello());
    return Refuse(
        MakeRefusal(v1::Refusal::REASON_MALFORMED, "the first message of a stream is a hello", {}));
  }
  auto reply = machine_->OnRequest(*request);
  if (!reply.ok()) return RefuseFor(reply.status());
  switch (reply->kind) {
    case Kind::kRefuse:
      return Refuse(reply->response.refusal());
    case Kind::kStore:
      return Store(std::move(request), *std::move(reply));
    case Kind::kSend:
      transport_.Send(std::move(reply->response));
      break;
    case Kind::kRepair:
      ledger_.Repair(*stream_, *reply->log, reply->bundle, reply->verdict.entries);
      break;
    case Kind::kNothing:
      break;
    case Kind::kReport:
      ledger_.OnReport(*stream_, request->report());
      break;
    case Kind::kAlive:
      ledger_.OnAlive(*stream_);
      break;
    case Kind::kDigests:
      if (on_digests_) on_digests_(*stream_->held, request->digests());
      break;
  }
  transport_.ReadNext();
}

void SiteSession::Store(std::shared_ptr<const v1::ReplicateRequest> request,
                        log::replication::Reply reply) {
  std::shared_ptr<const v1::EntryPackage> package(request, &request->package());
  log::EventLog* log = reply.log;
  // No message is read until this has come back, so the session outlives it.
  ledger_.Commit(*stream_, log, std::move(package), std::move(reply.verdict),
                 [this, log](const absl::StatusOr<std::string>& checkpoint) {
                   if (!checkpoint.ok()) return RefuseFor(checkpoint.status());
                   transport_.Send(machine_->Held(*log, *checkpoint));
                   transport_.ReadNext();
                 });
}

void SiteSession::RefuseFor(const absl::Status& status) {
  Refuse(MakeRefusal(v1::Refusal::REASON_UNAVAILABLE, status.message(), stream_->log->head()));
}

void SiteSession::Refuse(v1::Refusal refusal) {
  spdlog::warn("refused {} from {}: {}", v1::Refusal::Reason_Name(refusal.reason()), peer_,
               refusal.detail());
  v1::ReplicateResponse response;
  *response.mutable_refusal() = std::move(refusal);
  transport_.SendLast(std::move(response));
}

void SiteSession::OnEnded() {
  if (!stream_.has_value()) return;
  ledger_.Release(*stream_);
  spdlog::info("site {} ({}) is no longer replicating", stream_->held->site(), peer_);
  stream_.reset();
}

}  // namespace chargeledger::server
