// Double entry: every CDR, credit, hold, waiver and fee as a transaction whose postings add up to
// nothing, over the policy's chart of accounts.
//
// State keys: 'j' generation, sequence of the cause, number (2) -> JournalEntry; 'b' account 0
// currency -> AccountBalance, which is the sum of all postings of that account.
#pragma once

#include <string>

#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kJournalKind = 'j';
constexpr char kBalanceKind = 'b';

class Journal {
 public:
  // Of what an event causes.
  Journal(const Event& event, const v1::BillingPolicySet& policy, State& state)
      : event_(event), policy_(policy), state_(state) {}

  // A CDR; of a credit, whose total is negative, everything the other way round.
  void PostCdr(const v1::Cdr& cdr);
  // What a held session would bring, until it is no longer held: then `amount_e4` is negative.
  void PostHeld(const std::string& session_id, const std::string& currency, int64_t amount_e4);
  // What is given away, before tax.
  void PostWaiver(const v1::Cdr& cdr);
  // A session that was waived is billed after all.
  void EndWaiver(const std::string& session_id);

 private:
  v1::JournalEntry Begin(const std::string& kind, const v1::Cdr& cdr) const;
  void PostRoamingFee(const v1::Cdr& cdr);
  void Add(const std::string& role, const v1::Cdr& cdr, const std::string& rate, int64_t amount_e4,
           v1::JournalEntry& entry) const;
  // Parts of the price before tax.
  void AddIncome(const v1::Cdr& cdr, v1::JournalEntry& entry) const;
  void Put(v1::JournalEntry entry);

  const Event& event_;
  const v1::BillingPolicySet& policy_;
  State& state_;
};

// Who pays a CDR: "partner:NL-TNM" or "contract:<id>".
std::string PartyOf(const v1::Cdr& cdr);

}  // namespace chargeledger::projections
