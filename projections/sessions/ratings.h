// What the connectors of a site can give at most, as the log knew it.
//
// State key: 'r' -> StoredRatings.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

// Takes in a description of the site, if it is one and newer than what is known.
void TakeRatings(const Event& event, State& state);
// Of a connector (OCPP 1.6) or of the strongest outlet of an EVSE (2.x), in W; 0 if nobody said.
int64_t RatedPowerW(absl::string_view charge_point_id, uint32_t connector_id, State& state);

}  // namespace chargeledger::projections
