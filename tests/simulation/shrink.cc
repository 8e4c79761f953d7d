#include "tests/simulation/shrink.h"

#include <algorithm>
#include <set>
#include <utility>

namespace chargeledger::simulation {
namespace {

// How many runs it may take.
constexpr int kMostRuns = 60;

}  // namespace

Shrunk Shrink(const Options& options, const Violation& violation) {
  const Plan plan = Simulation(options).plan();
  std::vector<size_t> kept;
  for (size_t i = 0; i < plan.faults.size(); ++i) {
    // What comes after does not matter.
    if (plan.faults[i].at_us <= violation.at_us) kept.push_back(i);
  }
  Shrunk shrunk;
  shrunk.faults_before = plan.faults.size();
  shrunk.violation = violation;
  int runs = 0;
  auto fails = [&](const std::vector<size_t>& some) {
    ++runs;
    Options again = options;
    again.only.emplace(some.begin(), some.end());
    Result result = Simulation(again).Run();
    if (!result.violation.has_value() || result.violation->checker != violation.checker) {
      return false;
    }
    shrunk.violation = *result.violation;
    shrunk.story = std::move(result.story);
    return true;
  };
  for (size_t piece = std::max<size_t>(1, kept.size() / 2); !kept.empty() && runs < kMostRuns;) {
    bool less = false;
    for (size_t at = 0; at < kept.size() && runs < kMostRuns;) {
      std::vector<size_t> rest(kept.begin(), kept.begin() + static_cast<ptrdiff_t>(at));
      rest.insert(rest.end(),
                  kept.begin() + static_cast<ptrdiff_t>(std::min(kept.size(), at + piece)),
                  kept.end());
      if (fails(rest)) {
        kept = std::move(rest);
        less = true;
      } else {
        at += piece;
      }
    }
    if (piece == 1 && !less) break;
    if (!less || piece > kept.size()) piece = std::max<size_t>(1, piece / 2);
  }
  for (size_t i : kept) shrunk.faults.push_back(plan.faults[i]);
  return shrunk;
}

}  // namespace chargeledger::simulation
