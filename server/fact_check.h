// Compares the control facts that a site's log has with the ledger's control log: a site could
// otherwise price itself.
#pragma once

#include "absl/status/status.h"
#include "projections/event.h"
#include "server/control_facts.h"

namespace chargeledger::server {

// Before `event` of a site's log is folded: a fact in it that is not the control log's is recorded
// there as a finding, durable when it returns OK, and holds the bills that are made from it on.
absl::Status CheckFact(const projections::Event& event, ControlFacts& facts);

}  // namespace chargeledger::server
