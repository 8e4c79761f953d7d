#include "tests/simulation/simulation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/simulation/checks.h"

namespace chargeledger::simulation {
namespace {

using Kind = Fault::Kind;
using Sight = log::SimulatedDisk::Sight;

// How long everything may take to be level once nothing goes wrong any more.
constexpr uint64_t kHealUs = 40 * kMinute;
constexpr uint64_t kLookUs = 10 * kSecond;
constexpr uint64_t kBackupUs = kHour;
constexpr uint64_t kWatchUs = 2 * kSecond;
// An image that is put back is at most so old.
constexpr uint64_t kImageAgeUs = kHour;

}  // namespace

Simulation::Simulation(const Options& options)
    : options_(options),
      plan_(Plan::Draw(options.seed, options.duration_us, options.sites, options.chargers)),
      world_(options.seed),
      judge_(world_),
      ledger_(world_, judge_, options.seed) {
  if (options_.both_forget) plan_.BothForget();
  world_.ShowTo(options_.show);
  for (int i = 0; i < options_.sites; ++i) {
    SiteNode::Options site;
    site.name = absl::StrCat("site-", i + 1);
    site.keep_s = plan_.keep_s;
    sites_.push_back(std::make_unique<SiteNode>(world_, judge_, ledger_, site));
  }
  for (int i = 0; i < options_.chargers; ++i) {
    SiteNode& site = *sites_[static_cast<size_t>(i % options_.sites)];
    chargers_.push_back(std::make_unique<Charger>(
        world_, judge_, site, absl::StrFormat("CP-%03d", i + 1), i, options_.seed, plan_.behaviour,
        plan_.habits[static_cast<size_t>(i)]));
  }
}

Machine& Simulation::MachineOf(int number) {
  if (number == Fault::kLedger) return ledger_;
  return *sites_[static_cast<size_t>(number)];
}

void Simulation::Schedule(size_t number) {
  const Fault& fault = plan_.faults[number];
  if (fault.kind == Kind::kDiskRolledBack) {
    const uint64_t age = std::min(fault.at_us, fault.bits % kImageAgeUs);
    world_.After(fault.at_us - age, [this, number] {
      images_[number] = MachineOf(plan_.faults[number].machine).Image();
    });
    world_.After(fault.at_us, [this, number] {
      auto image = images_.extract(number);
      Machine& machine = MachineOf(plan_.faults[number].machine);
      world_.Tell("fault", plan_.faults[number].ToText());
      ++happened_[Kind::kDiskRolledBack];
      Destroy(machine, image.mapped().get());
      machine.SwapDisk(std::move(image.mapped()), "", "its disk is rolled back");
    });
    return;
  }
  world_.After(fault.at_us, [this, number] { Happen(plan_.faults[number]); });
}

void Simulation::Watch() {
  std::string places = absl::StrCat("ledger: ", PlacesOf(options_.watch, ledger_.disk()));
  for (const auto& site : sites_) {
    const std::string here = PlacesOf(options_.watch, site->disk());
    if (!here.empty()) absl::StrAppend(&places, "; ", site->name(), ": ", here);
  }
  if (places != watched_) world_.Tell("watch", places);
  watched_ = places;
  world_.After(kWatchUs, [this] { Watch(); });
}

Frames Simulation::Elsewhere(const Machine& machine) const {
  Frames frames;
  if (&machine != &ledger_) {
    CollectFrames(ledger_.disk(), Sight::kReadable, frames);
    return frames;
  }
  // A site that keeps only what is young drops what was cosigned, and does not know yet that the
  // ledger has forgotten it.
  if (plan_.keep_s > 0) return frames;
  for (const auto& site : sites_) CollectFrames(site->disk(), Sight::kReadable, frames);
  return frames;
}

void Simulation::Destroy(Machine& machine, const log::SimulatedDisk* after) {
  Frames had, has;
  CollectFrames(machine.disk(), Sight::kReadable, had);
  if (after != nullptr) CollectFrames(*after, Sight::kReadable, has);
  judge_.OnDestroyed(had, has, Elsewhere(machine));
}

void Simulation::Damage(const Fault& fault, Machine& machine) {
  const bool log = fault.kind == Kind::kLogDamaged;
  Frames had, has;
  if (log) CollectFrames(machine.disk(), Sight::kReadable, had);
  const bool books = fault.machine != Fault::kLedger && fault.bits % 2 == 0;
  machine.DamageDisk(log ? "log" : books ? "books" : "state");
  if (!log) return;
  CollectFrames(machine.disk(), Sight::kReadable, has);
  judge_.OnDestroyed(had, has, Elsewhere(machine));
}

void Simulation::HappenToLine(const Fault& fault, Line& line) {
  const uint64_t until = world_.now_us() + fault.duration_us;
  if (fault.kind == Kind::kPartition) line.lost_until_us = {until, until};
  if (fault.kind == Kind::kOneWayLoss) line.lost_until_us[fault.bits % 2] = until;
  if (fault.kind != Kind::kSlowLine) return;
  line.least_delay_us = 200 * kMillisecond;
  line.most_delay_us = 200 * kMillisecond + fault.bits % (3 * kSecond);
  world_.After(fault.duration_us, [&line] {
    line.least_delay_us = Line().least_delay_us;
    line.most_delay_us = Line().most_delay_us;
  });
}

void Simulation::Happen(const Fault& fault) {
  world_.Tell("fault", fault.ToText());
  ++happened_[fault.kind];
  Machine& machine = MachineOf(fault.machine);
  switch (fault.kind) {
    case Kind::kCrashAtOperation:
      return machine.CrashAtOperation(1 + fault.bits % 60);
    case Kind::kKill:
      return machine.Kill();
    case Kind::kPowerLoss:
      return machine.LosePower();
    case Kind::kDeviceFails:
      return machine.FailAtOperation(1 + fault.bits % 60);
    case Kind::kDiskFull:
      return machine.FillDisk(fault.duration_us);
    case Kind::kDiskSlow:
      return machine.SlowDisk(fault.duration_us);
    case Kind::kLogDamaged:
    case Kind::kStateDamaged:
      return Damage(fault, machine);
    case Kind::kCompaction:
      return machine.Compact();
    case Kind::kPartition:
    case Kind::kOneWayLoss:
    case Kind::kSlowLine:
      return HappenToLine(fault, sites_[static_cast<size_t>(fault.machine)]->line());
    case Kind::kConnectionReset:
      return sites_[static_cast<size_t>(fault.machine)]->ResetStreams();
    case Kind::kClockStep:
      return machine.clock().Step(static_cast<int64_t>(fault.bits % (2 * kHour)) -
                                  static_cast<int64_t>(kHour));
    case Kind::kClockDrift:
      return machine.clock().Drift(static_cast<int64_t>(fault.bits % 1000) - 500);
    case Kind::kMachineReplaced: {
      SiteNode& site = *sites_[static_cast<size_t>(fault.machine)];
      Destroy(site, nullptr);
      return site.SwapDisk(site.NewMachine(), "", "an empty machine takes its place");
    }
    case Kind::kLedgerRestored: {
      std::unique_ptr<log::SimulatedDisk> backup = ledger_.backup();
      if (backup == nullptr) return;
      Destroy(ledger_, backup.get());
      return ledger_.SwapDisk(std::move(backup), "signed", "is restored from its backup");
    }
    case Kind::kDiskRolledBack:
      break;
  }
}

std::string Simulation::WhatIsMissing() const {
  auto& self = const_cast<Simulation&>(*this);
  for (const auto& charger : chargers_) {
    if (!charger->settled()) {
      return absl::StrCat(charger->point().id(), " still has ", charger->point().queued_messages(),
                          " messages to send");
    }
  }
  if (std::string busy = ledger_.Busy(); !busy.empty()) return busy;
  for (const auto& site : sites_) {
    if (!site->level()) return absl::StrCat(site->name(), " is not level with the ledger");
    std::string difference = DifferenceOfLogs(self.ledger_, *site);
    if (!difference.empty()) return difference;
  }
  for (const auto& site : sites_) {
    std::string unreadable = Unreadable(self.ledger_, *site);
    if (!unreadable.empty()) return unreadable;
  }
  return "";
}

Result Simulation::Run() {
  ledger_.Boot();
  for (auto& site : sites_) site->Boot();
  for (auto& charger : chargers_) charger->Start();
  std::function<void()> back_up = [&] {
    ledger_.TakeBackup();
    world_.After(kBackupUs, back_up);
  };
  world_.After(kBackupUs / 2, back_up);
  if (!options_.watch.empty()) Watch();
  for (size_t i = 0; i < plan_.faults.size(); ++i) {
    if (!options_.only.has_value() || options_.only->count(i) > 0) Schedule(i);
  }
  while (!judge_.violation().has_value() && world_.RunNext(options_.duration_us)) continue;
  world_.Tell("world", "nothing goes wrong any more");
  ledger_.Heal();
  ledger_.CloseOffice();
  for (auto& site : sites_) {
    site->Heal();
    site->line() = Line();
  }
  for (auto& charger : chargers_) charger->Finish();
  std::string missing = "not looked yet";
  const uint64_t end = options_.duration_us + kHealUs;
  for (uint64_t until = options_.duration_us; until < end && !missing.empty(); until += kLookUs) {
    while (!judge_.violation().has_value() && world_.RunNext(until)) continue;
    missing = WhatIsMissing();
  }
  if (plan_.both_forget) missing.clear();
  judge_.Expect(missing.empty(), "liveness",
                absl::StrCat(kHealUs / kMinute, " minutes after the last fault: ", missing));
  if (!judge_.violation().has_value() && !plan_.both_forget) {
    std::map<std::string, const log::SimulatedDisk*> others;
    for (const auto& site : sites_) others[site->name()] = &site->disk();
    judge_.CheckFrames(ledger_.disk(), others);
    for (auto& site : sites_) CheckDigests(ledger_, *site, judge_);
    CheckCosigned(ledger_, judge_);
    CheckBooks(ledger_, judge_);
    CheckSessions(ledger_, chargers_, judge_);
  }
  Result result;
  result.seed = options_.seed;
  result.trace = world_.trace();
  result.simulated_us = world_.now_us();
  result.events = world_.events();
  result.violation = judge_.violation();
  result.story.assign(world_.story().begin(), world_.story().end());
  result.statistics = judge_.statistics();
  result.faults = happened_;
  return result;
}

}  // namespace chargeledger::simulation
