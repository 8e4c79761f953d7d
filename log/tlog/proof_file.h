// Proofs as files that need no server (docs/log_format.md):
//
//   inclusion    C2SP tlog-proof@v1: "c2sp.org/tlog-proof@v1", `extra` (here: the entry's bytes),
//                `index`, hashes, a blank line, a checkpoint
//   consistency  "chargeledger/consistency-proof@v1", hashes, a blank line, the older checkpoint, a
//                blank line, the newer one
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/merkle.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::log::tlog {

struct InclusionProofFile {
  // The entry; absent where the verifier has it from elsewhere.
  std::optional<std::string> extra;
  uint64_t index = 0;
  std::vector<Hash> hashes;
  // A signed note.
  std::string checkpoint;

  std::string Serialize() const;
  static absl::StatusOr<InclusionProofFile> Parse(absl::string_view bytes);
};

struct ConsistencyProofFile {
  std::vector<Hash> hashes;
  // Signed notes.
  std::string from;
  std::string to;

  std::string Serialize() const;
  static absl::StatusOr<ConsistencyProofFile> Parse(absl::string_view bytes);
};

// Largest proof file that is read.
constexpr size_t kMaxProofBytes = 512 << 10;

// What a proof file has shown.
struct ProofFinding {
  // Of a consistency proof only.
  std::optional<SignedCheckpoint> from;
  SignedCheckpoint to;
  // Of an inclusion proof only: the entry's number and bytes.
  uint64_t index = 0;
  std::optional<std::string> entry;
};

// Reads either kind and checks it whole: signatures of `keys`, and hashes. INVALID_ARGUMENT or
// UNAUTHENTICATED says what is wrong. `keys` outlive the result.
absl::StatusOr<ProofFinding> VerifyProofFile(absl::string_view bytes,
                                             absl::Span<const VerifierKey> keys);

}  // namespace chargeledger::log::tlog
