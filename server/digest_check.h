// Compares what an author's projections have made of its log with what the ledger's have: equal
// logs with unequal states are a fault of this software, or of a disk.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "chargeledger/v1/replication.pb.h"
#include "core/ids.h"
#include "log/store.h"
#include "projections/fold.h"

namespace chargeledger::server {

struct DigestCheck {
  // How many projections were compared: those of the same version, at a position that both sides
  // came by.
  int compared = 0;
  // What differs, in words; empty if nothing does.
  std::string difference;
};

// `states` are the ledger's, made by `fold`.
absl::StatusOr<DigestCheck> CheckDigests(const log::Reader& states, const projections::Fold& fold,
                                         const core::LogId& log_id,
                                         const v1::ProjectionDigests& theirs);

}  // namespace chargeledger::server
