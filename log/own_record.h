// The one record of which log of an archive its own process writes. Thread-safe as the archive is.
#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/storage.pb.h"
#include "log/archive.h"

namespace chargeledger::log {

// None if the archive has no log of its own yet. DATA_LOSS if the record cannot be read.
absl::StatusOr<std::optional<v1::StoredLog>> ReadOwnRecord(Archive& archive);
absl::Status StoreOwnRecord(Archive& archive, const v1::StoredLog& own);

}  // namespace chargeledger::log
