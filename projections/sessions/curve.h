// How a session went on, from what is kept of it: what it is priced from.
#pragma once

#include <cstdint>
#include <vector>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"

namespace chargeledger::projections {

// How far a session had come.
struct Mark {
  int64_t at_us = 0;
  int64_t energy_mwh = 0;
  int64_t parking_us = 0;
};

// By what the points up to `at_us` came to.
Mark Reached(const v1::StoredSession::Tally& tally, int64_t at_us);

// Of points that are no longer kept, the last before and the first behind each step of the clock,
// so that what was reached at the step is between two neighbours. The steps are a quarter of an
// hour, longer in sessions of many hours.
class Marks {
 public:
  explicit Marks(v1::StoredSession& stored);

  static std::vector<Mark> Read(const v1::StoredSession& stored);
  void Add(const Mark& mark);
  // What was added last is kept too: what comes next goes on from there.
  void Finish();

 private:
  int64_t Step(int64_t us) const;
  int64_t Newest() const { return stored_.mark_at_us(); }
  void Append(const Mark& mark);
  void Thin();

  v1::StoredSession& stored_;
  // Not appended yet.
  Mark last_;
};

// What a session that has ended is priced from: its energy and the time in which the vehicle asked
// for nothing, from point to point. Of what is no longer kept, the points around each quarter of an
// hour.
v1::PricingInput PricingInputOf(const v1::StoredSession& stored, const v1::Session& session);

}  // namespace chargeledger::projections
