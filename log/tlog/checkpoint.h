// Checkpoints (C2SP tlog-checkpoint): a signed note whose text is origin, size and root of a log.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ids.h"
#include "log/merkle.h"
#include "log/tlog/note.h"

namespace chargeledger::log::tlog {

// `<operator>/<site>/<log id in hex>/g<generation>`: names one generation of one log for ever.
std::string Origin(absl::string_view operator_name, absl::string_view site,
                   const core::LogId& log_id, core::Generation generation);

struct Checkpoint {
  std::string origin;
  TreeHead head;

  // The note's text.
  std::string ToText() const;
  // Extension lines are allowed and ignored.
  static absl::StatusOr<Checkpoint> Parse(absl::string_view text);

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// A checkpoint together with the note that carries it.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  Note note;
  // Keys whose signatures were checked.
  std::vector<const VerifierKey*> signed_by;
};

// Reads a checkpoint and checks its signatures (VerifyNote); `keys` outlive the result.
absl::StatusOr<SignedCheckpoint> OpenCheckpoint(absl::string_view note,
                                                absl::Span<const VerifierKey> keys);

}  // namespace chargeledger::log::tlog
