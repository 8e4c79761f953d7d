// Whether there is space on the disk of a directory.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace chargeledger::core {

// Bytes that this process may still write there.
absl::StatusOr<uint64_t> FreeBytes(const std::string& directory);

// Whether `bytes` are free there, and some of them can really be written and synced: tries it, and
// leaves nothing behind. (What the file system says to be free may be beyond a quota.)
bool HasSpace(const std::string& directory, uint64_t bytes);

}  // namespace chargeledger::core
