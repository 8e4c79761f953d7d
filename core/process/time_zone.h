// A place's local time, from the machine's time-zone database.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "core/local_time.h"

namespace chargeledger::core {

// The offsets of `name` (IANA, such as Europe/Amsterdam) between two times. INVALID_ARGUMENT names
// a zone that the database does not have.
absl::StatusOr<LocalTime> LoadLocalTime(const std::string& name, int64_t from_us, int64_t to_us);

}  // namespace chargeledger::core
