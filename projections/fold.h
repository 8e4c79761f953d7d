// A deterministic fold over one author's log: same entries, same state, on any machine, on any day,
// whatever the size of the batches in which the entries came. So: no clock, no randomness, no
// floating point for energy or money, no iteration in an order that the keys do not give.
// //tests/layers checks that none of these can be reached from here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

class Fold {
 public:
  // One projection: a name and version of its own, and a state of its own.
  struct Part {
    std::string name;
    // Raised by every change that can give another state for the same log.
    uint32_t version = 0;
  };

  virtual ~Fold() = default;

  virtual std::vector<Part> parts() const = 0;
  // `states` are those of parts(), in their order.
  virtual void Apply(const Event& event, absl::Span<State* const> states) = 0;
  // Before what was applied is written. It must not matter when this is: what it writes follows
  // from the state alone.
  virtual void Finish(absl::Span<State* const>) {}
};

}  // namespace chargeledger::projections
