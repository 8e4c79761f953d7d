// One run: charge points, sites and the ledger under one seed, with the faults of a plan; then time
// to heal; then everything is compared with what really happened.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/charger.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/ledger_node.h"
#include "tests/simulation/plan.h"
#include "tests/simulation/site_node.h"
#include "tests/simulation/world.h"

namespace chargeledger::simulation {

struct Options {
  uint64_t seed = 1;
  uint64_t duration_us = 2 * kHour;
  int sites = 5;
  int chargers = 50;
  // Those of the plan's faults that happen, by number; none: all.
  std::optional<std::set<size_t>> only;
  // The faults are those of Plan::BothForget.
  bool both_forget = false;
  // Is shown the whole story while it happens.
  std::function<void(const std::string&)> show;
  // A frame ("charge point|message id") of which the story tells where it is recorded.
  std::string watch;
};

struct Result {
  uint64_t seed = 0;
  uint64_t trace = 0;
  uint64_t simulated_us = 0;
  uint64_t events = 0;
  std::optional<Violation> violation;
  std::vector<std::string> story;
  Statistics statistics;
  // Of each kind, how many happened.
  std::map<Fault::Kind, int> faults;
};

class Simulation {
 public:
  explicit Simulation(const Options& options);
  Result Run();
  const Plan& plan() const { return plan_; }

 private:
  void Schedule(size_t number);
  void Watch();
  void Happen(const Fault& fault);
  void HappenToLine(const Fault& fault, Line& line);
  void Damage(const Fault& fault, Machine& machine);
  void RollBack(SiteNode& site, const log::SimulatedDisk& image);
  void Destroy(Machine& machine, const log::SimulatedDisk* after);
  Frames Elsewhere(const Machine& machine) const;
  Machine& MachineOf(int number);
  bool Healed() const;
  std::string WhatIsMissing() const;

  const Options options_;
  Plan plan_;
  World world_;
  Judge judge_;
  LedgerNode ledger_;
  std::vector<std::unique_ptr<SiteNode>> sites_;
  std::vector<std::unique_ptr<Charger>> chargers_;
  // Images that are to be put back, by the number of the fault that does it.
  std::map<size_t, std::unique_ptr<log::SimulatedDisk>> images_;
  std::map<Fault::Kind, int> happened_;
  std::string watched_;
};

}  // namespace chargeledger::simulation
