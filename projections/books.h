// The projections of the ledger as one fold: sessions, the bills and the journal that follow from
// them, stations, faults, divergences.
#pragma once

#include <string>
#include <vector>

#include "projections/billing/billing.h"
#include "projections/divergences.h"
#include "projections/faults.h"
#include "projections/fold.h"
#include "projections/sessions/sessions.h"
#include "projections/stations.h"

namespace chargeledger::projections {

class Books final : public Fold {
 public:
  // Places of the parts, and so of their states.
  enum Index : size_t { kSessions, kBilling, kStations, kFaults, kDivergences };

  std::vector<Part> parts() const override {
    return {{"sessions", Sessions::kVersion},
            {"billing", Billing::kVersion},
            {"stations", Stations::kVersion},
            {"faults", Faults::kVersion},
            {"divergences", Divergences::kVersion}};
  }
  void Apply(const Event& event, absl::Span<State* const> states) override {
    billing_.OnEvent(event, *states[kBilling]);
    for (const ChangedSession& changed : sessions_.Apply(event, *states[kSessions])) {
      billing_.OnSession(changed, event, *states[kBilling]);
    }
    stations_.Apply(event, *states[kStations]);
    faults_.Apply(event, *states[kFaults]);
    divergences_.Apply(event, *states[kDivergences]);
  }
  void Finish(absl::Span<State* const> states) override { sessions_.Finish(*states[kSessions]); }

 private:
  Sessions sessions_;
  Billing billing_;
  Stations stations_;
  Faults faults_;
  Divergences divergences_;
};

}  // namespace chargeledger::projections
