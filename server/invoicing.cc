#include "server/invoicing.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/sha256.h"
#include "core/timestamp.h"
#include "projections/billing/billing.h"
#include "projections/billing/journal.h"
#include "projections/books.h"
#include "server/view.h"

namespace chargeledger::server {
namespace {

using projections::Books;

// "2026-11": the first instant behind it, by the clock of a place.
absl::StatusOr<int64_t> EndOf(const std::string& period, const std::string& time_zone) {
  int year = 0, month = 0;
  if (period.size() != 7 || period[4] != '-' || !absl::SimpleAtoi(period.substr(0, 4), &year) ||
      !absl::SimpleAtoi(period.substr(5), &month) || month < 1 || month > 12 || year < 2000) {
    return absl::InvalidArgumentError(absl::StrCat("period is \"", absl::CHexEscape(period),
                                                   "\"; it must be a month such as 2026-11"));
  }
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!time_zone.empty() && !absl::LoadTimeZone(time_zone, &zone)) {
    return absl::InvalidArgumentError(absl::StrCat("time zone is \"", absl::CHexEscape(time_zone),
                                                   "\"; it must be one such as Europe/Amsterdam"));
  }
  return absl::ToUnixMicros(absl::FromCivil(absl::CivilMonth(year, month) + 1, zone));
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

std::string Hash(const std::vector<v1::Invoice>& invoices) {
  // A chain, so that a million invoices need no second copy.
  core::Hash hash = core::Sha256("");
  for (const v1::Invoice& invoice : invoices) {
    hash = core::Sha256(hash.bytes(), invoice.SerializeAsString());
  }
  return std::string(hash.bytes());
}

}  // namespace

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
  CL_ASSIGN_OR_RETURN(const int64_t end_us, EndOf(request.period(), request.time_zone()));
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
  closed.set_end_us(end_us);
  closed.set_series(series);
  closed.set_first_number(1);
  const std::vector<v1::PeriodClosed> before = facts_.Periods();
  for (const v1::PeriodClosed& earlier : before) {
    if (earlier.end_us() >= end_us) {
      return absl::FailedPreconditionError(absl::StrCat(
          "period ", earlier.period(), " is closed: what comes late goes to the next"));
    }
    if (earlier.series() == series)
      closed.set_first_number(earlier.first_number() + earlier.count());
  }
  if (clock_.WallMicros() < end_us && !request.before_end()) {
    return absl::FailedPreconditionError(
        absl::StrCat("period ", request.period(), " is not over: it ends at ",
                     core::FormatTimestamp(end_us), "; before_end closes it all the same"));
  }
  {
    CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
    for (const HeldLog* held : view.logs()) {
      CL_ASSIGN_OR_RETURN(v1::LogPosition at, view.PositionOf(*held));
      v1::PeriodClosed::Position& position = *closed.add_positions();
      position.set_log_id(std::string(held->log_id().bytes()));
      position.set_generation(at.generation());
      position.set_size(at.size());
    }
  }
  CL_ASSIGN_OR_RETURN(const std::vector<v1::Invoice> invoices, Make(closed, before));
  closed.set_count(invoices.size());
  closed.set_invoices_sha256(Hash(invoices));
  CL_RETURN_IF_ERROR(facts_.Record(fact));
  v1::ClosePeriodResponse response;
  *response.mutable_closed() = closed;
  return response;
}

absl::Status Invoicing::List(
    const v1::ListInvoicesRequest& request,
    const std::function<bool(const v1::ListInvoicesResponse&)>& each) const {
  const std::vector<v1::PeriodClosed> periods = facts_.Periods();
  const auto contracts = facts_.Contracts();
  const auto policy = facts_.Policy();
  bool found = false;
  for (size_t i = 0; i < periods.size(); ++i) {
    const v1::PeriodClosed& closed = periods[i];
    if (!request.period().empty() && request.period() != closed.period()) continue;
    if (!request.series().empty() && request.series() != closed.series()) continue;
    CL_ASSIGN_OR_RETURN(std::vector<v1::Invoice> invoices,
                        Make(closed, {periods.begin(), periods.begin() + static_cast<long>(i)}));
    if (Hash(invoices) != closed.invoices_sha256()) {
      return absl::DataLossError(absl::StrCat("the invoices of ", closed.period(),
                                              " are not those that were made: a log "
                                              "is not what it was, or is not folded yet"));
    }
    for (v1::Invoice& invoice : invoices) {
      if (!request.number().empty() && request.number() != invoice.number()) continue;
      found = true;
      for (const auto& [tag, contract] : contracts) {
        const bool partner =
            !contract.partner_party_id().empty() &&
            invoice.party() == absl::StrCat("partner:", contract.partner_country_code(), "-",
                                            contract.partner_party_id());
        if (partner || invoice.party() == "contract:" + contract.contract_id()) {
          *invoice.mutable_buyer() = contract;
          break;
        }
      }
      if (policy.has_seller()) *invoice.mutable_seller() = policy.seller();
      v1::ListInvoicesResponse response;
      *response.mutable_invoice() = std::move(invoice);
      if (!each(response)) return absl::OkStatus();
    }
  }
  if (!found && !request.number().empty()) {
    return absl::NotFoundError(
        absl::StrCat("there is no invoice ", absl::CHexEscape(request.number())));
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::server
