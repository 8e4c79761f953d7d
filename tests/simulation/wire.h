// The simulated network: lines between machines that may be cut, one-way or slow, and connections
// over them that are in order and whole until they break, as TCP's are.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "tests/simulation/world.h"

namespace chargeledger::simulation {

// What lies between two machines.
struct Line {
  uint64_t least_delay_us = 2 * kMillisecond;
  uint64_t most_delay_us = 30 * kMillisecond;
  // By direction: from the one that calls, and to it. Lost until this moment.
  std::array<uint64_t, 2> lost_until_us = {0, 0};
};

// One connection. Its two sides are 0, who called, and 1.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  struct Side {
    std::function<void(std::string)> on_message;
    // Once, after everything that still arrives.
    std::function<void()> on_closed;
  };

  Wire(World& world, const Line& line) : world_(world), line_(line) {}

  void Attach(int side, Side callbacks) { sides_[static_cast<size_t>(side)].self = callbacks; }
  void Send(int side, std::string bytes);
  // This side has ended it: the other one learns so after what was sent before.
  void Close(int side);
  // Nobody has: both learn of it in their own time, and what is under way is lost.
  void Break();
  bool open(int side) const { return sides_[static_cast<size_t>(side)].open; }
  // Of what this side has sent and the other has not taken.
  size_t bytes_in_flight(int side) const { return sides_[static_cast<size_t>(side)].bytes; }

 private:
  struct End {
    Side self;
    bool open = true;
    // To the other side.
    std::deque<std::string> in_flight;
    size_t bytes = 0;
    uint64_t last_arrival_us = 0;
    bool ending = false;
  };

  void Schedule(int side);
  void Arrive(int side);
  void Closed(int side);

  World& world_;
  const Line& line_;
  std::array<End, 2> sides_;
  bool broken_ = false;
};

}  // namespace chargeledger::simulation
