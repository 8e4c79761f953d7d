// Electrical quantities as integers.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/strong.h"

namespace chargeledger::core {

using MilliwattHours = Strong<struct MilliwattHoursTag, int64_t>;
using Milliwatts = Strong<struct MilliwattsTag, int64_t>;

// `value` is a decimal, `unit` as OCPP 1.6 §7.45 UnitOfMeasure: "Wh" (also when empty, OCPP's
// default) or "kWh", times 10^`multiplier` (OCPP 2.0.1 unitOfMeasure). Digits beyond a
// milliwatt-hour are rounded. INVALID_ARGUMENT for another unit or no number.
absl::StatusOr<MilliwattHours> ParseEnergy(absl::string_view value, absl::string_view unit,
                                           int multiplier = 0);

// The same for "W" (and empty) and "kW".
absl::StatusOr<Milliwatts> ParsePower(absl::string_view value, absl::string_view unit,
                                      int multiplier = 0);

// "12.345" for 12,345,000 mWh.
std::string FormatKilowattHours(MilliwattHours energy);
// "50.0" for 50,000,000 mW.
std::string FormatKilowatts(Milliwatts power);

}  // namespace chargeledger::core
