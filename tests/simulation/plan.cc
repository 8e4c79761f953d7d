#include "tests/simulation/plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace chargeledger::simulation {
namespace {

using Kind = Fault::Kind;

struct Rate {
  Kind kind;
  const char* word;
  // A day and network, where the kind is not turned off.
  int64_t least;
  int64_t most;
  bool of_ledger;
  bool of_sites;
};

constexpr Rate kRates[] = {
    {Kind::kCrashAtOperation, "crash", 5, 120, true, true},
    {Kind::kKill, "kill", 5, 60, true, true},
    {Kind::kPowerLoss, "power loss", 5, 60, true, true},
    {Kind::kDeviceFails, "device fails", 2, 30, true, true},
    {Kind::kDiskFull, "disk full", 2, 20, true, true},
    {Kind::kDiskSlow, "disk slow", 5, 40, true, true},
    {Kind::kLogDamaged, "log damaged", 1, 20, true, true},
    {Kind::kStateDamaged, "state damaged", 1, 10, true, true},
    {Kind::kCompaction, "compaction", 10, 100, true, true},
    {Kind::kPartition, "partition", 5, 60, false, true},
    {Kind::kOneWayLoss, "one-way loss", 5, 60, false, true},
    {Kind::kSlowLine, "slow line", 5, 60, false, true},
    {Kind::kConnectionReset, "connection reset", 10, 200, false, true},
    {Kind::kClockStep, "clock step", 1, 20, true, true},
    {Kind::kClockDrift, "clock drift", 1, 20, true, true},
    {Kind::kDiskRolledBack, "disk rolled back", 1, 10, false, true},
    {Kind::kMachineReplaced, "machine replaced", 1, 4, false, true},
    {Kind::kLedgerRestored, "ledger restored", 1, 4, true, false},
};
static_assert(std::size(kRates) == Fault::kKinds);

uint64_t DurationOf(Random& random) {
  // Mostly short, sometimes hours.
  const auto least = static_cast<int64_t>(5 * kSecond);
  const int64_t most =
      random.OneIn(8) ? static_cast<int64_t>(3 * kHour) : static_cast<int64_t>(5 * kMinute);
  return static_cast<uint64_t>(random.Between(least, most));
}

void DrawFaults(const Rate& rate, uint64_t duration_us, int sites, uint64_t intensity,
                Random& random, std::vector<Fault>& faults) {
  // Each run does without about half of all kinds.
  if (random.OneIn(2)) return;
  const uint64_t per_day = intensity * static_cast<uint64_t>(random.Between(rate.least, rate.most));
  // As many as the time allows, the odd rest by chance.
  const uint64_t scaled = per_day * duration_us / kMinute;
  const uint64_t day = 24 * 60;
  uint64_t count = scaled / day;
  if (static_cast<uint64_t>(random.Between(0, static_cast<int64_t>(day) - 1)) < scaled % day) {
    ++count;
  }
  for (uint64_t i = 0; i < count; ++i) {
    Fault fault;
    fault.kind = rate.kind;
    fault.at_us = static_cast<uint64_t>(random.Between(0, static_cast<int64_t>(duration_us)));
    const bool ledger = rate.of_ledger && (!rate.of_sites || random.OneIn(3));
    fault.machine = ledger ? Fault::kLedger : static_cast<int>(random.Between(0, sites - 1));
    fault.duration_us = DurationOf(random);
    fault.bits = random.Bits();
    faults.push_back(fault);
  }
}

Habits DrawHabits(Random& random) {
  Habits habits;
  if (random.OneIn(4)) habits.duplicates_one_in = random.Between(5, 200);
  if (random.OneIn(4)) habits.broken_frames_one_in = random.Between(10, 300);
  if (random.OneIn(8)) habits.floods_one_in = random.Between(300, 2000);
  if (random.OneIn(10)) habits.clock_offset_us = -kEpochUs;
  if (random.OneIn(5)) habits.clock_offset_us = random.Between(-1800, 1800) * 1'000'000;
  return habits;
}

}  // namespace

void Plan::BothForget() {
  // After the first backup, with an image that is younger than it.
  constexpr uint64_t kRestoredUs = 65 * kMinute;
  faults = {{Kind::kLedgerRestored, kRestoredUs, Fault::kLedger, 0, 0},
            {Kind::kDiskRolledBack, kRestoredUs + kSecond, 0, 0, 20 * kMinute}};
  keep_s = 0;
  both_forget = true;
}

std::string ToWord(Kind kind) { return kRates[static_cast<size_t>(kind)].word; }

std::string Fault::ToText() const {
  return absl::StrFormat("%d:%02d:%02d %s, %s (%d s)", at_us / kHour, at_us / kMinute % 60,
                         at_us / kSecond % 60,
                         machine == kLedger ? "ledger" : absl::StrCat("site-", machine + 1),
                         ToWord(kind), duration_us / kSecond);
}

Plan Plan::Draw(uint64_t seed, uint64_t duration_us, int sites, int chargers) {
  Random random(seed ^ 0x9e3779b97f4a7c15);
  Plan plan;
  // A quiet network, one in trouble, or one that falls apart.
  constexpr uint64_t kIntensities[] = {1, 1, 4, 12};
  const uint64_t intensity = kIntensities[random.Between(0, std::size(kIntensities) - 1)];
  for (const Rate& rate : kRates) {
    DrawFaults(rate, duration_us, sites, intensity, random, plan.faults);
  }
  auto has = [&](Kind kind) {
    return std::any_of(plan.faults.begin(), plan.faults.end(),
                       [kind](const Fault& fault) { return fault.kind == kind; });
  };
  plan.both_forget = has(Kind::kLedgerRestored) && has(Kind::kDiskRolledBack);
  if (plan.both_forget && !random.OneIn(3)) {
    plan.both_forget = false;
    plan.faults.erase(
        std::remove_if(plan.faults.begin(), plan.faults.end(),
                       [](const Fault& fault) { return fault.kind == Kind::kDiskRolledBack; }),
        plan.faults.end());
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const Fault& a, const Fault& b) { return a.at_us < b.at_us; });
  plan.behaviour.meter_interval_s = random.OneIn(2) ? 60 : random.Between(20, 300);
  plan.behaviour.drops_per_hour = random.OneIn(3) ? 3 : 0.3;
  if (random.OneIn(3)) plan.behaviour.stop_forgotten_one_in = random.Between(3, 40);
  if (random.OneIn(3)) plan.behaviour.register_reset_one_in = random.Between(50, 2000);
  if (random.OneIn(3)) plan.behaviour.swapped_one_in = random.Between(10, 200);
  for (int i = 0; i < chargers; ++i) plan.habits.push_back(DrawHabits(random));
  if (random.OneIn(4)) plan.keep_s = random.Between(600, 7200);
  return plan;
}

}  // namespace chargeledger::simulation
