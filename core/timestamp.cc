#include "core/timestamp.h"

#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace chargeledger::core {
namespace {

// `count` digits at `at`; -1 if they are none.
int Digits(absl::string_view text, size_t at, size_t count) {
  int number = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    number = 10 * number + (c - '0');
  }
  return number;
}

// 2026-11-20T21:46:00Z with at most microseconds: what nearly every charger writes, and a meter
// value each has one. Nothing else is decided here.
std::optional<int64_t> ParseUsual(absl::string_view text) {
  constexpr size_t kSeconds = 19;
  constexpr size_t kMostPlaces = 6;
  if (text.size() <= kSeconds || text.size() > kSeconds + 2 + kMostPlaces || text[4] != '-' ||
      text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      text.back() != 'Z') {
    return std::nullopt;
  }
  const int year = Digits(text, 0, 4), month = Digits(text, 5, 2), day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2), minute = Digits(text, 14, 2), second = Digits(text, 17, 2);
  if (year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 59) {
    return std::nullopt;
  }
  const absl::CivilDay date(year, month, day);
  if (date.day() != day) return std::nullopt;
  int64_t micros = 0;
  if (text.size() > kSeconds + 1) {
    const size_t places = text.size() - kSeconds - 2;
    micros = places == 0 || text[kSeconds] != '.' ? -1 : Digits(text, kSeconds + 1, places);
    if (micros < 0) return std::nullopt;
    for (size_t i = places; i < kMostPlaces; ++i) micros *= 10;
  }
  const int64_t days = date - absl::CivilDay(1970, 1, 1);
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000 + micros;
}

}  // namespace

absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text) {
  if (const std::optional<int64_t> usual = ParseUsual(text)) return *usual;
  absl::Time time;
  std::string error;
  if (text.size() <= 64 &&
      (absl::ParseTime("%Y-%m-%d%ET%H:%M:%E*S%Ez", text, &time, &error) ||
       absl::ParseTime("%Y-%m-%d%ET%H:%M:%E*S", text, &time, &error)) &&
      time != absl::InfiniteFuture() && time != absl::InfinitePast()) {
    return absl::ToUnixMicros(time);
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)),
                                                 "\" is not a time such as 2026-11-20T21:46:00Z"));
}

std::string FormatTimestamp(int64_t us) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMicros(us), absl::UTCTimeZone());
}

}  // namespace chargeledger::core
