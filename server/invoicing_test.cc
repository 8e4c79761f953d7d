// Months that are closed, invoices that stay as they were issued, and bills that rest on facts
// which a site has made up.
#include "server/invoicing.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/timestamp.h"
#include "log/memory_store.h"
#include "log/merkle.h"
#include "log/replication/author.h"
#include "projections/testing/conversation.h"
#include "projections/testing/tariffs.h"
#include "server/billing_queries.h"
#include "server/bookkeeper.h"
#include "server/fact_check.h"

namespace chargeledger::server {
namespace {

using projections::Conversation;

class InvoicingTest : public testing::Test {
 protected:
  InvoicingTest() {
    Begin();
    v1::ControlFact fact;
    fact.set_by("ann");
    EXPECT_TRUE(facts_->Publish(projections::FlatTariff(), "ann", "").ok());
    fact.mutable_tariff_assigned()->mutable_tariff()->set_id("FLAT");
    EXPECT_TRUE(facts_->Record(fact).ok());
    now("2026-03-15T00:00:00Z");
    site_.Connect("CP1");
  }

  // What a process does when it begins: everything that was stored is read again.
  void Begin() {
    invoicing_.reset();
    objects_.reset();
    facts_ = *ControlFacts::Open(*control_);
    bookkeeper_ = std::make_unique<Bookkeeper>(
        *states_, Bookkeeper::Damaged(),
        [](const absl::Status& status) { ADD_FAILURE() << status; }, core::Threads::kNone);
    bookkeeper_->OnEvent(
        [this](const projections::Event& event) { return CheckFact(event, *facts_); });
    invoicing_ = std::make_unique<Invoicing>(*ledger_, *states_, artefacts_, *facts_, clock_);
  }
  void now(absl::string_view time) {
    const int64_t us = *core::ParseTimestamp(time);
    clock_.Advance(static_cast<uint64_t>(us - clock_.WallMicros()));
  }

  // The site copies what the control log has beyond what it copied before.
  void Know() {
    EXPECT_TRUE(control_->log()
                    .Read(core::Sequence(copied_), ~uint64_t{0},
                          [&](core::Sequence sequence, absl::string_view bytes) {
                            copied_ = sequence.value() + 1;
                            v1::Entry fact;
                            EXPECT_TRUE(fact.ParseFromString(std::string(bytes)));
                            if (fact.has_control_fact()) Copy(std::string(bytes));
                            return true;
                          })
                    .ok());
  }
  void Copy(const std::string& bytes) {
    v1::Entry control, entry;
    EXPECT_TRUE(control.ParseFromString(bytes));
    v1::KnownFact& known = *entry.mutable_known_fact();
    known.set_log_id(std::string(control_->log().log_id().bytes()));
    known.set_generation(control.generation());
    known.set_sequence(control.sequence());
    known.set_entry(bytes);
    site_.Record(entry);
  }
  // 10 kWh on a day: 4.85 by the tariff of these tests.
  void Charge(int64_t id, const std::string& day) {
    site_.Start(1, id, 1'000, day + "T12:00:00Z");
    site_.Stop(id, 11'000, day + "T12:30:00Z");
  }
  // A tariff of 100 EUR a kWh in the place of the one that was published.
  v1::Entry Forged() {
    v1::Entry control;
    EXPECT_TRUE(control_->log()
                    .Read(core::Sequence(1), 1,
                          [&](core::Sequence, absl::string_view bytes) {
                            return control.ParseFromString(std::string(bytes));
                          })
                    .ok());
    v1::TariffPublished& published = *control.mutable_control_fact()->mutable_tariff_published();
    published.mutable_tariff()->mutable_elements(0)->mutable_price_components(0)->set_price_e9(
        100'000'000'000);
    published.set_version(2);
    return control;
  }

  // The ledger takes in what the site has, and folds it.
  void Fold() {
    log::replication::AuthorStream author(site_.log(), {"acme", "north"}, {});
    auto stream = ledger_->Admit(author.Hello().hello());
    ASSERT_TRUE(stream.ok()) << stream.status();
    ledger_->Release(*stream);
    log::EventLog& held = *stream->held->generations()[0];
    ASSERT_TRUE(site_.log()
                    .Read(core::Sequence(held.head().size), ~uint64_t{0},
                          [&](core::Sequence, absl::string_view bytes) {
                            const std::string entry(bytes);
                            log::WriteBatch batch;
                            const auto head = held.Stage({entry}, {log::LeafHash(entry)}, batch);
                            EXPECT_TRUE(logs_.Commit(batch, log::Durability::kSynced).ok());
                            held.Publish(head);
                            return true;
                          })
                    .ok());
    bookkeeper_->OnGrown({stream->held});
    while (bookkeeper_->RunOnce()) continue;
  }

  absl::StatusOr<v1::ClosePeriodResponse> Close(const std::string& period, bool before_end = false,
                                                const std::string& time_zone = "") {
    v1::ClosePeriodRequest request;
    request.set_period(period);
    request.set_before_end(before_end);
    request.set_time_zone(time_zone);
    request.set_by("ann");
    return invoicing_->Close(request);
  }
  absl::Status Reopen(const std::string& period) {
    v1::ControlFact fact;
    fact.set_by("ann");
    fact.set_reason("closed in error");
    fact.mutable_period_reopened()->set_period(period);
    return facts_->Record(fact);
  }
  absl::StatusOr<std::vector<v1::ListInvoicesResponse>> List(bool with_today = false) {
    v1::ListInvoicesRequest request;
    request.set_with_today(with_today);
    std::vector<v1::ListInvoicesResponse> all;
    const absl::Status status = invoicing_->List(request, [&](const auto& response) {
      all.push_back(response);
      return true;
    });
    if (!status.ok()) return status;
    return all;
  }
  // Numbers, each with its count of lines.
  std::vector<std::pair<std::string, int>> Numbers() {
    std::vector<std::pair<std::string, int>> numbers;
    const auto all = List();
    EXPECT_TRUE(all.ok()) << all.status();
    for (const auto& response : *all) {
      numbers.emplace_back(response.invoice().number(), response.invoice().lines_size());
    }
    return numbers;
  }
  std::vector<v1::DivergenceFound> Findings() {
    std::vector<v1::DivergenceFound> found;
    EXPECT_TRUE(control_->log()
                    .Read(core::Sequence(0), ~uint64_t{0},
                          [&](core::Sequence, absl::string_view bytes) {
                            v1::Entry entry;
                            EXPECT_TRUE(entry.ParseFromString(std::string(bytes)));
                            if (entry.has_divergence_found()) {
                              found.push_back(entry.divergence_found());
                            }
                            return true;
                          })
                    .ok());
    return found;
  }
  absl::Status Accept() {
    v1::RecordFactRequest request;
    request.mutable_fact()->set_by("ann");
    request.mutable_fact()->set_reason("the control log was lost");
    request.mutable_fact()->mutable_known_facts_accepted()->set_log_id(
        std::string(site_.log().log_id().bytes()));
    return Queries().RecordFact(request).status();
  }
  BillingQueries Queries() {
    return BillingQueries(*ledger_, *states_, nullptr, *facts_,
                          objects_ == nullptr
                              ? *(objects_ = std::make_unique<OcpiObjects>(partners_, *facts_))
                              : *objects_);
  }
  std::vector<v1::Hold> Holds() {
    std::vector<v1::Hold> holds;
    v1::ListHoldsRequest request;
    do {
      auto page = Queries().ListHolds(request);
      EXPECT_TRUE(page.ok()) << page.status();
      holds.insert(holds.end(), page->holds().begin(), page->holds().end());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return holds;
  }

  core::ManualClock clock_{0};
  log::MemoryStore logs_, artefacts_, control_store_;
  std::unique_ptr<log::MemoryStore> states_ = std::make_unique<log::MemoryStore>();
  log::Archive archive_{logs_}, control_archive_{control_store_};
  std::unique_ptr<log::Recorder> control_ =
      *log::Recorder::Open(control_archive_, clock_, {"ledger", "control"},
                           *core::LogId::FromBytes("the control log."), {});
  std::unique_ptr<Ledger> ledger_ = *Ledger::Open(archive_, clock_);
  Partners partners_;
  std::unique_ptr<ControlFacts> facts_;
  std::unique_ptr<OcpiObjects> objects_;
  std::unique_ptr<Bookkeeper> bookkeeper_;
  std::unique_ptr<Invoicing> invoicing_;
  uint64_t copied_ = 0;
  Conversation site_;
};

using Numbered = std::vector<std::pair<std::string, int>>;

TEST_F(InvoicingTest, MonthsCloseInOrderAndNoneThatHasNotBegun) {
  // The clock says March.
  EXPECT_EQ(Close("9998-12", true).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Close("2026-04", true).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Close("2026-03").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Close("2026-1 ").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Close("2026-01").ok());
  EXPECT_EQ(Close("2026-03", true).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Close("2026-02").ok());
  EXPECT_EQ(Close("2026-02").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Close("2026-03", true).ok());
  EXPECT_EQ(Close("2026-04", true).status().code(), absl::StatusCode::kFailedPrecondition);
  now("2026-04-01T00:00:00Z");
  EXPECT_TRUE(Close("2026-04", true).ok());
}

TEST_F(InvoicingTest, AClosingInErrorIsReopenedAndItsInvoicesStay) {
  Know();
  Charge(1, "2026-03-02");
  Fold();
  ASSERT_TRUE(Close("2026-02").ok());
  ASSERT_TRUE(Close("2026-03", true).ok());
  Charge(2, "2026-03-20");
  Fold();
  EXPECT_EQ(Reopen("2026-02").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Reopen("2026-03").ok());
  EXPECT_EQ(facts_->ClosedThrough(), "2026-02");
  Begin();
  EXPECT_EQ(facts_->ClosedThrough(), "2026-02");
  now("2026-04-01T00:00:00Z");
  EXPECT_EQ(Close("2026-04", true).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Close("2026-03").ok());
  // Each session is on one invoice, and no number is missing.
  EXPECT_EQ(Numbers(), (Numbered{{"2026-000001", 1}, {"2026-000002", 1}}));
}

TEST_F(InvoicingTest, AMonthFarAheadThatWasClosedOnceBlocksNothingWhenItIsReopened) {
  // As ledgers recorded it that did not look at the clock.
  v1::ControlFact fact;
  fact.mutable_period_closed()->set_period("9998-12");
  ASSERT_TRUE(facts_->Record(fact).ok());
  EXPECT_EQ(Close("2026-03", true).status().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Reopen("9998-12").ok());
  EXPECT_TRUE(Close("2026-03", true).ok());
}

TEST_F(InvoicingTest, AnIssuedInvoiceStaysAsItIsWhenMasterDataAndStatesChange) {
  v1::ControlFact seller;
  seller.mutable_billing_policy_set()->mutable_seller()->set_name("The operator");
  seller.mutable_billing_policy_set()->set_payment_days(14);
  ASSERT_TRUE(facts_->Record(seller).ok());
  Know();
  Charge(1, "2026-03-02");
  Fold();
  ASSERT_TRUE(Close("2026-03", true).ok());
  const auto before = List();
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_EQ(before->size(), 1u);
  EXPECT_EQ((*before)[0].invoice().due_date(), "2026-04-15");
  EXPECT_EQ((*before)[0].invoice().seller().name(), "The operator");
  EXPECT_EQ((*before)[0].invoice().total().incl_vat_e4(), 48'500);

  seller.mutable_billing_policy_set()->mutable_seller()->set_name("Who bought it");
  seller.mutable_billing_policy_set()->set_payment_days(7);
  ASSERT_TRUE(facts_->Record(seller).ok());
  // Another version of the projections has nothing yet, or something else.
  states_ = std::make_unique<log::MemoryStore>();
  Begin();
  const auto after = List();
  ASSERT_TRUE(after.ok()) << after.status();
  ASSERT_EQ(after->size(), 1u);
  EXPECT_FALSE((*after)[0].artefact().empty());
  EXPECT_EQ((*after)[0].artefact(), (*before)[0].artefact());
  EXPECT_EQ((*after)[0].invoice().SerializeAsString(), (*after)[0].artefact());

  Fold();
  const auto compared = List(/*with_today=*/true);
  ASSERT_TRUE(compared.ok()) << compared.status();
  EXPECT_EQ((*compared)[0].artefact(), (*before)[0].artefact());
  EXPECT_EQ((*compared)[0].today().seller().name(), "Who bought it");
  EXPECT_EQ((*compared)[0].today().due_date(), "2026-04-08");
  EXPECT_GT(facts_->Periods()[0].made_with_size(), 1);
}

TEST_F(InvoicingTest, AStoredInvoiceThatWasChangedIsNotShown) {
  Know();
  Charge(1, "2026-03-02");
  Fold();
  ASSERT_TRUE(Close("2026-03", true).ok());
  std::string key, bytes;
  ASSERT_TRUE(artefacts_
                  .Scan("", "",
                        [&](absl::string_view k, absl::string_view v) {
                          key = std::string(k);
                          bytes = std::string(v);
                          return true;
                        })
                  .ok());
  log::WriteBatch batch;
  batch.PutCopy(key, bytes + bytes);
  ASSERT_TRUE(artefacts_.Commit(batch, log::Durability::kSynced).ok());
  EXPECT_EQ(List().status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(InvoicingTest, AMonthEndsOnItsLastDayByTheClockOfThePlace) {
  Know();
  Charge(1, "2026-03-02");
  Fold();
  ASSERT_TRUE(Close("2026-03", true, "America/New_York").ok());
  const auto all = List();
  ASSERT_TRUE(all.ok()) << all.status();
  const v1::Invoice& invoice = (*all)[0].invoice();
  EXPECT_EQ(invoice.period_start(), "2026-03-01");
  EXPECT_EQ(invoice.period_end(), "2026-03-31");
  EXPECT_EQ(invoice.issue_date(), "2026-04-01");
  EXPECT_EQ(invoice.due_date(), "2026-05-01");
  EXPECT_EQ(core::FormatTimestamp(invoice.issued_at_us()).substr(0, 13), "2026-04-01T04");
}

TEST_F(InvoicingTest, AForgedTariffIsFoundOnceAndHoldsWhatIsBilledFromThereOn) {
  Know();
  Charge(1, "2026-03-02");
  Copy(Forged().SerializeAsString());
  Charge(2, "2026-03-03");
  Charge(3, "2026-03-04");
  Fold();
  Begin();
  states_ = std::make_unique<log::MemoryStore>();
  Begin();
  Fold();
  ASSERT_EQ(Findings().size(), 1u);
  EXPECT_EQ(Findings()[0].kind(), v1::DIVERGENCE_KIND_KNOWN_FACT);
  EXPECT_EQ(Findings()[0].site(), "north");
  const std::vector<v1::Hold> holds = Holds();
  ASSERT_EQ(holds.size(), 2u);
  EXPECT_EQ(holds[0].reasons(0), v1::HOLD_REASON_KNOWN_FACT);
  ASSERT_TRUE(Close("2026-03", true).ok());
  EXPECT_EQ(Numbers(), (Numbered{{"2026-000001", 1}}));

  // Who accepts it bills it.
  ASSERT_TRUE(Accept().ok());
  EXPECT_TRUE(Holds().empty());
  EXPECT_EQ(Accept().code(), absl::StatusCode::kFailedPrecondition);
  states_ = std::make_unique<log::MemoryStore>();
  Begin();
  Fold();
  EXPECT_EQ(Findings().size(), 1u);
  ASSERT_TRUE(Reopen("2026-03").ok());
  ASSERT_TRUE(Close("2026-03", true).ok());
  EXPECT_EQ(Numbers(), (Numbered{{"2026-000001", 1}, {"2026-000002", 2}}));
}

TEST_F(InvoicingTest, EveryFactThatTheControlLogDoesNotHaveIsFound) {
  Know();
  Fold();
  EXPECT_TRUE(Findings().empty());
  struct Forgery {
    const char* said;
    std::function<void(v1::KnownFact&, v1::Entry&)> forge;
  };
  const std::vector<Forgery> forgeries = {
      {"is another one", [](v1::KnownFact&, v1::Entry&) {}},
      {"it ends before entry",
       [](v1::KnownFact& known, v1::Entry& control) {
         control.set_sequence(1'000);
         known.set_sequence(1'000);
       }},
      {"it ends before entry",
       [](v1::KnownFact& known, v1::Entry& control) {
         control.set_generation(7);
         known.set_generation(7);
       }},
      {"its bytes say otherwise",
       [](v1::KnownFact& known, v1::Entry&) { known.set_sequence(known.sequence() + 1); }},
      {"control log",
       [](v1::KnownFact& known, v1::Entry&) { known.set_log_id("another ledger's"); }},
  };
  for (const Forgery& forgery : forgeries) {
    v1::Entry control = Forged(), entry;
    v1::KnownFact& known = *entry.mutable_known_fact();
    known.set_log_id(std::string(control_->log().log_id().bytes()));
    known.set_generation(control.generation());
    known.set_sequence(control.sequence());
    forgery.forge(known, control);
    known.set_entry(control.SerializeAsString());
    site_.Record(entry);
    const size_t before = Findings().size();
    Fold();
    ASSERT_EQ(Findings().size(), before + 1) << forgery.said;
    EXPECT_NE(Findings().back().detail().find(forgery.said), std::string::npos)
        << Findings().back().detail();
  }
  // A site that decides by itself, too.
  v1::Entry own;
  *own.mutable_control_fact() = Forged().control_fact();
  site_.Record(own);
  Fold();
  EXPECT_EQ(Findings().size(), forgeries.size() + 1);
  // And without end: no more than so many are recorded.
  for (size_t i = 0; i < 2 * kMostFactFindings; ++i) site_.Record(own);
  Fold();
  EXPECT_EQ(Findings().size(), kMostFactFindings);
}

}  // namespace
}  // namespace chargeledger::server
