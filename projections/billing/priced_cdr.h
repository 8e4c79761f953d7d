// CDRs out of sessions, tariffs and bills: no state, no decisions.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "core/local_time.h"
#include "projections/pricing/pricing.h"

namespace chargeledger::projections {

// What is priced of a session that has ended: time in which the vehicle asked for nothing is
// parking, all other time is charging.
std::vector<Stretch> ToStretches(const v1::PricingInput& input);

// The same session with other figures: what a person adjusted runs in a straight line.
v1::PricingInput Adjusted(const v1::PricingInput& input, const v1::SessionReviewed& review);

// A CDR with everything that follows from the session and its price; id, cause and parties are left
// to the caller. OUT_OF_RANGE if it cannot be priced.
absl::StatusOr<v1::Cdr> PriceSession(const v1::Session& session, const v1::PricingInput& input,
                                     const Pricer& pricer, uint32_t version,
                                     const core::LocalTime& local);

// What takes it back: all figures, the total negative.
v1::Cdr CreditOf(const v1::Cdr& cdr);

// Whether a driver or a partner would see a difference.
bool SameBill(const v1::Cdr& a, const v1::Cdr& b);

}  // namespace chargeledger::projections
