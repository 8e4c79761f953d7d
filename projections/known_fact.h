// What was decided at the centre, as the log that is folded came to know it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "projections/event.h"

namespace chargeledger::projections {

struct Fact {
  v1::ControlFact fact;
  // The entry of the log that is folded.
  v1::EntryRef known;
  int64_t known_at_us = 0;
  // SHA-256 of the control log's entry: a fact that is copied again is the same one.
  std::string digest;
  // The control log, and where it stands there.
  std::string log_id;
  v1::EntryRef said;
};

// The fact in an event, of the control log itself or as a site copied it; none if there is none.
std::optional<Fact> FactIn(const Event& event);

}  // namespace chargeledger::projections
