// Decimal numbers as text, read exactly: never by way of floating point.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::core {

// How many decimal places the result counts, and what to do with digits beyond them.
enum class Excess {
  kRefuse,                 // a digit other than 0 beyond `scale` is an error
  kRoundHalfAwayFromZero,  // 1.5 -> 2, -1.5 -> -2
};

// `text` is [+-]digits[.digits][(e|E)[+-]digits] with optional surrounding spaces; the result is
// text × 10^scale. "12.5" at scale 3 is 12500; at scale -1 it is 1 (12.5 / 10, rounded).
// INVALID_ARGUMENT names the text if it is no number; OUT_OF_RANGE if the result does not fit.
absl::StatusOr<int64_t> ParseDecimal(absl::string_view text, int scale, Excess excess);

// a × b / divisor, rounded half away from zero. `divisor` is positive. OUT_OF_RANGE if it does not
// fit.
absl::StatusOr<int64_t> MultiplyDivide(int64_t a, int64_t b, int64_t divisor);

// value × 10^-scale as text with exactly `places` decimals; places <= scale. Rounds half away from
// zero. FormatDecimal(12345, 3, 1) is "12.3".
std::string FormatDecimal(int64_t value, int scale, int places);

}  // namespace chargeledger::core
