// Months of the calendar as bills name them: "2026-11". Pure; days are "2026-11-30".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace chargeledger::core {

// From 2000 to 9999; all of these return none for anything else.
bool IsMonth(absl::string_view period);
std::optional<std::string> MonthAfter(absl::string_view period);
std::optional<std::string> FirstDayOf(absl::string_view period);
std::optional<std::string> LastDayOf(absl::string_view period);
// A day so many days behind another.
std::optional<std::string> DayAfter(absl::string_view day, uint32_t days);

}  // namespace chargeledger::core
