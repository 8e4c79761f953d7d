// What the points of a session come to, one after the other: energy by the register's steps, time
// in each state, meter values that came and were expected, and the flags that follow. The rules are
// in docs/sessions.md.
#pragma once

#include <cstdint>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"

namespace chargeledger::projections {

// Charging power that no connector exceeds, where its rated power is not known; a step of the
// register beyond either, and a tenth more, is no energy.
constexpr int64_t kMostPowerMw = 400'000'000;

// Adds a flag with the entry that caused it, unless it is among the causes already.
template <typename Causes>
void Note(v1::SessionFlag flag, uint32_t generation, uint64_t sequence, Causes& causes) {
  for (const v1::FlagCause& cause : causes) {
    if (cause.flag() == flag) return;
  }
  v1::FlagCause& cause = *causes.Add();
  cause.set_flag(flag);
  cause.set_generation(generation);
  cause.set_sequence(sequence);
}

// Points go in by the order of their times.
class TallyAdder {
 public:
  using Point = v1::StoredSession::Point;
  using Tally = v1::StoredSession::Tally;

  TallyAdder(Tally& tally, const v1::StoredSession& stored, bool start_missing)
      : tally_(tally), stored_(stored) {
    if (start_missing) tally_.set_begun(true);
  }
  void Add(const Point& point);

  // Time in the last state, up to `now`.
  void Enter(v1::ChargingState state, int64_t now);

 private:
  void Flag(v1::SessionFlag flag, const Point& point);
  void ExpectFrom(int64_t now);
  bool Flows() const;
  void AddSample(const Point& point);

  // A periodic value came, or the time in which they were expected ended.
  void AddGap(int64_t now, bool came);
  void Take(const Point& point, int64_t energy);
  void AddRegister(const Point& point);

  // Near the end of its range a reset looks like a rollover: by what power has been told, energy
  // that may have flowed since the last value.
  int64_t Likely(int64_t plausible, const Point& point) const;
  void LookForFrozen(const Point& point, int64_t before);

  Tally& tally_;
  const v1::StoredSession& stored_;
};

}  // namespace chargeledger::projections
