// What a store knows of its logs besides the logs (who wrote them, how many generations they have),
// a second time in a file of its own: when the store is damaged there, nothing else could tell.
//
//   file = StoredRecords (proto/chargeledger/v1/storage.proto) ‖ SHA-256 of it
//
// Replaced as a whole. Not thread-safe.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "log/directory.h"

namespace chargeledger::log {

// Key in the store -> value.
using Records = std::map<std::string, std::string>;

absl::Status WriteRecords(Directory& directory, const std::string& name, const Records& records);
// NOT_FOUND if there is no file; DATA_LOSS if it is damaged.
absl::StatusOr<Records> ReadRecords(const Directory& directory, const std::string& name);

}  // namespace chargeledger::log
