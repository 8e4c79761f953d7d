// Which of a failed run's faults matter.
#pragma once

#include <string>
#include <vector>

#include "tests/simulation/simulation.h"

namespace chargeledger::simulation {

struct Shrunk {
  size_t faults_before = 0;
  std::vector<Fault> faults;
  Violation violation;
  std::vector<std::string> story;
};

// Leaves out faults as long as the same checker still fails. Bounded in runs.
Shrunk Shrink(const Options& options, const Violation& violation);

}  // namespace chargeledger::simulation
