// What goes wrong in a run, and when: drawn from the seed before the run begins, so that a part of
// it can be left out and the rest stays.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/charger.h"
#include "tests/simulation/world.h"

namespace chargeledger::simulation {

struct Fault {
  enum class Kind {
    kCrashAtOperation,
    kKill,
    kPowerLoss,
    kDeviceFails,
    kDiskFull,
    kDiskSlow,
    kLogDamaged,
    kStateDamaged,
    kCompaction,
    kPartition,
    kOneWayLoss,
    kSlowLine,
    kConnectionReset,
    kClockStep,
    kClockDrift,
    kDiskRolledBack,
    kMachineReplaced,
    kLedgerRestored,
  };
  static constexpr int kKinds = static_cast<int>(Kind::kLedgerRestored) + 1;
  static constexpr int kLedger = -1;

  Kind kind;
  uint64_t at_us;
  // A site's number, or kLedger.
  int machine;
  uint64_t duration_us;
  // Of what else there is to choose.
  uint64_t bits;

  std::string ToText() const;
};

std::string ToWord(Fault::Kind kind);

struct Plan {
  std::vector<Fault> faults;
  chargesim::Behaviour behaviour;
  // Of one charge point each.
  std::vector<Habits> habits;
  int64_t keep_s = 0;
  // Both sides may forget the same entries, and the ledger remembers to have signed them: then
  // nobody can go on without a person who decides what was true, and only what must never happen
  // can be judged (docs/failure_model.md).
  bool both_forget = false;

  // Faults that happen in the first `duration_us`.
  static Plan Draw(uint64_t seed, uint64_t duration_us, int sites, int chargers);
  // Makes of it the one disaster after which both sides have forgotten the same entries, and
  // nothing else: the ledger is restored from a backup, the first site's disk is put back.
  void BothForget();
};

}  // namespace chargeledger::simulation
