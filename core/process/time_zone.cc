#include "core/process/time_zone.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace chargeledger::core {

absl::StatusOr<LocalTime> LoadLocalTime(const std::string& name, int64_t from_us, int64_t to_us) {
  absl::TimeZone zone;
  if (name.empty() || name[0] == '/' || name.find("..") != name.npos ||
      !absl::LoadTimeZone(name, &zone)) {
    return absl::InvalidArgumentError(
        absl::StrCat("time zone is \"", absl::CHexEscape(name.substr(0, 64)),
                     "\"; it must be one of the IANA database such as Europe/Amsterdam"));
  }
  absl::Time at = absl::FromUnixMicros(from_us);
  std::vector<LocalTime::Change> changes = {{absl::ToUnixSeconds(at), zone.At(at).offset}};
  absl::TimeZone::CivilTransition transition;
  while (zone.NextTransition(at, &transition)) {
    at = zone.At(transition.to).trans;
    if (at > absl::FromUnixMicros(to_us)) break;
    const int32_t offset = zone.At(at).offset;
    if (offset != changes.back().offset_s) changes.push_back({absl::ToUnixSeconds(at), offset});
  }
  return LocalTime(std::move(changes));
}

}  // namespace chargeledger::core
