// What must hold at the end of a run, when faults have stopped and everything has had its time.
#pragma once

#include <memory>
#include <vector>

#include "tests/simulation/charger.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/ledger_node.h"
#include "tests/simulation/site_node.h"

namespace chargeledger::simulation {

// All logs have equal roots on both sides, the control log on all; "" or what differs.
std::string DifferenceOfLogs(LedgerNode& ledger, SiteNode& site);
// Every entry of every log can be read where it is; "" or what cannot.
std::string Unreadable(LedgerNode& ledger, SiteNode& site);
// The folded states of the site, of the ledger and of a rebuild have equal digests.
void CheckDigests(LedgerNode& ledger, SiteNode& site, Judge& judge);
// What was ever cosigned is what the ledger holds.
void CheckCosigned(LedgerNode& ledger, Judge& judge);
// The journal balances, and says what the CDRs say; each closed session that nothing holds has one
// bill that stands, of its energy and to the cent.
void CheckBooks(LedgerNode& ledger, Judge& judge);
// Sessions are what charge points really did, where what is recorded allows it, and flagged where
// not.
void CheckSessions(LedgerNode& ledger, const std::vector<std::unique_ptr<Charger>>& chargers,
                   Judge& judge);

}  // namespace chargeledger::simulation
