#include "projections/billing/billing.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "projections/billing/journal.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"
#include "projections/testing/tariffs.h"

namespace chargeledger::projections {
namespace {

// A conversation with control facts in it, and what the books make of it.
class Site {
 public:
  Site() { c_.Connect("CP1"); }

  Conversation& operator*() { return c_; }
  Conversation* operator->() { return &c_; }

  void Know(const v1::ControlFact& fact) { c_.Record(Known(fact, ++number_)); }
  // Of 0.45 and 0.35 a session, or of another price per kWh.
  void Publish(uint32_t version, int64_t price_e9 = 450'000'000, const std::string& id = "FLAT") {
    v1::ControlFact fact;
    v1::Tariff tariff = FlatTariff();
    tariff.set_id(id);
    tariff.mutable_elements(0)->mutable_price_components(0)->set_price_e9(price_e9);
    *fact.mutable_tariff_published()->mutable_tariff() = tariff;
    fact.mutable_tariff_published()->set_version(version);
    Know(fact);
  }
  void Assign(v1::TariffAssigned assigned = {}, const std::string& id = "FLAT") {
    v1::ControlFact fact;
    assigned.mutable_tariff()->set_id(id);
    *fact.mutable_tariff_assigned() = assigned;
    Know(fact);
  }
  void InForce() {
    Publish(1);
    Assign();
  }
  void Register(const std::string& tag, const std::string& contract, const std::string& partner) {
    v1::ControlFact fact;
    v1::ContractRegistered& registered = *fact.mutable_contract_registered();
    registered.set_id_tag(tag);
    registered.set_contract_id(contract);
    if (!partner.empty()) {
      registered.set_partner_country_code("NL");
      registered.set_partner_party_id(partner);
    }
    Know(fact);
  }
  void Review(const std::string& session, v1::ReviewDecision decision, int64_t energy_mwh = -1) {
    v1::ControlFact fact;
    fact.set_by("ann");
    fact.set_reason("looked at it");
    v1::SessionReviewed& review = *fact.mutable_session_reviewed();
    review.set_session_id(session);
    review.set_decision(decision);
    if (energy_mwh >= 0) review.set_energy_mwh(energy_mwh);
    Know(fact);
  }
  // 10 kWh from 12:00 to 12:30.
  void Charge(int64_t id, const std::string& hour = "12", int connector = 1) {
    const std::string day = "2026-03-01T" + hour;
    c_.Start(connector, id, 1'000, day + ":00:00Z");
    c_.Meter(id, 6'000, day + ":10:00Z");
    c_.Stop(id, 11'000, day + ":30:00Z");
  }
  // The same, but its register went backward: held by the default policy.
  void ChargeOddly(int64_t id, const std::string& hour = "12") {
    const std::string day = "2026-03-01T" + hour;
    c_.Start(1, id, 1'000'000, day + ":00:00Z");
    c_.Meter(id, 1'005'000, day + ":10:00Z");
    c_.Meter(id, 600'000, day + ":20:00Z");
    c_.Stop(id, 1'010'000, day + ":30:00Z");
  }

  template <typename Message>
  std::vector<Message> All(char kind, uint64_t batch = 4096) const {
    log::MemoryStore store;
    Books books;
    EXPECT_TRUE(Folder(store, books, batch).Fold(c_.log(), "north").ok());
    std::vector<Message> all;
    const std::string prefix = StatePrefix(c_.log().log_id(), Books::kBilling) + kind;
    EXPECT_TRUE(store
                    .Scan(prefix, log::AfterPrefix(prefix),
                          [&](absl::string_view, absl::string_view value) {
                            EXPECT_TRUE(all.emplace_back().ParseFromArray(
                                value.data(), static_cast<int>(value.size())));
                            return true;
                          })
                    .ok());
    return all;
  }
  // "c1 4.85 stop": the CDRs in their order.
  std::vector<std::string> Cdrs() const {
    std::vector<std::string> texts;
    for (const v1::Cdr& cdr : All<v1::Cdr>(kCdrKind)) {
      const std::string id = cdr.id().substr(cdr.id().rfind("-c") + 1);
      texts.push_back(
          absl::StrCat(id, " ", cdr.total_cost().incl_vat_e4() / 100, " ", cdr.cause_kind()));
    }
    return texts;
  }
  // Of every account that is not level, in cents.
  std::map<std::string, int64_t> Balances() const {
    std::map<std::string, int64_t> balances;
    for (const auto& b : All<v1::AccountBalance>(kBalanceKind)) {
      if (b.debit_e4() != b.credit_e4())
        balances[b.account()] = (b.debit_e4() - b.credit_e4()) / 100;
    }
    return balances;
  }
  std::string Bytes(uint64_t batch) const {
    log::MemoryStore store;
    Books books;
    EXPECT_TRUE(Folder(store, books, batch).Fold(c_.log(), "north").ok());
    std::string bytes;
    EXPECT_TRUE(store
                    .Scan("s", "t",
                          [&](absl::string_view key, absl::string_view value) {
                            absl::StrAppend(&bytes, key, value);
                            return true;
                          })
                    .ok());
    return bytes;
  }

 private:
  Conversation c_;
  uint64_t number_ = 0;
};

using Texts = std::vector<std::string>;
using Balances = std::map<std::string, int64_t>;

TEST(Tariffs, TheOneThatWasKnownWhenASessionBeganCounts) {
  Site site;
  site.InForce();
  site->Start(1, 7, 1'000, "2026-03-01T12:00:00Z");
  // Dearer, while it is charging.
  site.Publish(2, 990'000'000);
  site->Stop(7, 11'000, "2026-03-01T12:30:00Z");
  site.Charge(8, "13");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop", "c1 1025 stop"}));
  EXPECT_EQ(site.All<v1::Cdr>(kCdrKind)[0].tariff_version(), 1u);
  EXPECT_EQ(site.All<v1::Cdr>(kCdrKind)[1].tariff_version(), 2u);
}

TEST(Tariffs, AVersionWhoseNumberIsGivenAgainIsTheNextOneAndTheOldOneStays) {
  Site site;
  site.InForce();
  site->Start(1, 7, 1'000, "2026-03-01T12:00:00Z");
  site.Publish(1, 990'000'000);
  site.Publish(1, 990'000'000);
  site->Stop(7, 11'000, "2026-03-01T12:30:00Z");
  site.Charge(8, "13");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop", "c1 1025 stop"}));
  EXPECT_EQ(site.All<v1::Cdr>(kCdrKind)[1].tariff_version(), 2u);
}

TEST(Tariffs, WithoutOneASessionWaitsAndIsBilledWhenItComes) {
  Site site;
  site.Charge(7);
  EXPECT_EQ(site.Cdrs(), Texts());
  ASSERT_EQ(site.All<v1::Hold>(kHoldKind).size(), 1u);
  EXPECT_EQ(site.All<v1::Hold>(kHoldKind)[0].reasons(0), v1::HOLD_REASON_NO_TARIFF);
  site.InForce();
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 tariff"}));
  EXPECT_TRUE(site.All<v1::Hold>(kHoldKind).empty());
}

TEST(Tariffs, ValidityIsThatOfTheStart) {
  Site site;
  v1::ControlFact fact;
  v1::Tariff tariff = FlatTariff();
  tariff.set_start_us(Conversation::kStart + 30 * int64_t{60'000'000});
  *fact.mutable_tariff_published()->mutable_tariff() = tariff;
  fact.mutable_tariff_published()->set_version(1);
  site.Know(fact);
  site.Assign();
  site.Charge(7, "12");
  site.Charge(8, "13");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop"}));
  EXPECT_EQ(site.All<v1::Hold>(kHoldKind).size(), 1u);
}

TEST(Tariffs, TheHighestPriorityThenTheMostSpecificThenTheLastCounts) {
  Site site;
  site.InForce();
  site.Publish(1, 100'000'000, "STATION");
  site.Publish(1, 200'000'000, "CONNECTOR");
  site.Publish(1, 300'000'000, "PARTNER");
  v1::TariffAssigned station;
  station.set_charge_point_id("CP1");
  v1::TariffAssigned connector = station;
  connector.set_connector_id(2);
  v1::TariffAssigned partner;
  partner.set_partner_country_code("NL");
  partner.set_partner_party_id("TNM");
  partner.set_priority(1);
  site.Assign(connector, "CONNECTOR");
  site.Assign(station, "STATION");
  site.Assign(partner, "PARTNER");
  site.Charge(7, "12", 1);
  site.Charge(8, "13", 2);
  site.Register("TAG", "C-1", "TNM");
  site.Charge(9, "14", 2);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 135 stop", "c1 235 stop", "c1 335 stop"}));
}

TEST(Tariffs, PowerClassesAreThoseOfTheSite) {
  Site site;
  site.InForce();
  site.Publish(1, 700'000'000, "FAST");
  v1::TariffAssigned fast;
  fast.set_min_power_w(50'000);
  site.Assign(fast, "FAST");
  v1::ControlFact fact;
  for (const auto& [id, watts] : {std::pair(1, 22'000), std::pair(2, 50'000)}) {
    auto& connector = *fact.mutable_site_described()->add_connectors();
    connector.set_charge_point_id("CP1");
    connector.set_connector_id(id);
    connector.set_max_power_w(watts);
  }
  site.Know(fact);
  site.Charge(7, "12", 1);
  site.Charge(8, "13", 2);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop", "c1 735 stop"}));
}

TEST(Tariffs, OneThatIsWithdrawnCountsNoLongerForWhatBegins) {
  Site site;
  site.InForce();
  site.Publish(1, 100'000'000, "CHEAP");
  v1::TariffAssigned all;
  site.Assign(all, "CHEAP");
  site.Charge(7, "12");
  all.set_withdrawn(true);
  site.Assign(all, "CHEAP");
  site.Charge(8, "13");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 135 stop", "c1 485 stop"}));
}

TEST(Tariffs, TimeOfDayIsThatOfTheSite) {
  Site site;
  v1::ControlFact described;
  auto& offset = *described.mutable_site_described()->add_offsets();
  offset.set_offset_s(3'600);
  site.Know(described);
  v1::ControlFact fact;
  v1::Tariff tariff = FlatTariff();
  v1::TariffElement night = tariff.elements(0);
  // From 13:15 local, which is 12:15Z, another price.
  tariff.mutable_elements(0)->mutable_restrictions()->set_end_minute(13 * 60 + 15);
  night.mutable_price_components(0)->set_price_e9(int64_t{1'000'000'000});
  *tariff.add_elements() = night;
  *fact.mutable_tariff_published()->mutable_tariff() = tariff;
  fact.mutable_tariff_published()->set_version(1);
  site.Know(fact);
  site.Assign();
  site.Charge(7);
  // 5 kWh until 12:10, 1.25 more until 12:15: 6.25 at 0.45; then 3.75 at 1.00; 0.35.
  const auto cdrs = site.All<v1::Cdr>(kCdrKind);
  ASSERT_EQ(cdrs.size(), 1u);
  EXPECT_EQ(cdrs[0].total_cost().incl_vat_e4(), 69'100);
  ASSERT_EQ(cdrs[0].periods_size(), 2);
  EXPECT_EQ(cdrs[0].periods(1).start_us(), Conversation::kStart + 15 * int64_t{60'000'000});
  EXPECT_EQ(cdrs[0].periods(0).volumes(0).volume(), 6'250'000'000);
}

TEST(Tariffs, OneForThePastCreditsWhatWasBilledAndBillsAgain) {
  Site site;
  site.InForce();
  site.Charge(7, "12");
  site.Charge(8, "14");
  site.Publish(1, 100'000'000, "SORRY");
  v1::TariffAssigned past;
  past.set_for_past(true);
  past.set_priority(1);
  past.set_from_us(Conversation::kStart);
  past.set_to_us(Conversation::kStart + int64_t{3'600'000'000});
  site.Assign(past, "SORRY");
  EXPECT_EQ(site.Cdrs(),
            (Texts{"c1 485 stop", "c1-C -485 tariff", "c2 135 tariff", "c1 485 stop"}));
  const auto cdrs = site.All<v1::Cdr>(kCdrKind);
  EXPECT_EQ(cdrs[1].credit_reference_id(), cdrs[0].id());
  EXPECT_TRUE(cdrs[1].credit());
  EXPECT_EQ(cdrs[1].energy_mwh(), cdrs[0].energy_mwh());
  // Both name the entry that caused them.
  EXPECT_EQ(cdrs[1].cause().sequence(), site->log().head().size - 1);
  EXPECT_EQ(cdrs[2].cause().sequence(), site->log().head().size - 1);
  EXPECT_EQ(site.Balances(), (Balances{{"assets:receivable:contract:TAG", 620},
                                       {"income:energy", -550},
                                       {"income:session-fee", -70}}));
}

TEST(Holds, AFlagThatThePolicyNamesHoldsUntilSomebodyReleasesIt) {
  Site site;
  site.InForce();
  site.ChargeOddly(7);
  const auto holds = site.All<v1::Hold>(kHoldKind);
  ASSERT_EQ(holds.size(), 1u);
  EXPECT_EQ(holds[0].reasons(0), v1::HOLD_REASON_FLAG);
  EXPECT_GE(holds[0].flags_size(), 1);
  const int64_t estimate = holds[0].estimate().incl_vat_e4() / 100;
  EXPECT_EQ(site.Balances(), (Balances{{"assets:suspense:held", estimate},
                                       {"liabilities:suspense:held", -estimate}}));
  site.Review(holds[0].session_id(), v1::REVIEW_DECISION_RELEASE);
  EXPECT_EQ(site.Cdrs(), (Texts{absl::StrCat("c1 ", estimate, " release")}));
  const v1::Cdr cdr = site.All<v1::Cdr>(kCdrKind)[0];
  EXPECT_EQ(cdr.reviewed_by(), "ann");
  EXPECT_EQ(cdr.remark(), "looked at it");
  EXPECT_EQ(site.Balances().count("assets:suspense:held"), 0u);
  EXPECT_TRUE(site.All<v1::Hold>(kHoldKind).empty());
}

TEST(Holds, AnAdjustmentBillsTheFiguresThatWereGiven) {
  Site site;
  site.InForce();
  site.ChargeOddly(7);
  site.Review(site.All<v1::Hold>(kHoldKind)[0].session_id(), v1::REVIEW_DECISION_ADJUST, 8'000'000);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 395 adjust"}));
  EXPECT_EQ(site.All<v1::Cdr>(kCdrKind)[0].energy_mwh(), 8'000'000);
}

TEST(Holds, AWaiverBillsNothingAndIsAnExpense) {
  Site site;
  site.InForce();
  site.ChargeOddly(7);
  const v1::Hold hold = site.All<v1::Hold>(kHoldKind)[0];
  site.Review(hold.session_id(), v1::REVIEW_DECISION_WAIVE);
  EXPECT_EQ(site.Cdrs(), Texts());
  EXPECT_EQ(site.Balances()["expenses:waivers"], hold.estimate().excl_vat_e4() / 100);
  EXPECT_EQ(site.Balances().count("assets:suspense:held"), 0u);
}

TEST(Holds, AWaiverThatIsTakenBackLeavesNoExpense) {
  Site site;
  site.InForce();
  site.Charge(7);
  const std::string id = site.All<v1::Cdr>(kCdrKind)[0].session_id();
  const Balances billed = site.Balances();
  site.Review(id, v1::REVIEW_DECISION_WAIVE);
  site.Review(id, v1::REVIEW_DECISION_RELEASE);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop", "c1-C -485 waive", "c2 485 release"}));
  EXPECT_EQ(site.Balances(), billed);
}

TEST(Holds, AWaiverOfWhatWasBilledCreditsIt) {
  Site site;
  site.InForce();
  site.Charge(7);
  site.Review(site.All<v1::Cdr>(kCdrKind)[0].session_id(), v1::REVIEW_DECISION_WAIVE);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop", "c1-C -485 waive"}));
  EXPECT_EQ(site.Balances().count("assets:receivable:contract:TAG"), 0u);
}

TEST(Holds, ADecisionThatIsSaidTwiceCountsOnce) {
  Site site;
  site.InForce();
  site.Charge(7);
  const std::string id = site.All<v1::Cdr>(kCdrKind)[0].session_id();
  site.Review(id, v1::REVIEW_DECISION_ADJUST, 4'000'000);
  site.Review(id, v1::REVIEW_DECISION_ADJUST, 4'000'000);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop", "c1-C -485 adjust", "c2 215 adjust"}));
}

TEST(Holds, ThePolicySaysWhichFlagsAndFromWhichCostOn) {
  Site site;
  site.InForce();
  v1::ControlFact fact;
  fact.mutable_billing_policy_set()->set_hold_above_e4(40'000);
  site.Know(fact);
  // No flag holds any more, but the cost does.
  site.ChargeOddly(7, "12");
  site.Charge(8, "13");
  const auto holds = site.All<v1::Hold>(kHoldKind);
  ASSERT_EQ(holds.size(), 2u);
  EXPECT_EQ(holds[1].reasons(0), v1::HOLD_REASON_COST);
  site.Review(holds[1].session_id(), v1::REVIEW_DECISION_RELEASE);
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 release"}));
}

TEST(Corrections, AStopThatComesLateCreditsWhatWasInferredAndBillsAgain) {
  Site site;
  site.InForce();
  v1::ControlFact nothing_holds;
  nothing_holds.mutable_billing_policy_set();
  site.Know(nothing_holds);
  site->Start(1, 7, 1'000, "2026-03-01T12:00:00Z");
  site->Meter(7, 6'000, "2026-03-01T12:10:00Z");
  // The next one begins: the first must have ended, nobody says when.
  site->Start(1, 8, 11'000, "2026-03-01T13:00:00Z");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 260 stop"}));
  site->Call(
      "StopTransaction",
      R"({"transactionId":7,"meterStop":11000,"timestamp":"2026-03-01T12:30:00Z","idTag":"TAG"})",
      "{}");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 260 stop", "c1-C -260 late-fact", "c2 485 late-fact"}));
}

TEST(Corrections, WhatIsSaidAgainAndChangesNothingMakesNoCdr) {
  Site site;
  site.InForce();
  site.Charge(7);
  site->Stop(7, 11'000, "2026-03-01T12:30:00Z");
  site->Meter(7, 6'000, "2026-03-01T12:10:00Z");
  EXPECT_EQ(site.Cdrs(), (Texts{"c1 485 stop"}));
}

TEST(JournalOf, VatByRatePartnersAndTheirFees) {
  Site site;
  v1::ControlFact policy;
  policy.mutable_billing_policy_set()->set_vat_country("NL");
  policy.mutable_billing_policy_set()->set_roaming_fee_e4_percent(25'000);
  policy.mutable_billing_policy_set()->set_roaming_fee_e4(100);
  auto& account = *policy.mutable_billing_policy_set()->add_accounts();
  account.set_role("energy");
  account.set_name("income:sales:energy");
  site.Know(policy);
  v1::ControlFact fact;
  v1::Tariff tariff = FlatTariff();
  tariff.mutable_elements(0)->mutable_price_components(0)->set_vat_e4(210'000);
  tariff.mutable_elements(0)->mutable_price_components(1)->set_vat_e4(90'000);
  *fact.mutable_tariff_published()->mutable_tariff() = tariff;
  fact.mutable_tariff_published()->set_version(1);
  site.Know(fact);
  site.Assign();
  site.Register("TAG", "NL-TNM-C1", "TNM");
  site.Charge(7);
  // 4.50 and 21 %, 0.35 and 9 %: 4.85, with tax 5.8265 is 5.83. The fee is 2.5 % of 4.85 and 0.01.
  EXPECT_EQ(site.Balances(), (Balances{{"assets:receivable:partner:NL-TNM", 583},
                                       {"income:sales:energy", -450},
                                       {"income:session-fee", -35},
                                       {"liabilities:vat:NL:21", -95},
                                       {"liabilities:vat:NL:9", -3},
                                       {"expenses:roaming-fee", 13},
                                       {"liabilities:roaming-fee:partner:NL-TNM", -13}}));
}

TEST(JournalOf, EveryTransactionAddsUpToNothingAndEveryBatchGivesTheSameBytes) {
  Site site;
  site.Charge(1, "12");
  site.InForce();
  site.ChargeOddly(2, "13");
  site.Charge(3, "14");
  site.Publish(2, 333'333'333);
  site.Charge(4, "15");
  const std::string held = site.All<v1::Hold>(kHoldKind)[0].session_id();
  site.Review(held, v1::REVIEW_DECISION_ADJUST, 1'234'567);
  v1::TariffAssigned past;
  past.set_for_past(true);
  past.set_from_us(1);
  site.Assign(past);
  site.Review(held, v1::REVIEW_DECISION_WAIVE);
  const auto entries = site.All<v1::JournalEntry>(kJournalKind);
  EXPECT_GE(entries.size(), 8u);
  for (const v1::JournalEntry& entry : entries) {
    int64_t sum = 0;
    for (const v1::Posting& posting : entry.postings()) sum += posting.amount_e4();
    EXPECT_EQ(sum, 0) << entry.DebugString();
  }
  const std::string bytes = site.Bytes(4096);
  for (uint64_t batch : {1, 2, 3, 5}) EXPECT_EQ(site.Bytes(batch), bytes) << batch;
}

TEST(Untrusted, AFactThatIsNoneIsPassedOver) {
  Site site;
  v1::Entry entry;
  entry.mutable_known_fact()->set_entry("\xff\xff no entry");
  site->Record(entry);
  v1::ControlFact bad;
  bad.mutable_tariff_published()->mutable_tariff()->set_currency("???");
  bad.mutable_tariff_published()->set_version(1);
  site.Know(bad);
  v1::TariffAssigned all;
  site.Assign(all, "");
  site.Charge(7);
  ASSERT_EQ(site.All<v1::Hold>(kHoldKind).size(), 1u);
  EXPECT_EQ(site.All<v1::Hold>(kHoldKind)[0].reasons(0), v1::HOLD_REASON_NOT_PRICEABLE);
}

}  // namespace
}  // namespace chargeledger::projections
