#include "projections/billing/billing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "projections/billing/journal.h"
#include "projections/billing/priced_cdr.h"
#include "projections/keys.h"
#include "projections/sessions/account.h"
#include "projections/sessions/curve.h"

namespace chargeledger::projections {
namespace {

constexpr char kWaitingKind = 'n';

std::string CdrKey(const std::string& key, uint32_t number, bool credit) {
  std::string text = kCdrKind + key;
  AppendOrdered(text, 2 * uint64_t{number} - (credit ? 0 : 1), 1);
  return text;
}

// A session is corrected at most so often: then a person has to look at what is going on.
constexpr uint32_t kMostCdrs = 120;

bool Contains(const google::protobuf::RepeatedField<int>& flags, int flag) {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

// Flags that hold the session by the policy, and that nobody has looked at yet.
std::vector<v1::SessionFlag> HoldingFlags(const v1::StoredBilling& stored,
                                          const v1::BillingPolicySet& policy) {
  std::vector<v1::SessionFlag> holding;
  for (const int flag : stored.session().flags()) {
    const bool named = std::find(policy.hold_flags().begin(), policy.hold_flags().end(),
                                 static_cast<uint32_t>(flag)) != policy.hold_flags().end();
    // No policy lets time that runs backwards be billed unseen.
    const bool holds = named || flag == v1::SESSION_FLAG_NEGATIVE_LENGTH;
    if (holds && !Contains(stored.reviewed(), flag)) {
      holding.push_back(static_cast<v1::SessionFlag>(flag));
    }
  }
  return holding;
}

// Of a session's id, <log>-<generation>-<sequence>, without its kind; empty if it is another log's.
std::string KeyOf(const std::string& id, const core::LogId& log_id) {
  const std::vector<std::string> parts = absl::StrSplit(id, '-');
  uint32_t generation = 0;
  uint64_t sequence = 0;
  if (parts.size() != 3 || parts[0] != log_id.ToHex().substr(0, 12) ||
      !absl::SimpleAtoi(parts[1], &generation) || !absl::SimpleAtoi(parts[2], &sequence)) {
    return "";
  }
  return EntryKey(kBillingKind, core::Generation(generation), core::Sequence(sequence)).substr(1);
}

}  // namespace

void Billing::OnSession(const ChangedSession& changed, const Event& event, State& state) {
  const std::string key = changed.key.substr(1);
  Context context{event, state, Registry(state), "stop"};
  auto* stored = state.Find<v1::StoredBilling>(kBillingKind + key);
  if (changed.session->state() != v1::SESSION_STATE_CLOSED) {
    // It goes on after its end had been inferred: what was billed stands until it ends again.
    if (stored != nullptr && stored->state() == v1::BILLING_STATE_HELD) {
      EndHold(key, *stored, context);
      stored->set_state(v1::BILLING_STATE_UNSPECIFIED);
    }
    return;
  }
  if (stored == nullptr) {
    stored = &state.FindOrCreate<v1::StoredBilling>(kBillingKind + key);
  } else {
    context.cause = "late-fact";
  }
  *stored->mutable_session() = *changed.session;
  *stored->mutable_input() = PricingInputOf(*changed.stored, *changed.session);
  Evaluate(key, *stored, context);
}

void Billing::OnEvent(const Event& event, State& state) {
  const std::optional<Fact> fact = FactIn(event);
  if (!fact.has_value()) return;
  Context context{event, state, Registry(state), "tariff"};
  if (!context.registry.Take(*fact)) return;
  const v1::ControlFact& said = fact->fact;
  if (said.has_session_reviewed()) return OnReview(said, context);
  const bool past = said.has_tariff_assigned() && said.tariff_assigned().for_past();
  std::vector<std::string> keys;
  // What was billed already is looked at again only if that was asked for.
  const std::string prefix(1, past ? kBillingKind : kWaitingKind);
  state.Scan(prefix, [&](absl::string_view key, absl::string_view) {
    keys.emplace_back(key.substr(1));
    return true;
  });
  for (const std::string& key : keys) {
    auto* stored = state.Find<v1::StoredBilling>(kBillingKind + key);
    if (stored == nullptr || stored->state() == v1::BILLING_STATE_UNSPECIFIED) continue;
    const int64_t at_us = stored->input().started_at_us();
    if (past &&
        (at_us < said.tariff_assigned().from_us() ||
         (said.tariff_assigned().to_us() != 0 && at_us >= said.tariff_assigned().to_us()))) {
      continue;
    }
    Evaluate(key, *stored, context);
  }
}

void Billing::OnReview(const v1::ControlFact& fact, Context& context) {
  const v1::SessionReviewed& review = fact.session_reviewed();
  const std::string key = KeyOf(review.session_id(), context.event.log_id);
  auto* stored = key.empty() ? nullptr : context.state.Find<v1::StoredBilling>(kBillingKind + key);
  if (stored == nullptr || stored->state() == v1::BILLING_STATE_UNSPECIFIED) return;
  *stored->mutable_review() = review;
  stored->set_reviewed_by(fact.by());
  stored->set_review_reason(fact.reason());
  for (const int flag : stored->session().flags()) {
    if (!Contains(stored->reviewed(), flag)) {
      stored->add_reviewed(static_cast<v1::SessionFlag>(flag));
    }
  }
  stored->set_cost_reviewed(true);
  context.cause = review.decision() == v1::REVIEW_DECISION_ADJUST  ? "adjust"
                  : review.decision() == v1::REVIEW_DECISION_WAIVE ? "waive"
                                                                   : "release";
  Evaluate(key, *stored, context);
}

const Pricer* Billing::PricerFor(const v1::TariffVersion& version) {
  std::string of = version.tariff().SerializeAsString();
  if (pricer_ == nullptr || pricer_of_ != of) {
    auto pricer = Pricer::Create(version.tariff());
    pricer_ = pricer.ok() ? std::make_unique<Pricer>(*std::move(pricer)) : nullptr;
    pricer_of_ = std::move(of);
  }
  return pricer_.get();
}

void Billing::Evaluate(const std::string& key, v1::StoredBilling& stored, Context& context) {
  const v1::BillingPolicySet policy = context.registry.Policy();
  stored.clear_reasons();
  if (!HoldingFlags(stored, policy).empty()) stored.add_reasons(v1::HOLD_REASON_FLAG);
  std::optional<v1::Cdr> cdr;
  const auto version = context.registry.Choose(stored.session());
  if (!version.has_value()) {
    stored.add_reasons(v1::HOLD_REASON_NO_TARIFF);
  } else if (const Pricer* pricer = PricerFor(*version); pricer != nullptr) {
    auto priced = PriceSession(stored.session(), Adjusted(stored.input(), stored.review()), *pricer,
                               version->version(), context.registry.Local());
    if (priced.ok()) cdr = *std::move(priced);
  }
  if (version.has_value() && !cdr.has_value()) stored.add_reasons(v1::HOLD_REASON_NOT_PRICEABLE);
  if (cdr.has_value()) {
    if (auto contract = context.registry.Contract(stored.session().id_tag())) {
      cdr->set_contract_id(contract->contract_id());
      cdr->set_partner_country_code(contract->partner_country_code());
      cdr->set_partner_party_id(contract->partner_party_id());
    } else {
      cdr->set_contract_id(stored.session().id_tag());
    }
    if (policy.hold_above_e4() > 0 && !stored.cost_reviewed() &&
        cdr->total_cost().incl_vat_e4() > policy.hold_above_e4()) {
      stored.add_reasons(v1::HOLD_REASON_COST);
    }
  }
  if (stored.review().decision() == v1::REVIEW_DECISION_WAIVE) {
    EndHold(key, stored, context);
    if (stored.state() == v1::BILLING_STATE_BILLED) Credit(key, stored, context);
    if (stored.state() != v1::BILLING_STATE_WAIVED && cdr.has_value()) {
      Journal(context.event, policy, context.state).PostWaiver(*cdr);
    }
    stored.set_state(v1::BILLING_STATE_WAIVED);
    stored.clear_reasons();
    return;
  }
  if (stored.state() == v1::BILLING_STATE_WAIVED) {
    Journal(context.event, policy, context.state).EndWaiver(stored.session().id());
    stored.set_state(v1::BILLING_STATE_UNSPECIFIED);
  }
  if (!stored.reasons().empty()) {
    return Hold(key, stored, cdr.has_value() ? &*cdr : nullptr, context);
  }
  EndHold(key, stored, context);
  if (stored.cdrs() > 0 && !stored.credited()) {
    v1::Cdr standing;
    if (GetMessage(context.state, CdrKey(key, stored.cdrs(), false), standing) &&
        SameBill(standing, *cdr)) {
      stored.set_state(v1::BILLING_STATE_BILLED);
      return;
    }
    if (stored.cdrs() >= kMostCdrs) {
      stored.add_reasons(v1::HOLD_REASON_NOT_PRICEABLE);
      return Hold(key, stored, &*cdr, context);
    }
    Credit(key, stored, context);
  }
  MakeCdr(key, stored, *std::move(cdr), context);
}

void Billing::Hold(const std::string& key, v1::StoredBilling& stored, const v1::Cdr* estimate,
                   Context& context) {
  const int64_t amount = estimate == nullptr ? 0 : estimate->total_cost().incl_vat_e4();
  const std::string currency = estimate == nullptr ? "" : estimate->currency();
  const bool standing = stored.cdrs() > 0 && !stored.credited();
  // A correction that waits is in suspense only when it is decided: the CDR stands meanwhile.
  const int64_t suspense = standing ? 0 : amount;
  if (stored.suspense_e4() != suspense || stored.suspense_currency() != currency) {
    const v1::BillingPolicySet policy = context.registry.Policy();
    Journal journal(context.event, policy, context.state);
    journal.PostHeld(stored.session().id(), stored.suspense_currency(), -stored.suspense_e4());
    journal.PostHeld(stored.session().id(), currency, suspense);
    stored.set_suspense_currency(currency);
    stored.set_suspense_e4(suspense);
  }
  stored.set_state(v1::BILLING_STATE_HELD);
  v1::Hold hold;
  const v1::Session& session = stored.session();
  hold.set_session_id(session.id());
  hold.set_site(session.site());
  hold.set_charge_point_id(session.charge_point_id());
  hold.set_connector_id(session.connector_id());
  hold.set_started_at_us(stored.input().started_at_us());
  hold.set_stopped_at_us(stored.input().stopped_at_us());
  hold.set_energy_mwh(stored.input().energy_mwh());
  *hold.mutable_reasons() = stored.reasons();
  for (const v1::SessionFlag flag : HoldingFlags(stored, context.registry.Policy())) {
    hold.add_flags(flag);
  }
  if (estimate != nullptr) {
    hold.set_currency(currency);
    *hold.mutable_estimate() = estimate->total_cost();
  }
  if (standing) hold.set_cdr_id(absl::StrCat(session.id(), "-c", stored.cdrs()));
  hold.set_generation(session.generation());
  hold.set_first_sequence(session.sources().first());
  PutMessage(context.state, kHoldKind + key, hold);
  if (std::find(stored.reasons().begin(), stored.reasons().end(), v1::HOLD_REASON_NO_TARIFF) !=
      stored.reasons().end()) {
    context.state.Put(kWaitingKind + key, "");
  } else if (context.state.Get(kWaitingKind + key).has_value()) {
    context.state.Delete(kWaitingKind + key);
  }
}

void Billing::EndHold(const std::string& key, v1::StoredBilling& stored, Context& context) {
  if (stored.state() != v1::BILLING_STATE_HELD) return;
  if (stored.suspense_e4() != 0) {
    const v1::BillingPolicySet policy = context.registry.Policy();
    Journal(context.event, policy, context.state)
        .PostHeld(stored.session().id(), stored.suspense_currency(), -stored.suspense_e4());
    stored.clear_suspense_e4();
    stored.clear_suspense_currency();
  }
  context.state.Delete(kHoldKind + key);
  if (context.state.Get(kWaitingKind + key).has_value()) {
    context.state.Delete(kWaitingKind + key);
  }
  stored.set_state(stored.cdrs() > 0 && !stored.credited() ? v1::BILLING_STATE_BILLED
                                                           : v1::BILLING_STATE_UNSPECIFIED);
}

void Billing::MakeCdr(const std::string& key, v1::StoredBilling& stored, v1::Cdr cdr,
                      Context& context) {
  if (stored.cdrs() >= kMostCdrs) return;
  stored.set_cdrs(stored.cdrs() + 1);
  stored.set_credited(false);
  stored.set_state(v1::BILLING_STATE_BILLED);
  cdr.set_id(absl::StrCat(stored.session().id(), "-c", stored.cdrs()));
  cdr.set_cause_kind(context.cause);
  cdr.mutable_cause()->set_generation(context.event.generation.value());
  cdr.mutable_cause()->set_sequence(context.event.sequence.value());
  cdr.set_made_at_us(context.event.received_at_us);
  if (stored.has_review()) {
    cdr.set_reviewed_by(stored.reviewed_by());
    cdr.set_remark(stored.review_reason());
  }
  PutMessage(context.state, CdrKey(key, stored.cdrs(), false), cdr);
  const v1::BillingPolicySet policy = context.registry.Policy();
  Journal(context.event, policy, context.state).PostCdr(cdr);
}

void Billing::Credit(const std::string& key, v1::StoredBilling& stored, Context& context) {
  v1::Cdr cdr;
  if (stored.cdrs() == 0 || stored.credited() ||
      !GetMessage(context.state, CdrKey(key, stored.cdrs(), false), cdr)) {
    return;
  }
  v1::Cdr credit = CreditOf(cdr);
  credit.set_cause_kind(context.cause);
  credit.mutable_cause()->set_generation(context.event.generation.value());
  credit.mutable_cause()->set_sequence(context.event.sequence.value());
  credit.set_made_at_us(context.event.received_at_us);
  if (stored.has_review()) {
    credit.set_reviewed_by(stored.reviewed_by());
    credit.set_remark(stored.review_reason());
  }
  PutMessage(context.state, CdrKey(key, stored.cdrs(), true), credit);
  stored.set_credited(true);
  const v1::BillingPolicySet policy = context.registry.Policy();
  Journal(context.event, policy, context.state).PostCdr(credit);
}

}  // namespace chargeledger::projections
