// journal list|balance|trial, and the journal as plain-text accounting.
#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

std::string Day(int64_t us) { return core::FormatTimestamp(us).substr(0, 10); }

// hledger and beancount want a point and no more decimals than there are.
std::string Amount(int64_t e4, const std::string& currency) { return HumanMoney(e4, currency); }

// beancount's accounts begin with one of five words, and each part with a capital letter or digit.
std::string BeancountAccount(const std::string& account) {
  std::string out;
  for (absl::string_view part : absl::StrSplit(account, ':')) {
    std::string word;
    for (const char c : part) {
      word.push_back(absl::ascii_isalnum(c) || c == '-' ? c : '-');
    }
    if (word.empty() || word[0] == '-') word = "X" + word;
    word[0] = absl::ascii_toupper(word[0]);
    absl::StrAppend(&out, out.empty() ? "" : ":", word);
  }
  return out;
}

void PrintHledger(const v1::ListJournalResponse& journal, std::ostream& out) {
  out << "; exported by chargeledger; hledger -f FILE balance\n\n";
  for (int i = journal.entries_size() - 1; i >= 0; --i) {
    const v1::JournalEntry& entry = journal.entries(i);
    out << Day(entry.at_us()) << " (" << entry.id() << ") " << entry.kind() << " "
        << entry.session_id() << "  ; cdr:" << entry.cdr_id() << "\n";
    for (const v1::Posting& posting : entry.postings()) {
      out << "    " << posting.account() << "  " << Amount(posting.amount_e4(), entry.currency())
          << " " << entry.currency() << "\n";
    }
    out << "\n";
  }
}

void PrintBeancount(const v1::ListJournalResponse& journal, std::ostream& out) {
  std::map<std::string, int64_t> opened;
  for (const v1::JournalEntry& entry : journal.entries()) {
    for (const v1::Posting& posting : entry.postings()) {
      const auto [at, first] =
          opened.try_emplace(BeancountAccount(posting.account()), entry.at_us());
      if (!first) at->second = std::min(at->second, entry.at_us());
    }
  }
  out << "; exported by chargeledger; bean-check FILE\n\n";
  for (const auto& [account, us] : opened) out << Day(us) << " open " << account << "\n";
  out << "\n";
  for (int i = journal.entries_size() - 1; i >= 0; --i) {
    const v1::JournalEntry& entry = journal.entries(i);
    out << Day(entry.at_us()) << " * \"" << entry.kind() << "\" \"" << entry.session_id()
        << "\"\n  id: \"" << entry.id() << "\"\n";
    for (const v1::Posting& posting : entry.postings()) {
      out << "  " << BeancountAccount(posting.account()) << "  "
          << Amount(posting.amount_e4(), entry.currency()) << " " << entry.currency() << "\n";
    }
    out << "\n";
  }
}

// A posting with what its transaction says.
struct Row {
  const v1::JournalEntry* entry;
  const v1::Posting* posting;
};

absl::StatusOr<v1::GetTrialBalanceResponse> Balances(const Context& context, const Filter& filter) {
  v1::GetTrialBalanceRequest request;
  request.set_site(filter.site);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  return context.client.GetTrialBalance(request);
}

}  // namespace

absl::Status ListJournal(const Context& context, const Filter& filter, const std::string& layout) {
  v1::ListJournalRequest request;
  request.set_site(filter.site);
  request.set_session_id(filter.session);
  request.set_account(filter.account);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::ListJournalResponse response,
                      context.client.ListJournal(request, filter.limit));
  if (!layout.empty()) {
    // Logs come one after the other; a journal is in the order of its days.
    std::stable_sort(response.mutable_entries()->begin(), response.mutable_entries()->end(),
                     [](const auto& a, const auto& b) { return a.at_us() > b.at_us(); });
    layout == "hledger" ? PrintHledger(response, context.out)
                        : PrintBeancount(response, context.out);
    return absl::OkStatus();
  }
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  std::vector<Row> rows;
  for (const v1::JournalEntry& entry : response.entries()) {
    for (const v1::Posting& posting : entry.postings()) rows.push_back({&entry, &posting});
  }
  auto id = [](const Row& r) { return r.entry->id(); };
  auto kind = [](const Row& r) { return r.entry->kind(); };
  auto account = [](const Row& r) { return r.posting->account(); };
  auto currency = [](const Row& r) { return r.entry->currency(); };
  const std::vector<Column<Row>> columns = {
      {{"TRANSACTION"}, id, "transaction", id},
      {{"DAY"},
       [](const Row& r) { return Day(r.entry->at_us()); },
       "at",
       [](const Row& r) { return RawTime(r.entry->at_us()); }},
      {{"KIND"}, kind, "kind", kind},
      {{"ACCOUNT"}, account, "account", account},
      {{"AMOUNT", true},
       [](const Row& r) { return Amount(r.posting->amount_e4(), r.entry->currency()); },
       "amount",
       [](const Row& r) { return Amount(r.posting->amount_e4(), r.entry->currency()); }},
      {{"CUR"}, currency, "currency", currency},
      {{}, nullptr, "session", [](const Row& r) { return r.entry->session_id(); }},
      {{}, nullptr, "cdr", [](const Row& r) { return r.entry->cdr_id(); }},
      {{},
       nullptr,
       "entry",
       [](const Row& r) { return absl::StrCat(r.entry->cause().sequence()); }},
      {{}, nullptr, "generation", [](const Row& r) {
         return absl::StrCat(r.entry->cause().generation());
       }}};
  PrintRows(context.format, columns, rows, "transactions", context.out);
  return absl::OkStatus();
}

absl::Status ShowBalance(const Context& context, const Filter& filter) {
  CL_ASSIGN_OR_RETURN(v1::GetTrialBalanceResponse response, Balances(context, filter));
  auto& balances = *response.mutable_balances();
  balances.erase(std::remove_if(balances.begin(), balances.end(),
                                [&](const v1::AccountBalance& b) {
                                  return !absl::StartsWith(b.account(), filter.account);
                                }),
                 balances.end());
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto account = [](const v1::AccountBalance& b) { return b.account(); };
  auto currency = [](const v1::AccountBalance& b) { return b.currency(); };
  auto balance = [](const v1::AccountBalance& b) {
    return Amount(b.debit_e4() - b.credit_e4(), b.currency());
  };
  const std::vector<Column<v1::AccountBalance>> columns = {
      {{"ACCOUNT"}, account, "account", account},
      {{"BALANCE", true}, balance, "balance", balance},
      {{"CUR"}, currency, "currency", currency}};
  PrintRows(context.format, columns, response.balances(), "accounts", context.out);
  return absl::OkStatus();
}

absl::Status ShowTrialBalance(const Context& context, const Filter& filter) {
  CL_ASSIGN_OR_RETURN(v1::GetTrialBalanceResponse response, Balances(context, filter));
  std::map<std::string, std::pair<int64_t, int64_t>> sums;
  for (const v1::AccountBalance& balance : response.balances()) {
    sums[balance.currency()].first += balance.debit_e4();
    sums[balance.currency()].second += balance.credit_e4();
  }
  if (context.format == Format::kJson) {
    CL_RETURN_IF_ERROR(PrintJson(response, context.out));
  } else {
    std::vector<v1::AccountBalance> rows(response.balances().begin(), response.balances().end());
    for (const auto& [currency, sum] : sums) {
      v1::AccountBalance& total = rows.emplace_back();
      total.set_account("TOTAL");
      total.set_currency(currency);
      total.set_debit_e4(sum.first);
      total.set_credit_e4(sum.second);
    }
    auto account = [](const v1::AccountBalance& b) { return b.account(); };
    auto currency = [](const v1::AccountBalance& b) { return b.currency(); };
    auto debit = [](const v1::AccountBalance& b) { return Amount(b.debit_e4(), b.currency()); };
    auto credit = [](const v1::AccountBalance& b) { return Amount(b.credit_e4(), b.currency()); };
    const std::vector<Column<v1::AccountBalance>> columns = {
        {{"ACCOUNT"}, account, "account", account},
        {{"DEBIT", true}, debit, "debit", debit},
        {{"CREDIT", true}, credit, "credit", credit},
        {{"CUR"}, currency, "currency", currency}};
    PrintRows(context.format, columns, rows, "accounts", context.out);
  }
  for (const auto& [currency, sum] : sums) {
    if (sum.first == sum.second) continue;
    return absl::DataLossError(absl::StrCat("the books do not balance in ", currency, ": debit ",
                                            Amount(sum.first, currency), ", credit ",
                                            Amount(sum.second, currency)));
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
