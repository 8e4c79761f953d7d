// Rebuilds an archive's store of which some bytes are damaged: RocksDB stops writing for good once
// it meets them, so what can be read goes into a new store, and the old one is kept beside it.
//
// What cannot be read is missing afterwards, and is found missing where it is looked for: whole
// bundles are then taken from the other side of the log (docs/replication.md).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "log/directory.h"

namespace chargeledger::log {

struct MendReport {
  uint64_t copied = 0;
  // Keys that should be there and cannot be read.
  uint64_t lost = 0;
  // Where the damaged store is now.
  std::string kept_in;
};

// Mends the store of the archive in `directory`, which nobody has open. DATA_LOSS if not even the
// records of which logs there are can be read; then nothing is changed. A crash leaves the old
// store in place or the new one.
absl::StatusOr<MendReport> MendStore(Directory& directory);

}  // namespace chargeledger::log
