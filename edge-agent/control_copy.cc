#include "edge-agent/control_copy.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "core/orphans.h"
#include "log/replication/worker.h"
#include "log/salvage.h"

namespace chargeledger::edge_agent {
namespace {

namespace replication = log::replication;

// The one record of which control log is followed.
constexpr absl::string_view kFollowedKey = "f";
constexpr size_t kCopiedAtOnce = 64;

}  // namespace

absl::StatusOr<uint32_t> ControlCopy::Remember(const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, archive_.store().Get(kFollowedKey));
  v1::StoredLog followed;
  if (stored.has_value() && !followed.ParseFromString(*stored)) {
    return absl::DataLossError("the record of the control log that is followed cannot be read");
  }
  const std::string& known = ledger_key_.empty() ? followed.author_public_key() : ledger_key_;
  if (!known.empty() && known != hello.public_key()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the control log is signed with the key ", absl::BytesToHexString(hello.public_key()),
        ", but the ledger's key is ", absl::BytesToHexString(known)));
  }
  if (followed.log_id() == hello.log_id() && followed.generation() >= hello.generation() &&
      followed.author_public_key() == hello.public_key()) {
    return followed.generation();
  }
  if (followed.log_id() != hello.log_id()) {
    // Of another control log nothing was copied yet, however much there was of the one before.
    followed.clear_copied_into();
    followed.clear_copied_generation();
    followed.clear_copied_size();
  }
  followed.set_operator_(hello.operator_());
  followed.set_site(hello.site());
  followed.set_log_id(hello.log_id());
  followed.set_generation(hello.generation());
  followed.set_author_public_key(hello.public_key());
  CL_RETURN_IF_ERROR(archive_.PutRecord(std::string(kFollowedKey), followed.SerializeAsString()));
  return hello.generation();
}

absl::StatusOr<replication::HeldGenerations> ControlCopy::Admit(const v1::AuthorHello& hello) {
  CL_RETURN_IF_ERROR(replication::CheckHello(hello));
  CL_ASSIGN_OR_RETURN(const uint32_t newest, Remember(hello));
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(hello.log_id()));
  replication::HeldGenerations held;
  for (uint32_t generation = 1; generation <= newest; ++generation) {
    auto opened = archive_.OpenLog(log_id, core::Generation(generation));
    // A bundle may be missing in a log that opens all the same: it is looked at once in a life,
    // since damage that is found ends the life.
    const bool damaged =
        opened.ok() && !recorded_ && log::FirstUnreadable(*opened->log, 0).has_value();
    if (damaged || opened.status().code() == absl::StatusCode::kDataLoss) {
      // The ledger has it: what is whole is kept, the rest comes again.
      opened = archive_.Salvage(log_id, core::Generation(generation));
    }
    CL_RETURN_IF_ERROR(opened.status());
    held[generation].log = opened->log;
    if (hello.public_key().empty()) continue;
    CL_ASSIGN_OR_RETURN(
        held[generation].author_key,
        log::tlog::VerifierKey::Create(log::tlog::Origin(hello.operator_(), hello.site(), log_id,
                                                         core::Generation(generation)),
                                       log::tlog::SignatureType::kEd25519, hello.public_key()));
  }
  if (!std::exchange(recorded_, true)) {
    const log::EventLog& newest = *held.rbegin()->second.log;
    if (newest.head().size > 0) CL_RETURN_IF_ERROR(RecordAdvanced(newest));
  }
  return held;
}

bool ControlCopy::Concerns(const v1::ControlFact& fact) const {
  switch (fact.fact_case()) {
    case v1::ControlFact::kTariffPublished:
    case v1::ControlFact::kContractRegistered:
    case v1::ControlFact::kBillingPolicySet:
      return true;
    case v1::ControlFact::kTariffAssigned:
      return fact.tariff_assigned().site().empty() || fact.tariff_assigned().site() == site_;
    case v1::ControlFact::kSiteDescribed:
      return fact.site_described().site() == site_;
    case v1::ControlFact::kSessionReviewed:
      // A session's id begins with its log's.
      return absl::StartsWith(fact.session_reviewed().session_id(),
                              recorder_.log().log_id().ToHex().substr(0, 12));
    default:
      return false;
  }
}

absl::Status ControlCopy::CopyFrom(const log::EventLog& log, uint64_t from) {
  std::vector<v1::Entry> events;
  core::OrphanReader orphans;
  absl::Status outcome;
  const auto record = [&] {
    if (!events.empty()) outcome = recorder_.RecordAndWait(std::exchange(events, {}));
    return outcome.ok();
  };
  CL_RETURN_IF_ERROR(
      log.Read(core::Sequence(from), ~uint64_t{0}, [&](core::Sequence, absl::string_view bytes) {
        v1::Entry entry;
        if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
        std::string carried;
        if (entry.has_orphaned_entry() && entry.orphaned_entry().log_id().empty()) {
          auto orphan = orphans.Add(entry.orphaned_entry());
          if (!orphan.has_value()) return true;
          carried = std::string(orphan->bytes);
          bytes = carried;
          if (!entry.ParseFromString(carried)) return true;
        }
        if (!entry.has_control_fact() || !Concerns(entry.control_fact())) return true;
        v1::KnownFact& known = *events.emplace_back().mutable_known_fact();
        known.set_log_id(std::string(log.log_id().bytes()));
        known.set_generation(entry.generation());
        known.set_sequence(entry.sequence());
        known.set_entry(std::string(bytes));
        return events.size() < kCopiedAtOnce || record();
      }));
  record();
  return outcome;
}

absl::Status ControlCopy::CopyFacts(const log::EventLog& newest) {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, archive_.store().Get(kFollowedKey));
  v1::StoredLog followed;
  if (!stored.has_value() || !followed.ParseFromString(*stored)) {
    return absl::DataLossError("the record of the control log that is followed cannot be read");
  }
  const uint32_t own = recorder_.log().generation().value();
  const uint32_t last = newest.generation().value();
  const uint64_t size = newest.head().size;
  if (followed.copied_into() == own && followed.copied_generation() == last &&
      followed.copied_size() == size) {
    return absl::OkStatus();
  }
  // A generation of the site's own log that has just begun may have lost what an earlier one knew.
  const bool anew = followed.copied_into() != own || followed.copied_generation() > last;
  for (uint32_t generation = anew ? 1 : followed.copied_generation(); generation <= last;
       ++generation) {
    const bool goes_on = !anew && generation == followed.copied_generation();
    const uint64_t from = goes_on ? followed.copied_size() : 0;
    if (generation == last) {
      CL_RETURN_IF_ERROR(CopyFrom(newest, std::min(from, size)));
      continue;
    }
    auto opened = archive_.OpenLog(newest.log_id(), core::Generation(std::max(1u, generation)));
    // What is damaged of a past generation was copied when it came, or comes again.
    if (opened.ok()) CopyFrom(*opened->log, std::min(from, opened->log->head().size)).IgnoreError();
  }
  followed.set_copied_into(own);
  followed.set_copied_generation(last);
  followed.set_copied_size(size);
  return archive_.PutRecord(std::string(kFollowedKey), followed.SerializeAsString());
}

absl::Status ControlCopy::RecordAdvanced(const log::EventLog& log) {
  CL_RETURN_IF_ERROR(CopyFacts(log));
  const log::TreeHead head = log.head();
  std::vector<v1::Entry> events(1);
  v1::ControlAdvanced& advanced = *events[0].mutable_control_advanced();
  advanced.set_log_id(std::string(log.log_id().bytes()));
  advanced.set_generation(log.generation().value());
  advanced.set_size(head.size);
  advanced.set_root(std::string(head.root.bytes()));
  return recorder_.RecordAndWait(std::move(events));
}

absl::Status ControlCopy::Store(replication::Reply& reply) {
  const uint64_t before = reply.log->head().size;
  absl::Status status = replication::AppendTo(archive_, *reply.log, reply.verdict.entries);
  if (status.ok() && reply.verdict.checkpoint.has_value()) {
    status = archive_.KeepCheckpoint(*reply.log, reply.verdict.checkpoint->Serialize());
  }
  if (!status.ok()) {
    failed_(status);
    return status;
  }
  return reply.log->head().size == before ? absl::OkStatus() : RecordAdvanced(*reply.log);
}

absl::StatusOr<std::optional<v1::ReplicateResponse>> ControlCopy::OnRequest(
    const v1::ReplicateRequest& request) {
  std::optional<v1::ReplicateResponse> response;
  if (!stream_.has_value()) {
    CL_ASSIGN_OR_RETURN(replication::HeldGenerations held, Admit(request.hello()));
    stream_.emplace(std::move(held), request.hello());
    CL_ASSIGN_OR_RETURN(response, stream_->Position());
    return response;
  }
  CL_ASSIGN_OR_RETURN(replication::Reply reply, stream_->OnRequest(request));
  switch (reply.kind) {
    case replication::Reply::Kind::kSend:
    case replication::Reply::Kind::kRefuse:
      response = std::move(reply.response);
      break;
    case replication::Reply::Kind::kStore:
      CL_RETURN_IF_ERROR(Store(reply));
      response = stream_->Held(*reply.log, "");
      break;
    default:
      break;
  }
  return response;
}

}  // namespace chargeledger::edge_agent
