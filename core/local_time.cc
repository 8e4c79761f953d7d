#include "core/local_time.h"

#include <algorithm>
#include <limits>

namespace chargeledger::core {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDay = 86'400 * kSecond;

int64_t FloorDivide(int64_t value, int64_t divisor) {
  return value / divisor - (value % divisor < 0 ? 1 : 0);
}

}  // namespace

int32_t LocalTime::OffsetAt(int64_t us) const {
  if (changes_.empty()) return 0;
  const int64_t seconds = FloorDivide(us, kSecond);
  auto after = std::upper_bound(changes_.begin(), changes_.end(), seconds,
                                [](int64_t s, const Change& change) { return s < change.from_s; });
  return after == changes_.begin() ? after->offset_s : std::prev(after)->offset_s;
}

int64_t LocalTime::NextChangeUs(int64_t us) const {
  const int64_t seconds = FloorDivide(us, kSecond);
  auto after = std::upper_bound(changes_.begin(), changes_.end(), seconds,
                                [](int64_t s, const Change& change) { return s < change.from_s; });
  // The first entry is no change: its offset was in force before.
  if (after == changes_.begin() && after != changes_.end()) ++after;
  return after == changes_.end() ? std::numeric_limits<int64_t>::max() : after->from_s * kSecond;
}

int64_t LocalTime::DayAt(int64_t us) const {
  return FloorDivide(us + OffsetAt(us) * kSecond, kDay);
}

int64_t LocalTime::MicrosOfDayAt(int64_t us) const {
  return us + OffsetAt(us) * kSecond - DayAt(us) * kDay;
}

uint32_t WeekdayBit(int64_t day) {
  const int64_t weekday = ((day + 3) % 7 + 7) % 7;
  return uint32_t{1} << weekday;
}

}  // namespace chargeledger::core
