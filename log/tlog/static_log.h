// A log as a folder of static files (C2SP tlog-tiles): checkpoint, tile/<L>/<N>, tile/entries/<N>.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/merkle.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::log::tlog {

// Writes a folder, entry by entry. Not thread-safe.
class StaticLogWriter {
 public:
  // Creates `directory`. ALREADY_EXISTS if there is something in it.
  static absl::StatusOr<StaticLogWriter> Create(const std::string& directory);

  // UNAVAILABLE names the file that cannot be written.
  absl::Status Append(absl::string_view entry);
  // Writes what is still open, and `checkpoint`, a signed note of exactly `head`, last: a folder
  // without it is not finished. DATA_LOSS if the entries have another root.
  absl::Status Finish(const TreeHead& head, absl::string_view checkpoint);

 private:
  explicit StaticLogWriter(std::string directory) : directory_(std::move(directory)) {}
  absl::Status Write(const std::string& path, absl::string_view bytes);

  std::string directory_;
  TreeBuilder builder_;
  std::string bundle_;
};

// What a folder has shown: everything fits, from the entries' bytes up to the signed root.
struct StaticLogFinding {
  SignedCheckpoint checkpoint;
  uint64_t files = 0;
};

// What else must be true of the entry at `sequence` of the log that `origin` names.
using EntryCheck = absl::FunctionRef<absl::Status(absl::string_view origin, uint64_t sequence,
                                                  absl::string_view entry)>;

// Checks a folder from the bytes up. UNAUTHENTICATED: the checkpoint; NOT_FOUND: a file is missing;
// DATA_LOSS names the file, and the first entry that does not hash to its tile; otherwise what
// `check` says. `keys` outlive the result.
absl::StatusOr<StaticLogFinding> VerifyStaticLog(const std::string& directory,
                                                 absl::Span<const VerifierKey> keys,
                                                 EntryCheck check);

}  // namespace chargeledger::log::tlog
