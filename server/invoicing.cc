#include "server/invoicing.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/period.h"
#include "core/sha256.h"
#include "core/timestamp.h"
#include "log/merkle.h"
#include "projections/billing/billing.h"
#include "projections/billing/journal.h"
#include "projections/books.h"
#include "server/version.h"
#include "server/view.h"

namespace chargeledger::server {
namespace {

using projections::Books;

// What an invoice is due after, where neither contract nor policy says so.
constexpr uint32_t kPaymentDays = 30;

struct Month {
  int64_t start_us = 0;
  // The first microsecond behind it.
  int64_t end_us = 0;
};

// By the clock of a place.
absl::StatusOr<Month> ParseMonth(const std::string& period, const std::string& time_zone) {
  int year = 0, month = 0;
  if (!core::IsMonth(period) || !absl::SimpleAtoi(period.substr(0, 4), &year) ||
      !absl::SimpleAtoi(period.substr(5), &month)) {
    return absl::InvalidArgumentError(absl::StrCat("period is \"", absl::CHexEscape(period),
                                                   "\"; it must be a month such as 2026-11"));
  }
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!time_zone.empty() && !absl::LoadTimeZone(time_zone, &zone)) {
    return absl::InvalidArgumentError(absl::StrCat("time zone is \"", absl::CHexEscape(time_zone),
                                                   "\"; it must be one such as Europe/Amsterdam"));
  }
  const absl::CivilMonth first(year, month);
  return Month{absl::ToUnixMicros(absl::FromCivil(first, zone)),
               absl::ToUnixMicros(absl::FromCivil(first + 1, zone))};
}

bool IsBehind(const v1::EntryRef& ref, const v1::PeriodClosed& closed, const std::string& log_id) {
  for (const v1::PeriodClosed::Position& position : closed.positions()) {
    if (position.log_id() != log_id) continue;
    return std::make_pair(ref.generation(), ref.sequence()) >=
           std::make_pair(position.generation(), position.size());
  }
  return true;
}

// Whether a closing has the CDR, if no earlier one has.
bool Has(const v1::PeriodClosed& closed, const v1::Cdr& cdr, const std::string& log_id) {
  return cdr.stopped_at_us() < closed.end_us() && !IsBehind(cdr.cause(), closed, log_id);
}

std::string RateKey(const v1::TaxLine& line) {
  return line.has_vat_e4() ? absl::StrFormat("%010d", line.vat_e4()) : "";
}

void AddTaxes(const v1::Cdr& cdr, std::map<std::string, v1::TaxLine>& taxes) {
  for (const v1::TaxLine& line : cdr.taxes()) {
    v1::TaxLine& sum = taxes[RateKey(line)];
    if (line.has_vat_e4()) sum.set_vat_e4(line.vat_e4());
    sum.set_excl_vat_e4(sum.excl_vat_e4() + line.excl_vat_e4());
    sum.set_tax_e4(sum.tax_e4() + line.tax_e4());
  }
}

v1::Invoice::Line ToLine(const v1::Cdr& cdr) {
  v1::Invoice::Line line;
  line.set_cdr_id(cdr.id());
  line.set_credit(cdr.credit());
  line.set_credit_reference_id(cdr.credit_reference_id());
  line.set_started_at_us(cdr.started_at_us());
  line.set_site(cdr.site());
  line.set_charge_point_id(cdr.charge_point_id());
  line.set_energy_mwh(cdr.energy_mwh());
  *line.mutable_price() = cdr.total_cost();
  *line.mutable_taxes() = cdr.taxes();
  return line;
}

// Invoices lie under the root of all that were issued with them: a closing that failed after they
// were stored leaves some that nothing refers to, and none that another closing takes for its own.
std::string ArtefactKey(const std::string& root, uint64_t index) {
  std::string key = "i" + root;
  log::AppendBigEndian64(key, index);
  return key;
}

std::string RootOf(const std::vector<std::string>& artefacts) {
  log::Frontier tree;
  for (const std::string& bytes : artefacts) tree.Append(log::LeafHash(bytes));
  return std::string(tree.Root().bytes());
}

// Of closings before artefacts were stored.
std::string Hash(const std::vector<v1::Invoice>& invoices) {
  // A chain, so that a million invoices need no second copy.
  core::Hash hash = core::Sha256("");
  for (const v1::Invoice& invoice : invoices) {
    hash = core::Sha256(hash.bytes(), invoice.SerializeAsString());
  }
  return std::string(hash.bytes());
}

}  // namespace

class Invoicing::MasterData {
 public:
  explicit MasterData(const ControlFacts& facts) : policy_(facts.Policy()) {
    for (auto& [tag, contract] : facts.Contracts()) {
      const std::string party = contract.partner_party_id().empty()
                                    ? "contract:" + contract.contract_id()
                                    : absl::StrCat("partner:", contract.partner_country_code(), "-",
                                                   contract.partner_party_id());
      // The first tag's stands for the party.
      buyers_.emplace(party, contract);
      buyers_.emplace("contract:" + contract.contract_id(), contract);
    }
  }

  void AddTo(v1::Invoice& invoice) const {
    uint32_t days = policy_.payment_days() == 0 ? kPaymentDays : policy_.payment_days();
    if (const auto buyer = buyers_.find(invoice.party()); buyer != buyers_.end()) {
      *invoice.mutable_buyer() = buyer->second;
      if (buyer->second.payment_days() != 0) days = buyer->second.payment_days();
    }
    if (policy_.has_seller()) *invoice.mutable_seller() = policy_.seller();
    // The calendar's days: whatever the clock of the place, its month ends with them.
    invoice.set_period_start(core::FirstDayOf(invoice.period()).value_or(""));
    invoice.set_period_end(core::LastDayOf(invoice.period()).value_or(""));
    invoice.set_issue_date(core::DayAfter(invoice.period_end(), 1).value_or(""));
    if (!invoice.credit_note()) {
      invoice.set_due_date(core::DayAfter(invoice.issue_date(), days).value_or(""));
    }
  }

 private:
  const v1::BillingPolicySet policy_;
  std::map<std::string, v1::ContractRegistered> buyers_;
};

absl::StatusOr<std::vector<v1::Invoice>> Invoicing::Make(
    const v1::PeriodClosed& closed, const std::vector<v1::PeriodClosed>& before) const {
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
  std::map<std::pair<std::string, std::string>, v1::Invoice> invoices;
  std::map<std::pair<std::string, std::string>, std::map<std::string, v1::TaxLine>> taxes;
  for (const HeldLog* held : view.logs()) {
    const std::string log_id(held->log_id().bytes());
    CL_RETURN_IF_ERROR(view.ForEach<v1::Cdr>(
        *held, Books::kBilling, projections::kCdrKind, [&](const v1::Cdr& cdr) {
          if (!Has(closed, cdr, log_id)) return true;
          for (const v1::PeriodClosed& earlier : before) {
            if (Has(earlier, cdr, log_id)) return true;
          }
          const std::pair key(projections::PartyOf(cdr), cdr.currency());
          v1::Invoice& invoice = invoices[key];
          *invoice.add_lines() = ToLine(cdr);
          invoice.mutable_total()->set_excl_vat_e4(invoice.total().excl_vat_e4() +
                                                   cdr.total_cost().excl_vat_e4());
          invoice.mutable_total()->set_incl_vat_e4(invoice.total().incl_vat_e4() +
                                                   cdr.total_cost().incl_vat_e4());
          AddTaxes(cdr, taxes[key]);
          return true;
        }));
  }
  std::vector<v1::Invoice> made;
  uint64_t number = closed.first_number();
  for (auto& [key, invoice] : invoices) {
    invoice.set_number(absl::StrFormat("%s-%06d", closed.series(), number++));
    invoice.set_series(closed.series());
    invoice.set_period(closed.period());
    invoice.set_issued_at_us(closed.end_us());
    invoice.set_party(key.first);
    invoice.set_currency(key.second);
    for (auto& [rate, line] : taxes[key]) *invoice.add_taxes() = std::move(line);
    invoice.set_credit_note(invoice.total().incl_vat_e4() < 0);
    made.push_back(std::move(invoice));
  }
  return made;
}

absl::StatusOr<v1::ClosePeriodResponse> Invoicing::Close(const v1::ClosePeriodRequest& request) {
  CL_ASSIGN_OR_RETURN(const Month month, ParseMonth(request.period(), request.time_zone()));
  const std::string series =
      request.series().empty() ? request.period().substr(0, 4) : request.series();
  for (const char c : series) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_') continue;
    return absl::InvalidArgumentError(absl::StrCat("series is \"", absl::CHexEscape(series),
                                                   "\"; it must be letters, digits, - and _"));
  }
  absl::MutexLock lock(&closing_);
  v1::ControlFact fact;
  fact.set_by(request.by());
  fact.set_reason(request.reason());
  v1::PeriodClosed& closed = *fact.mutable_period_closed();
  closed.set_period(request.period());
  closed.set_end_us(month.end_us);
  closed.set_time_zone(request.time_zone());
  closed.set_series(series);
  closed.set_first_number(1);
  CL_RETURN_IF_ERROR(facts_.MayClose(closed));
  const int64_t now_us = clock_.WallMicros();
  if (now_us < month.start_us) {
    return absl::FailedPreconditionError(absl::StrCat(
        "period ", request.period(), " has not begun: it begins at ",
        core::FormatTimestamp(month.start_us), ", and now it is ", core::FormatTimestamp(now_us)));
  }
  if (now_us < month.end_us && !request.before_end()) {
    return absl::FailedPreconditionError(
        absl::StrCat("period ", request.period(), " is not over: it ends at ",
                     core::FormatTimestamp(month.end_us), "; before_end closes it all the same"));
  }
  const std::vector<v1::PeriodClosed> before = facts_.Periods();
  for (const v1::PeriodClosed& earlier : before) {
    // Those that were reopened have used up their numbers, too.
    if (earlier.series() == series) {
      closed.set_first_number(earlier.first_number() + earlier.count());
    }
  }
  {
    CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
    for (const HeldLog* held : view.logs()) {
      CL_ASSIGN_OR_RETURN(v1::LogPosition at, view.PositionOf(*held));
      v1::PeriodClosed::Position& position = *closed.add_positions();
      position.set_log_id(std::string(held->log_id().bytes()));
      position.set_generation(at.generation());
      position.set_size(at.size());
      // What is held is of no closing before it is accepted. Looked at behind the view: what is
      // folded was checked before.
      const auto from = facts_.HeldFrom(held->log_id());
      if (from.has_value() && std::make_pair(from->generation(), from->sequence()) <
                                  std::make_pair(at.generation(), at.size())) {
        position.set_generation(from->generation());
        position.set_size(from->sequence());
      }
    }
  }
  CL_ASSIGN_OR_RETURN(std::vector<v1::Invoice> invoices, Make(closed, before));
  const MasterData master_data(facts_);
  std::vector<std::string> artefacts;
  for (v1::Invoice& invoice : invoices) {
    master_data.AddTo(invoice);
    artefacts.push_back(invoice.SerializeAsString());
    invoice.Clear();
  }
  closed.set_count(artefacts.size());
  closed.set_artefacts_root(RootOf(artefacts));
  const auto made_with = [&](const std::string& name, const std::string& version) {
    v1::PeriodClosed::MadeWith& part = *closed.add_made_with();
    part.set_name(name);
    part.set_version(version);
  };
  for (const projections::Fold::Part& part : Books().parts()) {
    made_with(part.name, absl::StrCat(part.version));
  }
  made_with("ledgerd", kVersion);
  log::WriteBatch batch;
  for (size_t i = 0; i < artefacts.size(); ++i) {
    batch.Put(ArtefactKey(closed.artefacts_root(), i), artefacts[i]);
  }
  if (!artefacts.empty()) {
    CL_RETURN_IF_ERROR(artefacts_.Commit(batch, log::Durability::kSynced));
  }
  CL_RETURN_IF_ERROR(facts_.Record(fact));
  v1::ClosePeriodResponse response;
  *response.mutable_closed() = closed;
  return response;
}

absl::StatusOr<std::vector<std::string>> Invoicing::Stored(const v1::PeriodClosed& closed) const {
  std::vector<std::string> artefacts;
  const std::string end = ArtefactKey(closed.artefacts_root(), closed.count());
  CL_RETURN_IF_ERROR(artefacts_.Scan(ArtefactKey(closed.artefacts_root(), 0), end,
                                     [&](absl::string_view, absl::string_view bytes) {
                                       artefacts.emplace_back(bytes);
                                       return true;
                                     }));
  if (artefacts.size() == closed.count() && RootOf(artefacts) == closed.artefacts_root()) {
    return artefacts;
  }
  return absl::DataLossError(absl::StrCat("the stored invoices of ", closed.period(),
                                          " are not those that were issued: the store "
                                          "`artefacts` has ",
                                          artefacts.size(), " of ", closed.count(),
                                          ", or they were changed. Restore it from a backup"));
}

absl::Status Invoicing::ListClosing(
    const std::vector<v1::PeriodClosed>& periods, size_t index,
    const v1::ListInvoicesRequest& request,
    const std::function<bool(const v1::ListInvoicesResponse&)>& each, bool& found,
    bool& stopped) const {
  const v1::PeriodClosed& closed = periods[index];
  const bool stored = !closed.artefacts_root().empty();
  const MasterData master_data(facts_);
  std::vector<v1::Invoice> today;
  if (!stored || request.with_today()) {
    CL_ASSIGN_OR_RETURN(
        today, Make(closed, {periods.begin(), periods.begin() + static_cast<long>(index)}));
    if (!stored && Hash(today) != closed.invoices_sha256()) {
      return absl::DataLossError(absl::StrCat("the invoices of ", closed.period(),
                                              " are not those that were made: a log "
                                              "is not what it was, or is not folded yet"));
    }
    for (v1::Invoice& invoice : today) master_data.AddTo(invoice);
  }
  std::vector<std::string> artefacts;
  if (stored) {
    CL_ASSIGN_OR_RETURN(artefacts, Stored(closed));
  }
  for (size_t i = 0; i < closed.count(); ++i) {
    v1::ListInvoicesResponse response;
    if (!stored) {
      if (i < today.size()) *response.mutable_invoice() = today[i];
    } else if (response.mutable_invoice()->ParseFromString(artefacts[i])) {
      response.set_artefact(std::move(artefacts[i]));
    } else {
      return absl::DataLossError("a stored invoice cannot be read");
    }
    const v1::Invoice& issued = response.invoice();
    if (!request.number().empty() && request.number() != issued.number()) continue;
    found = true;
    for (const v1::Invoice& made : today) {
      // Numbers may have moved since.
      if (request.with_today() && made.party() == issued.party() &&
          made.currency() == issued.currency()) {
        *response.mutable_today() = made;
        response.mutable_today()->set_number(issued.number());
      }
    }
    stopped = !each(response);
    if (stopped) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Invoicing::List(
    const v1::ListInvoicesRequest& request,
    const std::function<bool(const v1::ListInvoicesResponse&)>& each) const {
  const std::vector<v1::PeriodClosed> periods = facts_.Periods();
  bool found = false, stopped = false;
  for (size_t i = 0; i < periods.size() && !stopped; ++i) {
    const v1::PeriodClosed& closed = periods[i];
    if (!request.period().empty() && request.period() != closed.period()) continue;
    if (!request.series().empty() && request.series() != closed.series()) continue;
    if (!request.number().empty() && !absl::StartsWith(request.number(), closed.series() + "-")) {
      continue;
    }
    CL_RETURN_IF_ERROR(ListClosing(periods, i, request, each, found, stopped));
  }
  if (!found && !request.number().empty()) {
    return absl::NotFoundError(
        absl::StrCat("there is no invoice ", absl::CHexEscape(request.number())));
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::server
