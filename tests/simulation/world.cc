#include "tests/simulation/world.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace chargeledger::simulation {
namespace {

// What is kept of the story.
constexpr size_t kStoryLines = 60;

}  // namespace

void World::After(uint64_t us, std::function<void()> what) {
  queue_.push({now_us_ + us, events_++, std::move(what)});
}

bool World::RunNext(uint64_t until_us) {
  if (queue_.empty() || queue_.top().at_us > until_us) return false;
  // A priority queue gives its top away only as a copy.
  Event event = std::move(const_cast<Event&>(queue_.top()));
  queue_.pop();
  now_us_ = event.at_us;
  event.what();
  return true;
}

void World::Mix(absl::string_view bytes) {
  // FNV-1a over words: of every message that is carried, so it has to be cheap.
  constexpr uint64_t kPrime = 0x100000001b3;
  trace_ = (trace_ ^ now_us_) * kPrime;
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    trace_ = (trace_ ^ word) * kPrime;
    trace_ ^= trace_ >> 29;
  }
  for (; at < bytes.size(); ++at) trace_ = (trace_ ^ static_cast<uint8_t>(bytes[at])) * kPrime;
}

void World::Tell(absl::string_view who, absl::string_view what) {
  Mix(who);
  Mix(what);
  story_.push_back(absl::StrFormat("%3d:%02d:%02d.%03d  %-12s %s", now_us_ / kHour,
                                   now_us_ / kMinute % 60, now_us_ / kSecond % 60,
                                   now_us_ / kMillisecond % 1000, who, what));
  if (show_) show_(story_.back());
  if (story_.size() > kStoryLines) story_.pop_front();
}

}  // namespace chargeledger::simulation
