// What can be asked of the logs themselves: checkpoints, proofs, keys, and a check of what is
// stored. Thread-safe; no gRPC here, rpc/ carries it.
//
// Errors: NOT_FOUND, OUT_OF_RANGE and INVALID_ARGUMENT name what was asked for; FAILED_PRECONDITION
// if nothing was signed yet.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/query.pb.h"
#include "log/scrubber.h"
#include "server/ledger.h"

namespace chargeledger::server {

class LogQueries {
 public:
  // Both outlive the queries.
  LogQueries(Ledger& ledger, log::Scrubber& scrubber) : ledger_(ledger), scrubber_(scrubber) {}

  absl::StatusOr<v1::GetCheckpointResponse> GetCheckpoint(
      const v1::GetCheckpointRequest& request) const;
  absl::StatusOr<v1::GetInclusionProofResponse> GetInclusionProof(
      const v1::GetInclusionProofRequest& request) const;
  absl::StatusOr<v1::GetConsistencyProofResponse> GetConsistencyProof(
      const v1::GetConsistencyProofRequest& request) const;
  absl::StatusOr<v1::ListKeysResponse> ListKeys(const v1::ListKeysRequest& request) const;
  // Sends entries until the end or until `send` returns false.
  absl::Status ReadEntries(const v1::ReadEntriesRequest& request,
                           absl::FunctionRef<bool(const v1::ReadEntriesResponse&)> send) const;
  // Compares both sides now, and takes the author's copy of what contradicts the ledger's own
  // signature. UNAVAILABLE if the author is not there.
  absl::StatusOr<v1::CompareLogResponse> CompareLog(const v1::CompareLogRequest& request) const;
  absl::StatusOr<v1::RestoreLogResponse> RestoreLog(const v1::RestoreLogRequest& request) const;
  // Checks all that is stored of a log; sends progress, and at the end what it found.
  absl::Status ScrubLog(const v1::ScrubLogRequest& request,
                        absl::FunctionRef<bool(const v1::ScrubLogResponse&)> send) const;

 private:
  struct Found {
    HeldLog* held;
    log::EventLog* log;
  };
  absl::StatusOr<Found> Find(const std::string& name, uint32_t generation) const;
  // The size of the newest signed checkpoint; without one, that of the log.
  absl::StatusOr<uint64_t> SignedSize(const log::EventLog& log) const;

  Ledger& ledger_;
  log::Scrubber& scrubber_;
};

}  // namespace chargeledger::server
