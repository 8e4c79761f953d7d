// Differences between the two sides of a log, as they were found and resolved: out of the entries
// that author or ledger recorded about them (docs/replication.md).
//
// State keys: 'd' id -> Divergence.
#pragma once

#include "chargeledger/v1/types.pb.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kDivergenceKind = 'd';

class Divergences {
 public:
  static constexpr uint32_t kVersion = 1;

  void Apply(const Event& event, State& state);
};

}  // namespace chargeledger::projections
