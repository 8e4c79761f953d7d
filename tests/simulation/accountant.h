// What a billing team does while a run goes on, by the facts that ledgerctl's commands record:
// versions of tariffs, put in force from now on or for what was; sessions that are held released,
// adjusted or waived, and taken up again.
#pragma once

#include <cstdint>
#include <string>

#include "server/ledger_core.h"
#include "tests/simulation/world.h"

namespace chargeledger::simulation {

// A review's reason begins with it when it adjusts the energy; the new one in mWh is behind it.
constexpr char kAdjustedTo[] = "adjusted to ";

class Accountant {
 public:
  // Has chance of its own: a run without it is what it was before there was one.
  explicit Accountant(uint64_t seed);

  // Whether anything is done at all; about half of the runs do without.
  bool at_work() const { return at_work_; }
  // Until there is something to do again.
  uint64_t PauseUs();
  // Does one thing, and says what. On a ledger that is up.
  std::string Work(server::LedgerCore& core, int64_t now_us);

 private:
  std::string Publish(server::LedgerCore& core);
  std::string Assign(server::LedgerCore& core, int64_t now_us);
  std::string Review(server::LedgerCore& core);

  Random random_;
  const bool at_work_;
};

}  // namespace chargeledger::simulation
