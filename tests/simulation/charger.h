// A charge point of chargesim's rules on the simulated network, with the bad habits that its rules
// do not have: frames twice, broken frames, floods, a clock of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tests/simulation/judge.h"
#include "tests/simulation/wire.h"
#include "tests/simulation/world.h"
#include "tools/chargesim/charge_point.h"

namespace chargeledger::simulation {

class SiteNode;

// One in so many frames; 0: never.
struct Habits {
  int64_t duplicates_one_in = 0;
  int64_t broken_frames_one_in = 0;
  int64_t floods_one_in = 0;
  // Of its clock against the true time.
  int64_t clock_offset_us = 0;
};

class Charger {
 public:
  Charger(World& world, Judge& judge, SiteNode& site, std::string id, int number, uint64_t seed,
          const chargesim::Behaviour& behaviour, const Habits& habits);

  void Start();
  // Who charges stops, and nobody arrives any more; habits end.
  void Finish();
  bool settled() const { return point_.Settled(); }
  const chargesim::ChargePoint& point() const { return point_; }
  const Habits& habits() const { return habits_; }
  int64_t clock_offset_us() const { return habits_.clock_offset_us; }
  SiteNode& site() const { return site_; }

 private:
  int64_t NowUs() const;
  void Live();
  void Connect();
  void Pump();
  void Lost();
  void OnMessage(const std::string& bytes);
  void Misbehave(const std::string& frame);

  World& world_;
  Judge& judge_;
  SiteNode& site_;
  Habits habits_;
  Random random_;
  chargesim::ChargePoint point_;
  Line line_;
  std::shared_ptr<Wire> wire_;
  // The frame that waits for its answer, and how often something was awaited.
  std::string waiting_;
  bool finished_ = false;
  uint64_t awaited_ = 0;
  uint64_t next_event_us_ = 0;
  uint64_t pauses_ = 0;
  uint64_t odd_frames_ = 0;
};

}  // namespace chargeledger::simulation
