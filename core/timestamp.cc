#include "core/timestamp.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace chargeledger::core {

absl::StatusOr<int64_t> ParseTimestamp(absl::string_view text) {
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
