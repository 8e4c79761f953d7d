#include "server/log_queries.h"

#include <string>

#include "core/check.h"
#include "log/replication/holder.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/proof_file.h"
#include "server/log_lookup.h"

namespace chargeledger::server {
namespace {

// Progress is told every so many entries.
constexpr uint64_t kTellEvery = 256 * 64;
// How long an author may take to compare: a slow link needs its round trips.
constexpr int64_t kCompareMs = 25'000;

}  // namespace

absl::StatusOr<LogQueries::Found> LogQueries::Find(const std::string& name,
                                                   uint32_t generation) const {
  CL_ASSIGN_OR_RETURN(HeldLog * held, FindLog(ledger_, name));
  CL_ASSIGN_OR_RETURN(log::EventLog * log, FindGeneration(*held, generation));
  return Found{held, log};
}

absl::StatusOr<uint64_t> LogQueries::SignedSize(const log::EventLog& log) const {
  const std::string kept = log.checkpoint();
  if (kept.empty()) return log.head().size;
  CL_ASSIGN_OR_RETURN(log::tlog::Note note, log::tlog::Note::Parse(kept));
  CL_ASSIGN_OR_RETURN(log::tlog::Checkpoint checkpoint, log::tlog::Checkpoint::Parse(note.text));
  return checkpoint.head.size;
}

absl::StatusOr<v1::GetCheckpointResponse> LogQueries::GetCheckpoint(
    const v1::GetCheckpointRequest& request) const {
  CL_ASSIGN_OR_RETURN(Found found, Find(request.log(), request.generation()));
  uint64_t size = request.size();
  if (!request.has_size()) {
    CL_ASSIGN_OR_RETURN(size, SignedSize(*found.log));
  }
  v1::GetCheckpointResponse response;
  CL_ASSIGN_OR_RETURN(*response.mutable_checkpoint(),
                      ledger_.CheckpointAt(*found.held, *found.log, size));
  CL_ASSIGN_OR_RETURN(log::Hash root, found.log->RootAt(size));
  *response.mutable_head() = log::replication::ToProto({size, root});
  return response;
}

absl::StatusOr<v1::GetInclusionProofResponse> LogQueries::GetInclusionProof(
    const v1::GetInclusionProofRequest& request) const {
  CL_ASSIGN_OR_RETURN(Found found, Find(request.log(), request.generation()));
  uint64_t size = request.size();
  if (!request.has_size()) {
    CL_ASSIGN_OR_RETURN(size, SignedSize(*found.log));
  }
  const core::Sequence sequence(request.sequence());
  log::tlog::InclusionProofFile proof;
  proof.index = request.sequence();
  CL_ASSIGN_OR_RETURN(proof.hashes, found.log->InclusionProof(sequence, size));
  CL_ASSIGN_OR_RETURN(proof.checkpoint, ledger_.CheckpointAt(*found.held, *found.log, size));
  CL_RETURN_IF_ERROR(found.log->Read(sequence, 1, [&](core::Sequence, absl::string_view entry) {
    proof.extra = std::string(entry);
    return true;
  }));
  v1::GetInclusionProofResponse response;
  response.set_proof(proof.Serialize());
  return response;
}

absl::StatusOr<v1::GetConsistencyProofResponse> LogQueries::GetConsistencyProof(
    const v1::GetConsistencyProofRequest& request) const {
  CL_ASSIGN_OR_RETURN(Found found, Find(request.log(), request.generation()));
  uint64_t to = request.to();
  if (to == 0) {
    CL_ASSIGN_OR_RETURN(to, SignedSize(*found.log));
  }
  log::tlog::ConsistencyProofFile proof;
  CL_ASSIGN_OR_RETURN(proof.hashes, found.log->ConsistencyProof(request.from(), to));
  CL_ASSIGN_OR_RETURN(proof.from, ledger_.CheckpointAt(*found.held, *found.log, request.from()));
  CL_ASSIGN_OR_RETURN(proof.to, ledger_.CheckpointAt(*found.held, *found.log, to));
  v1::GetConsistencyProofResponse response;
  response.set_proof(proof.Serialize());
  return response;
}

absl::StatusOr<v1::ListKeysResponse> LogQueries::ListKeys(
    const v1::ListKeysRequest& request) const {
  CL_ASSIGN_OR_RETURN(HeldLog * held, FindLog(ledger_, request.log()));
  v1::ListKeysResponse response;
  for (const log::EventLog* log : held->generations()) {
    const auto author = held->author_key(log->generation());
    if (!author.has_value()) continue;
    v1::LogKey& key = *response.add_keys();
    key.set_role(v1::LogKey::ROLE_AUTHOR);
    key.set_generation(log->generation().value());
    key.set_vkey(author->ToText());
  }
  for (const log::tlog::VerifierKey& own : ledger_.keys()) {
    v1::LogKey& key = *response.add_keys();
    key.set_role(own.type() == log::tlog::SignatureType::kCosignature ? v1::LogKey::ROLE_HOLDER
                                                                      : v1::LogKey::ROLE_LEDGER);
    key.set_vkey(own.ToText());
  }
  return response;
}

absl::Status LogQueries::ReadEntries(
    const v1::ReadEntriesRequest& request,
    absl::FunctionRef<bool(const v1::ReadEntriesResponse&)> send) const {
  CL_ASSIGN_OR_RETURN(Found found, Find(request.log(), request.generation()));
  const uint64_t count = request.count() == 0 ? ~uint64_t{0} : request.count();
  return found.log->Read(core::Sequence(request.from()), count,
                         [&](core::Sequence sequence, absl::string_view entry) {
                           v1::ReadEntriesResponse response;
                           response.set_sequence(sequence.value());
                           response.set_entry(entry.data(), entry.size());
                           response.set_leaf_hash(std::string(log::LeafHash(entry).bytes()));
                           return send(response);
                         });
}

absl::StatusOr<v1::CompareLogResponse> LogQueries::CompareLog(
    const v1::CompareLogRequest& request) const {
  CL_ASSIGN_OR_RETURN(HeldLog * held, FindLog(ledger_, request.log()));
  v1::CompareLogResponse response;
  response.mutable_log()->set_log_id(held->log_id().ToHex());
  response.mutable_log()->set_operator_(held->operator_name());
  response.mutable_log()->set_site(held->site());
  CL_ASSIGN_OR_RETURN(*response.mutable_report(), ledger_.Compare(*held, kCompareMs));
  return response;
}

absl::StatusOr<v1::RestoreLogResponse> LogQueries::RestoreLog(
    const v1::RestoreLogRequest& request) const {
  CL_ASSIGN_OR_RETURN(Found found, Find(request.log(), request.generation()));
  v1::ComparisonReport report;
  if (found.held->contradicts(found.log->generation())) {
    CL_ASSIGN_OR_RETURN(report, ledger_.Compare(*found.held, kCompareMs));
  }
  CL_ASSIGN_OR_RETURN(Ledger::Restored restored,
                      ledger_.Restore(*found.held, found.log->generation(), report));
  v1::RestoreLogResponse response;
  response.set_kept_aside(restored.kept_aside);
  response.set_first_sequence(restored.first_sequence);
  return response;
}

absl::Status LogQueries::ScrubLog(const v1::ScrubLogRequest& request,
                                  absl::FunctionRef<bool(const v1::ScrubLogResponse&)> send) const {
  CL_ASSIGN_OR_RETURN(Found found, Find(request.log(), request.generation()));
  v1::ScrubLogResponse response;
  auto progress = [&](const log::LogChecker& checker) {
    response.set_checked(checker.checked());
    response.set_size(checker.size());
    if (checker.done() || checker.checked() % kTellEvery != 0) return true;
    return send(response);
  };
  CL_ASSIGN_OR_RETURN(auto findings, scrubber_.ScrubNow(*found.log, progress));
  for (const log::CheckFinding& finding : findings) {
    v1::ScrubFinding& out = *response.add_findings();
    if (finding.sequence.has_value()) out.set_sequence(*finding.sequence);
    out.set_detail(finding.detail);
  }
  response.set_done(true);
  send(response);
  return absl::OkStatus();
}

}  // namespace chargeledger::server
