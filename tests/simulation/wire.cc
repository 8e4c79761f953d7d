#include "tests/simulation/wire.h"

#include <algorithm>
#include <utility>

namespace chargeledger::simulation {
namespace {

// When TCP tries again what was lost.
constexpr uint64_t kAgainUs = 250 * kMillisecond;
// How long a keepalive takes to find that nobody is there.
constexpr uint64_t kKeepaliveUs = 25 * kSecond;

}  // namespace

void Wire::Schedule(int side) {
  End& end = sides_[static_cast<size_t>(side)];
  const uint64_t delay = world_.Between(line_.least_delay_us, line_.most_delay_us);
  end.last_arrival_us = std::max(end.last_arrival_us, world_.now_us() + delay);
  world_.After(end.last_arrival_us - world_.now_us(),
               [wire = shared_from_this(), side] { wire->Arrive(side); });
}

void Wire::Send(int side, std::string bytes) {
  End& end = sides_[static_cast<size_t>(side)];
  if (!end.open || end.ending) return;
  end.bytes += bytes.size();
  end.in_flight.push_back(std::move(bytes));
  Schedule(side);
}

void Wire::Close(int side) {
  End& end = sides_[static_cast<size_t>(side)];
  if (!end.open || end.ending) return;
  end.ending = true;
  Schedule(side);
  Closed(side);
}

void Wire::Arrive(int side) {
  End& end = sides_[static_cast<size_t>(side)];
  if (broken_) return;
  const uint64_t lost_until = line_.lost_until_us[static_cast<size_t>(side)];
  if (lost_until > world_.now_us()) {
    if (lost_until > world_.now_us() + kKeepaliveUs) {
      world_.After(kKeepaliveUs, [wire = shared_from_this()] { wire->Break(); });
    }
    world_.After(lost_until > world_.now_us() + kKeepaliveUs ? kKeepaliveUs : kAgainUs,
                 [wire = shared_from_this(), side] { wire->Arrive(side); });
    return;
  }
  const int other = 1 - side;
  if (end.in_flight.empty()) {
    if (end.ending) Closed(other);
    return;
  }
  std::string bytes = std::move(end.in_flight.front());
  end.in_flight.pop_front();
  end.bytes -= bytes.size();
  world_.Mix(bytes);
  End& to = sides_[static_cast<size_t>(other)];
  if (to.open && to.self.on_message) to.self.on_message(std::move(bytes));
}

void Wire::Closed(int side) {
  End& end = sides_[static_cast<size_t>(side)];
  if (!std::exchange(end.open, false)) return;
  // What is held by the callbacks may be what is being called.
  const Side callbacks = std::exchange(end.self, {});
  if (callbacks.on_closed) callbacks.on_closed();
}

void Wire::Break() {
  if (std::exchange(broken_, true)) return;
  for (int side : {0, 1}) {
    sides_[static_cast<size_t>(side)].in_flight.clear();
    sides_[static_cast<size_t>(side)].bytes = 0;
    // Mostly at once, sometimes only when a keepalive finds it.
    const uint64_t late = world_.random().OneIn(3) ? world_.Between(0, kKeepaliveUs) : kMillisecond;
    world_.After(late, [wire = shared_from_this(), side] { wire->Closed(side); });
  }
}

}  // namespace chargeledger::simulation
