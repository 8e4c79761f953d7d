// Bills out of sessions that have ended: which tariff, what is held and why, CDRs and credits, and
// the journal. docs/billing.md has the rules.
//
// State keys, beside those of registry.h and journal.h: 'c' generation, sequence of the session's
// first entry, number (1) -> Cdr (odd: a CDR, even: the credit of the one before); 'p' likewise
// without number -> StoredBilling; 'h' likewise -> Hold, while it is held; 'n' likewise -> "",
// while no tariff is in force for it.
//
// A CDR is never changed. What changes the price afterwards makes a credit and a new CDR.
#pragma once

#include <memory>
#include <string>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "projections/billing/registry.h"
#include "projections/event.h"
#include "projections/pricing/pricing.h"
#include "projections/sessions/sessions.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kCdrKind = 'c';
constexpr char kBillingKind = 'p';
constexpr char kHoldKind = 'h';

class Billing {
 public:
  static constexpr uint32_t kVersion = 6;

  // A session has ended, or what was said of one that had ended has changed, or it goes on.
  void OnSession(const ChangedSession& changed, const Event& event, State& state);
  // A control fact, if the event is one.
  void OnEvent(const Event& event, State& state);

 private:
  struct Context {
    const Event& event;
    State& state;
    Registry registry;
    // Why what follows is done: Cdr.cause_kind.
    std::string cause;
  };

  void OnReview(const v1::ControlFact& fact, Context& context);
  // Bills, holds or corrects a session by what is known now. `key` is without its kind.
  void Evaluate(const std::string& key, v1::StoredBilling& stored, Context& context);
  void Hold(const std::string& key, v1::StoredBilling& stored, const v1::Cdr* estimate,
            Context& context);
  void EndHold(const std::string& key, v1::StoredBilling& stored, Context& context);
  void MakeCdr(const std::string& key, v1::StoredBilling& stored, v1::Cdr cdr, Context& context);
  void Credit(const std::string& key, v1::StoredBilling& stored, Context& context);
  const Pricer* PricerFor(const v1::TariffVersion& version);

  // The pricer that was used last: sessions of one tariff come in rows. What it is made from is
  // kept beside it, so that the state alone decides.
  std::unique_ptr<Pricer> pricer_;
  std::string pricer_of_;
};

}  // namespace chargeledger::projections
