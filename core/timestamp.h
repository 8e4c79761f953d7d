// Points in time as text: ISO 8601 as OCPP uses it, microseconds since 1970-01-01T00:00:00Z inside.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::core {

// OCPP 1.6 §3.15 dateTime: 2026-11-20T21:46:00Z, with any number of decimals and any offset. Text
// without an offset is taken as UTC, as chargers that leave it out mean it. Digits beyond a
// microsecond are cut off.
absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text);

// 2026-11-20T21:46:00.123Z: milliseconds, as OCPP 2.0.1 recommends.
std::string FormatTimestamp(int64_t us);

}  // namespace chargeledger::core
