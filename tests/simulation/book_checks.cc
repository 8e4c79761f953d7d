// The books in double entry, at the end of a run.
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

// All of one kind that a log's billing keeps.
template <typename Message>
std::vector<Message> All(const log::Reader& states, const core::LogId& log_id, char kind) {
  std::vector<Message> all;
  const std::string prefix = projections::StatePrefix(log_id, Books::kBilling) + kind;
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

}  // namespace

void CheckBooks(LedgerNode& ledger, Judge& judge) {
  auto states = ledger.disk().Look("state", log::SimulatedDisk::Sight::kBehindDamage);
  for (const server::HeldLog* held : ledger.core()->ledger().logs()) {
    CheckJournal(*states, *held, judge);
  }
}

}  // namespace chargeledger::simulation
