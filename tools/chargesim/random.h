// Chance for the simulator: one seeded generator per charge point, with distributions of our own,
// since the standard library's differ from one implementation to the next.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace chargeledger::chargesim {

class Random {
 public:
  explicit Random(uint64_t seed) : generator_(seed) {}

  // From least to most, both included.
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(generator_() % static_cast<uint64_t>(most - least + 1));
  }
  bool OneIn(int64_t n) { return Between(1, n) == 1; }
  uint64_t Bits() { return generator_(); }
  // Time until the next of events that come `per_hour` on average, in microseconds; a year if they
  // never come.
  int64_t Wait(double per_hour) {
    constexpr double kHourUs = 3600e6;
    if (per_hour <= 0) return static_cast<int64_t>(8760 * kHourUs);
    const double uniform = (static_cast<double>(generator_() >> 11) + 1) / 9007199254740993.0;
    return static_cast<int64_t>(-std::log(uniform) / per_hour * kHourUs) + 1;
  }

 private:
  std::mt19937_64 generator_;
};

}  // namespace chargeledger::chargesim
