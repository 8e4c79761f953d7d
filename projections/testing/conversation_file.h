// Conversations as text, and sessions as text to compare them with: a case of a test is a file that
// a person can read.
//
//   # The sentence that the case proves.
//   connect CP1 ocpp1.6
//   12:00:00 > StartTransaction {"connectorId":1,"idTag":"T","timestamp":"@"} = {"transactionId":7}
//   12:00:10 > [2,"m1","Heartbeat",{}]
//   12:00:10 < [3,"m1",{}]
//   13:00:00 close lost
//
// Times are of 2026-03-01 (UTC), or whole (2026-03-02T08:00:00Z); each is when the line is
// recorded.
// `>` is from the charge point, `<` to it. A frame stands as it is, or as an action, its payload
// and, behind ` = `, the answer's payload, which is recorded at once. "@" in a payload is the
// line's time, "@-90s" that long before it (s, m, h, d). An empty line and what begins with # says
// nothing.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "chargeledger/v1/types.pb.h"
#include "projections/testing/conversation.h"

namespace chargeledger::projections {

// Records what `text` says. INVALID_ARGUMENT names the line.
absl::Status Record(absl::string_view text, Conversation& conversation);

// A session in words, a line a fact, with the entries that each comes from.
std::string Describe(const v1::Session& session, bool billed);

}  // namespace chargeledger::projections
