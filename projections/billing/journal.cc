#include "projections/billing/journal.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/check.h"
#include "core/decimal.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

// What may stand in an account's name as one word: tags hold anything.
std::string Word(const std::string& text) {
  std::string word;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-' || c == '*' || c == '@') {
      word.push_back(c);
    } else {
      absl::StrAppendFormat(&word, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return word.empty() ? "none" : word;
}

std::string Rate(const v1::TaxLine& line) {
  if (!line.has_vat_e4()) return "none";
  std::string text = core::FormatDecimal(line.vat_e4(), 4, 4);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

// The account of a role, unless the policy names another: docs/billing.md.
std::string AccountName(const v1::BillingPolicySet& policy, const std::string& role) {
  for (const v1::BillingPolicySet::Account& account : policy.accounts()) {
    if (account.role() == role) return account.name();
  }
  if (role == "receivable") return "assets:receivable:{party}";
  if (role == "held") return "assets:suspense:held";
  if (role == "held-contra") return "liabilities:suspense:held";
  if (role == "vat") return "liabilities:vat:{country}:{rate}";
  if (role == "roaming-payable") return "liabilities:roaming-fee:{party}";
  if (role == "roaming-fee") return "expenses:roaming-fee";
  if (role == "waiver") return "expenses:waivers";
  // energy, charging-time, idle, session-fee, reservation, price-limit, rounding.
  return "income:" + role;
}

}  // namespace

std::string PartyOf(const v1::Cdr& cdr) {
  if (!cdr.partner_party_id().empty()) {
    return absl::StrCat("partner:", Word(cdr.partner_country_code()), "-",
                        Word(cdr.partner_party_id()));
  }
  return absl::StrCat("contract:", Word(cdr.contract_id()));
}

v1::JournalEntry Journal::Begin(const std::string& kind, const v1::Cdr& cdr) const {
  v1::JournalEntry entry;
  entry.set_kind(kind);
  entry.set_session_id(cdr.session_id());
  entry.set_cdr_id(cdr.id());
  entry.set_currency(cdr.currency());
  return entry;
}

void Journal::Add(const std::string& role, const v1::Cdr& cdr, const std::string& rate,
                  int64_t amount_e4, v1::JournalEntry& entry) const {
  if (amount_e4 == 0) return;
  v1::Posting& posting = *entry.add_postings();
  const std::string country = policy_.vat_country().empty() ? "home" : policy_.vat_country();
  posting.set_account(
      absl::StrReplaceAll(AccountName(policy_, role),
                          {{"{party}", PartyOf(cdr)}, {"{country}", country}, {"{rate}", rate}}));
  posting.set_amount_e4(amount_e4);
}

void Journal::AddIncome(const v1::Cdr& cdr, v1::JournalEntry& entry) const {
  const int64_t sign = cdr.credit() ? -1 : 1;
  int64_t left = cdr.total_cost().excl_vat_e4();
  const auto add = [&](const char* role, const v1::Price& price) {
    Add(role, cdr, "", -sign * price.excl_vat_e4(), entry);
    left -= sign * price.excl_vat_e4();
  };
  add("energy", cdr.total_energy_cost());
  add("charging-time", cdr.total_time_cost());
  add("idle", cdr.total_parking_cost());
  add("session-fee", cdr.total_fixed_cost());
  add("reservation", cdr.total_reservation_cost());
  // The parts are rounded each by itself, and a limit is none of them.
  Add(cdr.limit_applied().empty() ? "rounding" : "price-limit", cdr, "", -left, entry);
}

void Journal::PostCdr(const v1::Cdr& cdr) {
  v1::JournalEntry entry = Begin(cdr.credit() ? "credit" : "cdr", cdr);
  Add("receivable", cdr, "", cdr.total_cost().incl_vat_e4(), entry);
  AddIncome(cdr, entry);
  for (const v1::TaxLine& line : cdr.taxes()) Add("vat", cdr, Rate(line), -line.tax_e4(), entry);
  Put(std::move(entry));
  PostRoamingFee(cdr);
}

void Journal::PostRoamingFee(const v1::Cdr& cdr) {
  if (cdr.partner_party_id().empty()) return;
  const int64_t sign = cdr.credit() ? -1 : 1;
  auto share = core::MultiplyDivide(cdr.total_cost().excl_vat_e4(),
                                    policy_.roaming_fee_e4_percent(), 1'000'000);
  const int64_t fee = share.value_or(0) + sign * policy_.roaming_fee_e4();
  if (fee == 0) return;
  v1::JournalEntry entry = Begin("roaming-fee", cdr);
  Add("roaming-fee", cdr, "", fee, entry);
  Add("roaming-payable", cdr, "", -fee, entry);
  Put(std::move(entry));
}

void Journal::PostHeld(const std::string& session_id, const std::string& currency,
                       int64_t amount_e4) {
  if (amount_e4 == 0) return;
  v1::Cdr about;
  about.set_session_id(session_id);
  about.set_currency(currency);
  v1::JournalEntry entry = Begin(amount_e4 > 0 ? "hold" : "hold-ended", about);
  Add("held", about, "", amount_e4, entry);
  Add("held-contra", about, "", -amount_e4, entry);
  Put(std::move(entry));
}

void Journal::PostWaiver(const v1::Cdr& cdr) {
  if (cdr.total_cost().excl_vat_e4() == 0) return;
  v1::JournalEntry entry = Begin("waiver", cdr);
  entry.clear_cdr_id();
  Add("waiver", cdr, "", cdr.total_cost().excl_vat_e4(), entry);
  AddIncome(cdr, entry);
  Put(std::move(entry));
}

void Journal::EndWaiver(const std::string& session_id) {
  // By currency and account; the journal itself says what was posted.
  std::map<std::string, std::map<std::string, int64_t>> sums;
  state_.Scan(std::string(1, kJournalKind), [&](absl::string_view, absl::string_view bytes) {
    v1::JournalEntry entry;
    if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
        entry.session_id() != session_id ||
        (entry.kind() != "waiver" && entry.kind() != "waiver-ended")) {
      return true;
    }
    for (const v1::Posting& posting : entry.postings()) {
      sums[entry.currency()][posting.account()] += posting.amount_e4();
    }
    return true;
  });
  for (const auto& [currency, accounts] : sums) {
    v1::Cdr about;
    about.set_session_id(session_id);
    about.set_currency(currency);
    v1::JournalEntry entry = Begin("waiver-ended", about);
    for (const auto& [account, amount_e4] : accounts) {
      if (amount_e4 == 0) continue;
      v1::Posting& posting = *entry.add_postings();
      posting.set_account(account);
      posting.set_amount_e4(-amount_e4);
    }
    Put(std::move(entry));
  }
}

void Journal::Put(v1::JournalEntry entry) {
  if (entry.postings().empty()) return;
  int64_t sum = 0;
  for (const v1::Posting& posting : entry.postings()) sum += posting.amount_e4();
  CL_CHECK(sum == 0, "a transaction's postings add up to nothing");
  entry.set_at_us(event_.received_at_us);
  entry.mutable_cause()->set_generation(event_.generation.value());
  entry.mutable_cause()->set_sequence(event_.sequence.value());
  const std::string prefix = EntryKey(kJournalKind, event_.generation, event_.sequence);
  // Behind what the same entry has caused already.
  uint64_t number = 0;
  state_.Scan(prefix, [&](absl::string_view, absl::string_view) {
    ++number;
    return true;
  });
  std::string key = prefix;
  AppendOrdered(key, number, 2);
  entry.set_id(
      absl::StrCat(PublicId(event_.log_id, event_.generation, event_.sequence), "-", number + 1));
  for (const v1::Posting& posting : entry.postings()) {
    auto& balance = state_.FindOrCreate<v1::AccountBalance>(
        absl::StrCat(std::string(1, kBalanceKind), posting.account(), absl::string_view("\0", 1),
                     entry.currency()));
    balance.set_account(posting.account());
    balance.set_currency(entry.currency());
    if (posting.amount_e4() > 0) balance.set_debit_e4(balance.debit_e4() + posting.amount_e4());
    if (posting.amount_e4() < 0) balance.set_credit_e4(balance.credit_e4() - posting.amount_e4());
  }
  PutMessage(state_, key, entry);
}

}  // namespace chargeledger::projections
