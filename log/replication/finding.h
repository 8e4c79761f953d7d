// What it means that two sides of a generation are not level, as far as heads and signed
// checkpoints tell (docs/replication.md has the table).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"

namespace chargeledger::log::replication {

struct Finding {
  // UNSPECIFIED: the two are level.
  v1::DivergenceKind kind = v1::DIVERGENCE_KIND_UNSPECIFIED;
  v1::DivergenceSide side = v1::DIVERGENCE_SIDE_UNSPECIFIED;
  // Of the checkpoint that both have signed, as the author keeps it; 0 if it keeps none.
  uint64_t cosigned = 0;
};

// The author's view: `own` against what the holder says of itself. DATA_LOSS if `own` cannot be
// read.
absl::StatusOr<Finding> Classify(const EventLog& own, const v1::GenerationHead& theirs);

v1::TreeHead ToProto(const TreeHead& head);

// The size and root of a checkpoint that is kept; none if there is none that can be read.
std::optional<TreeHead> HeadOf(absl::string_view checkpoint);

// `fork`, `stale-author`, ...: as in ids, metrics and what ledgerctl prints.
std::string ToWord(v1::DivergenceKind kind);
// What is done about it, in words.
std::string PlanFor(v1::DivergenceKind kind, v1::DivergenceSide side);

// Names one difference: the same whenever it is found again.
std::string FindingId(core::Generation generation, const Finding& finding, uint64_t first);

}  // namespace chargeledger::log::replication
