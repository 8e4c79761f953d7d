// What a store knows of its logs besides the logs (who wrote them, how many generations they have),
// a second time in a file of its own: when the store is damaged there, nothing else could tell.
//
//   file = StoredRecords (proto/chargeledger/v1/storage.proto) ‖ SHA-256 of it
//
// Written whole beside the old one, synced, and renamed. Not thread-safe.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace chargeledger::log {

// Key in the store -> value.
using Records = std::map<std::string, std::string>;

absl::Status WriteRecords(const std::string& path, const Records& records);
// NOT_FOUND if there is no file; DATA_LOSS if it is damaged.
absl::StatusOr<Records> ReadRecords(const std::string& path);

}  // namespace chargeledger::log
