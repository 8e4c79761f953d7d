// Time, chance and the story of one simulated run: everything that happens is an event of one
// queue, in an order that the seed decides. Not thread-safe; nothing here reads a clock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/clock.h"
#include "tools/chargesim/random.h"

namespace chargeledger::simulation {

using chargesim::Random;

constexpr uint64_t kMillisecond = 1'000;
constexpr uint64_t kSecond = 1'000'000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
// Wall time at the beginning of every run: 2026-03-28T00:00:00Z.
constexpr int64_t kEpochUs = 1'774'656'000'000'000;

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  uint64_t now_us() const { return now_us_; }
  Random& random() { return random_; }
  // From `least` to `most`, both included.
  uint64_t Between(uint64_t least, uint64_t most) {
    return static_cast<uint64_t>(
        random_.Between(static_cast<int64_t>(least), static_cast<int64_t>(most)));
  }

  void After(uint64_t us, std::function<void()> what);
  // Lets happen what is next, if that is not after `until_us`; false if nothing is.
  bool RunNext(uint64_t until_us);

  // Part of the trace, and of the story that is told of a run that failed.
  void Tell(absl::string_view who, absl::string_view what);
  // Part of the trace alone.
  void Mix(absl::string_view bytes);
  uint64_t trace() const { return trace_; }
  uint64_t events() const { return events_; }
  // Everything that is told is shown here as well.
  void ShowTo(std::function<void(const std::string&)> show) { show_ = std::move(show); }
  // The last things that were told, oldest first.
  const std::deque<std::string>& story() const { return story_; }

 private:
  struct Event {
    uint64_t at_us;
    uint64_t number;
    std::function<void()> what;
    // The earliest is the greatest; of those of one moment, the first that was asked for.
    bool operator<(const Event& other) const {
      return at_us != other.at_us ? at_us > other.at_us : number > other.number;
    }
  };

  uint64_t now_us_ = 0;
  uint64_t events_ = 0;
  uint64_t trace_ = 0xcbf29ce484222325;
  Random random_;
  std::priority_queue<Event> queue_;
  std::deque<std::string> story_;
  std::function<void(const std::string&)> show_;
};

// A machine's clock: it may be off, and may drift.
class MachineClock final : public core::Clock {
 public:
  explicit MachineClock(const World& world) : world_(world) {}

  int64_t WallMicros() override {
    const auto passed = static_cast<int64_t>(world_.now_us() - set_at_us_);
    return kEpochUs + static_cast<int64_t>(world_.now_us()) + offset_us_ +
           passed / 1'000'000 * drift_ppm_;
  }
  uint64_t MonotonicMicros() override { return world_.now_us(); }

  void Step(int64_t us) { offset_us_ += us; }
  void Drift(int64_t ppm) {
    offset_us_ = WallMicros() - kEpochUs - static_cast<int64_t>(world_.now_us());
    set_at_us_ = world_.now_us();
    drift_ppm_ = ppm;
  }

 private:
  const World& world_;
  int64_t offset_us_ = 0;
  int64_t drift_ppm_ = 0;
  uint64_t set_at_us_ = 0;
};

}  // namespace chargeledger::simulation
