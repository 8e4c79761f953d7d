// Inclusion and consistency proofs of RFC 6962 §2.1.1 and §2.1.2: made out of a tree's nodes, and
// verified (RFC 9162 §2.1.3.2, §2.1.4.2) out of nothing but the proof.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "log/merkle.h"

namespace chargeledger::log {

// That leaf `index` is in the tree of `size` leaves: the sibling's hash first, the root's child
// last. OUT_OF_RANGE unless index < size; otherwise `read`'s errors.
absl::StatusOr<std::vector<Hash>> MakeInclusionProof(uint64_t index, uint64_t size,
                                                     NodeReader read);

// That the tree of `from` leaves is how the tree of `to` leaves began. OUT_OF_RANGE unless
// from <= to; empty if from is 0 or equal to `to`.
absl::StatusOr<std::vector<Hash>> MakeConsistencyProof(uint64_t from, uint64_t to, NodeReader read);

// INVALID_ARGUMENT says why the proof does not hold.
absl::Status VerifyInclusion(uint64_t index, const Hash& leaf, absl::Span<const Hash> proof,
                             const TreeHead& head);
absl::Status VerifyConsistency(const TreeHead& from, const TreeHead& to,
                               absl::Span<const Hash> proof);

}  // namespace chargeledger::log
