// What the clocks on the wall of a place show: its offsets from UTC, and when they change.
//
// The offsets are data, not looked up: two machines may have different time-zone databases, and a
// bill must not depend on which one computed it. core/process/time_zone.h reads them from the
// machine's database, for whoever records them.
#pragma once

#include <cstdint>
#include <vector>

namespace chargeledger::core {

class LocalTime {
 public:
  struct Change {
    // Seconds since 1970-01-01T00:00:00Z.
    int64_t from_s;
    // Local less UTC, in seconds.
    int32_t offset_s;

    friend bool operator==(const Change&, const Change&) = default;
  };

  // UTC.
  LocalTime() = default;
  // In the order of their times; before the first one, its offset is in force too.
  explicit LocalTime(std::vector<Change> changes) : changes_(std::move(changes)) {}

  const std::vector<Change>& changes() const { return changes_; }

  int32_t OffsetAt(int64_t us) const;
  // When the offset changes next after `us`; the largest value if it does not.
  int64_t NextChangeUs(int64_t us) const;

  // Local days since 1970-01-01, and microseconds since that day's 00:00 by the clock on the wall.
  int64_t DayAt(int64_t us) const;
  int64_t MicrosOfDayAt(int64_t us) const;

 private:
  std::vector<Change> changes_;
};

// Bit 0 is Monday, for days since 1970-01-01 (a Thursday).
uint32_t WeekdayBit(int64_t day);

}  // namespace chargeledger::core
