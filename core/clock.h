// Where time comes from. Whoever needs it takes a Clock in its constructor; only
// core/system_clock.cc reads the real ones. Projections have none: their time is what the entries
// say.
#pragma once

#include <cstdint>

namespace chargeledger::core {

class Clock {
 public:
  virtual ~Clock() = default;

  // Microseconds since 1970-01-01T00:00:00Z. May be wrong, may step.
  virtual int64_t WallMicros() = 0;
  // Microseconds since some start of this process's choice. Never goes back.
  virtual uint64_t MonotonicMicros() = 0;
};

// A clock that stands until it is told to go on. Not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t wall_us) : wall_us_(wall_us) {}

  int64_t WallMicros() override { return wall_us_; }
  uint64_t MonotonicMicros() override { return monotonic_us_; }

  void Advance(uint64_t us) {
    wall_us_ += static_cast<int64_t>(us);
    monotonic_us_ += us;
  }
  // Moves the wall clock alone, as an NTP correction or a technician does.
  void StepWall(int64_t us) { wall_us_ += us; }

 private:
  int64_t wall_us_;
  uint64_t monotonic_us_ = 0;
};

}  // namespace chargeledger::core
