// Bills, and the books in double entry, at the end of a run.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "chargeledger/v1/storage.pb.h"
#include "log/simulated_disk.h"
#include "projections/billing/billing.h"
#include "projections/billing/journal.h"
#include "projections/books.h"
#include "projections/runtime/state_store.h"
#include "tests/simulation/checks.h"

namespace chargeledger::simulation {
namespace {

using projections::Books;

// Account and currency.
using Account = std::pair<std::string, std::string>;

// All of one kind that a log's books keep.
template <typename Message>
std::vector<Message> All(const log::Reader& states, const core::LogId& log_id, char kind,
                         size_t part = Books::kBilling) {
  std::vector<Message> all;
  const std::string prefix = projections::StatePrefix(log_id, part) + kind;
  (void)states.Scan(
      prefix, log::AfterPrefix(prefix), [&](absl::string_view, absl::string_view value) {
        all.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()));
        return true;
      });
  return all;
}

void CheckJournal(const log::Reader& states, const server::HeldLog& held, Judge& judge) {
  std::map<Account, int64_t> sums;
  std::set<std::string> posted;
  for (const auto& entry :
       All<v1::JournalEntry>(states, held.log_id(), projections::kJournalKind)) {
    int64_t sum = 0;
    for (const v1::Posting& posting : entry.postings()) {
      sum += posting.amount_e4();
      sums[{posting.account(), entry.currency()}] += posting.amount_e4();
    }
    judge.Expect(sum == 0, "journal",
                 absl::StrCat("transaction ", entry.id(), " adds up to ", sum));
    if (entry.kind() == "cdr" || entry.kind() == "credit") posted.insert(entry.cdr_id());
  }
  for (const auto& balance :
       All<v1::AccountBalance>(states, held.log_id(), projections::kBalanceKind)) {
    const int64_t sum = sums[{balance.account(), balance.currency()}];
    judge.Expect(balance.debit_e4() - balance.credit_e4() == sum, "journal",
                 absl::StrCat(balance.account(), " has a balance of ",
                              balance.debit_e4() - balance.credit_e4(), ", its postings ", sum));
  }
  int64_t billed = 0, receivable = 0;
  std::map<std::string, int> standing;
  for (const auto& cdr : All<v1::Cdr>(states, held.log_id(), projections::kCdrKind)) {
    billed += cdr.total_cost().incl_vat_e4();
    standing[cdr.session_id()] += cdr.credit() ? -1 : 1;
    judge.Expect(posted.count(cdr.id()) > 0 || cdr.total_cost().incl_vat_e4() == 0, "journal",
                 absl::StrCat("CDR ", cdr.id(), " is not in the journal"));
  }
  for (const auto& [account, sum] : sums) {
    if (absl::StartsWith(account.first, "assets:receivable:")) receivable += sum;
  }
  judge.Expect(
      billed == receivable, "journal",
      absl::StrCat(held.site(), ": CDRs come to ", billed, ", what is receivable to ", receivable));
  // In suspense is what is held, but for corrections of what was billed.
  int64_t held_e4 = 0, suspense = 0;
  for (const auto& hold : All<v1::Hold>(states, held.log_id(), projections::kHoldKind)) {
    if (hold.cdr_id().empty()) held_e4 += hold.estimate().incl_vat_e4();
  }
  for (const auto& [account, sum] : sums) {
    if (account.first == "assets:suspense:held") suspense += sum;
  }
  judge.Expect(
      held_e4 == suspense, "journal",
      absl::StrCat(held.site(), ": held sessions come to ", held_e4, ", suspense to ", suspense));
  for (const auto& [session, count] : standing) {
    judge.Expect(count == 0 || count == 1, "bills",
                 absl::StrCat("session ", session, " has ", count, " CDRs that stand"));
  }
}

// What a site knew of the bills of its sessions.
struct Bills {
  // Those that stand.
  std::map<std::string, v1::Cdr> standing;
  std::set<std::string> without_tariff;
  std::set<std::string> waived;
  // Price of a kWh and fee of a session in 10^-9, by tariff and version.
  std::map<std::pair<std::string, uint32_t>, std::pair<int64_t, int64_t>> prices;
};

Bills Collect(const log::Reader& states, const server::HeldLog& held, Judge& judge) {
  Bills bills;
  // In the order of the keys a credit comes behind what it credits.
  for (v1::Cdr& cdr : All<v1::Cdr>(states, held.log_id(), projections::kCdrKind)) {
    if (cdr.credit()) {
      bills.standing.erase(cdr.session_id());
    } else {
      bills.standing[cdr.session_id()] = std::move(cdr);
    }
  }
  for (const auto& hold : All<v1::Hold>(states, held.log_id(), projections::kHoldKind)) {
    const auto& reasons = hold.reasons();
    if (std::count(reasons.begin(), reasons.end(), v1::HOLD_REASON_NO_TARIFF) == 0) continue;
    bills.without_tariff.insert(hold.session_id());
    // Sites that live have had their time to hear of one.
    judge.Expect(judge.anything_endangered() || judge.disturbed(hold.site()), "bills",
                 absl::StrCat("session ", hold.session_id(), " still waits for a tariff"));
  }
  for (const auto& stored :
       All<v1::StoredBilling>(states, held.log_id(), projections::kBillingKind)) {
    if (stored.state() == v1::BILLING_STATE_WAIVED) bills.waived.insert(stored.session().id());
  }
  for (const auto& version :
       All<v1::TariffVersion>(states, held.log_id(), projections::kTariffKind)) {
    auto& prices = bills.prices[{version.tariff().id(), version.version()}];
    for (const auto& component : version.tariff().elements(0).price_components()) {
      (component.type() == v1::TARIFF_DIMENSION_FLAT ? prices.second : prices.first) =
          component.price_e9();
    }
  }
  return bills;
}

void CheckBill(const v1::Session& session, const Bills& bills, Judge& judge) {
  const bool told = session.end() == v1::SESSION_END_STOP;
  const bool waived = bills.waived.count(session.id()) > 0;
  const auto bill = bills.standing.find(session.id());
  if (bill == bills.standing.end()) {
    // What is doubtful waits for a person; what a site never knew a tariff for, for that.
    return judge.Expect(
        session.held() || !told || waived || bills.without_tariff.count(session.id()) > 0, "bills",
        absl::StrCat("closed session ", session.id(), " has no bill"));
  }
  judge.Expect(!waived, "bills", absl::StrCat("session ", session.id(), " is waived and billed"));
  const v1::Cdr& cdr = bill->second;
  judge.Expect(told || !cdr.reviewed_by().empty(), "bills",
               absl::StrCat("session ", session.id(), " is billed, and nobody said that it ended"));
  int64_t energy_mwh = session.energy_mwh();
  absl::string_view remark = cdr.remark();
  if (absl::ConsumePrefix(&remark, kAdjustedTo)) {
    judge.Expect(absl::SimpleAtoi(remark, &energy_mwh), "bills", cdr.remark());
  } else if (session.held()) {
    // A correction that is held waits; the bill from before stands.
    energy_mwh = cdr.energy_mwh();
  }
  const auto prices = bills.prices.find({cdr.tariff().id(), cdr.tariff_version()});
  if (prices == bills.prices.end()) {
    return judge.Violate("bills",
                         absl::StrCat("CDR ", cdr.id(), " is of a tariff nobody published"));
  }
  // Rounded half up to cents, in ten-thousandths; fees are whole cents.
  const auto& [per_kwh_e9, fee_e9] = prices->second;
  const int64_t cents = (energy_mwh * (per_kwh_e9 / 10'000'000) + 500'000) / 1'000'000;
  const int64_t total_e4 = cents * 100 + fee_e9 / 100'000;
  judge.Expect(cdr.energy_mwh() == energy_mwh && cdr.total_cost().incl_vat_e4() == total_e4,
               "bills",
               absl::StrCat("session ", session.id(), " of ", energy_mwh, " mWh is billed ",
                            cdr.energy_mwh(), " mWh at ", cdr.total_cost().incl_vat_e4(), ", not ",
                            total_e4));
}

}  // namespace

void CheckBooks(LedgerNode& ledger, Judge& judge) {
  auto states = ledger.disk().Look("state", log::SimulatedDisk::Sight::kBehindDamage);
  for (const server::HeldLog* held : ledger.core()->ledger().logs()) {
    CheckJournal(*states, *held, judge);
    const Bills bills = Collect(*states, *held, judge);
    for (const auto& session :
         All<v1::Session>(*states, held->log_id(), projections::kSessionKind, Books::kSessions)) {
      if (session.state() == v1::SESSION_STATE_CLOSED) CheckBill(session, bills, judge);
    }
  }
}

}  // namespace chargeledger::simulation
