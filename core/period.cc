#include "core/period.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"

namespace chargeledger::core {
namespace {

std::optional<absl::CivilMonth> Parse(absl::string_view period) {
  int year = 0, month = 0;
  if (period.size() != 7 || period[4] != '-' || !absl::SimpleAtoi(period.substr(0, 4), &year) ||
      !absl::SimpleAtoi(period.substr(5), &month) || month < 1 || month > 12 || year < 2000) {
    return std::nullopt;
  }
  const absl::CivilMonth parsed(year, month);
  // "+1" and " 1" are numbers, too.
  return absl::FormatCivilTime(parsed) == period ? std::optional(parsed) : std::nullopt;
}

}  // namespace

bool IsMonth(absl::string_view period) { return Parse(period).has_value(); }

std::optional<std::string> MonthAfter(absl::string_view period) {
  const auto month = Parse(period);
  if (!month.has_value()) return std::nullopt;
  return absl::FormatCivilTime(*month + 1);
}

std::optional<std::string> FirstDayOf(absl::string_view period) {
  if (!IsMonth(period)) return std::nullopt;
  return absl::StrCat(period, "-01");
}

std::optional<std::string> LastDayOf(absl::string_view period) {
  const auto month = Parse(period);
  if (!month.has_value()) return std::nullopt;
  return absl::FormatCivilTime(absl::CivilDay(*month + 1) - 1);
}

std::optional<std::string> DayAfter(absl::string_view day, uint32_t days) {
  absl::CivilDay parsed;
  if (!absl::ParseCivilTime(day, &parsed)) return std::nullopt;
  return absl::FormatCivilTime(parsed + days);
}

}  // namespace chargeledger::core
