#include "server/billing_queries.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "core/process/time_zone.h"
#include "ocpi/tariff.h"
#include "projections/billing/billing.h"
#include "projections/billing/journal.h"
#include "projections/billing/priced_cdr.h"
#include "projections/books.h"
#include "server/entry_lookup.h"
#include "server/view.h"

namespace chargeledger::server {
namespace {

using projections::Books;

// Local time is recorded for so long: enough for everything that may still be billed.
constexpr int64_t kOffsetsFromUs = int64_t{1'577'836'800} * 1'000'000;  // 2020
constexpr int64_t kOffsetsToUs = int64_t{2'524'608'000} * 1'000'000;    // 2050

// Begins the tokens of pages behind the last hold that the logs' states have.
constexpr char kBehindHolds[] = "facts:";

bool Matches(const std::string& wanted, const std::string& value) {
  return wanted.empty() || wanted == value;
}

struct CdrId {
  EntryId session;
  // Behind the session in the CDR's key.
  std::string number;
};

// <session>-c<n>, of a credit with -C behind.
absl::StatusOr<CdrId> ParseCdrId(const std::string& id) {
  absl::string_view rest = id;
  const bool credit = absl::ConsumeSuffix(&rest, "-C");
  const size_t at = rest.rfind("-c");
  uint32_t number = 0;
  if (at != rest.npos && absl::SimpleAtoi(rest.substr(at + 2), &number) && number > 0 &&
      number <= 127) {
    auto session = ParseEntryId("CDR id", rest.substr(0, at));
    if (session.ok()) {
      return CdrId{*session, std::string(1, static_cast<char>(2 * number - (credit ? 0 : 1)))};
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("CDR id is \"", absl::CHexEscape(id), "\"; it looks like 0123456789ab-1-42-c1"));
}

// What a price was made of, in the order of the CDR's periods.
struct Named {
  const char* name;
  v1::TariffDimension dimension;
  bool reservation;
};

void AddReadings(const v1::SessionStory& story, const v1::PricedPeriod& period,
                 v1::ExplainedVolume& volume) {
  const v1::SessionStory::Point* before = nullptr;
  bool behind = false;
  const auto add = [&](const v1::SessionStory::Point& point) {
    v1::MeterReading& reading = *volume.add_readings();
    reading.set_told_us(point.told_us());
    reading.set_register_mwh(point.register_mwh());
    reading.mutable_entry()->set_generation(point.generation());
    reading.mutable_entry()->set_sequence(point.sequence());
  };
  for (const v1::SessionStory::Point& point : story.points()) {
    if (!point.has_register_mwh() || behind) continue;
    if (point.told_us() < period.start_us()) {
      before = &point;
      continue;
    }
    if (before != nullptr) add(*std::exchange(before, nullptr));
    add(point);
    behind = point.told_us() >= period.end_us();
  }
  if (before != nullptr) add(*before);
}

v1::ExplainedAmount Explain(const Named& named, const v1::Price& price, const v1::Cdr& cdr,
                            const v1::Tariff& tariff, const v1::SessionStory& story) {
  v1::ExplainedAmount amount;
  amount.set_name(named.name);
  *amount.mutable_price() = price;
  for (const v1::PricedPeriod& period : cdr.periods()) {
    for (const v1::PricedVolume& priced : period.volumes()) {
      const bool reservation = priced.reservation();
      if (reservation != named.reservation ||
          (!reservation && priced.dimension() != named.dimension)) {
        continue;
      }
      v1::ExplainedVolume& volume = *amount.add_volumes();
      volume.set_start_us(period.start_us());
      volume.set_end_us(period.end_us());
      *volume.mutable_volume() = priced;
      if (priced.element() >= 0 && priced.element() < tariff.elements_size()) {
        *volume.mutable_element() = tariff.elements(priced.element());
      }
      if (priced.dimension() == v1::TARIFF_DIMENSION_ENERGY) AddReadings(story, period, volume);
    }
  }
  return amount;
}

// The points at which the session's register was told, its start and stop included.
absl::StatusOr<v1::SessionStory> Readings(const View& view, const EntryId& id,
                                          const v1::Session& session) {
  CL_ASSIGN_OR_RETURN(v1::SessionStory story, TellStory(view, id, session));
  const auto add = [&](int64_t us, uint64_t sequence, int64_t register_mwh) {
    v1::SessionStory::Point& point = *story.add_points();
    point.set_told_us(us);
    point.set_generation(session.generation());
    point.set_sequence(sequence);
    point.set_register_mwh(register_mwh);
  };
  if (session.sources().has_meter_start()) {
    add(session.started_at_us(), session.sources().meter_start(), session.meter_start_mwh());
  }
  if (session.sources().has_meter_last()) {
    add(session.stopped_at_us(), session.sources().meter_last(), session.meter_last_mwh());
  }
  std::stable_sort(story.mutable_points()->begin(), story.mutable_points()->end(),
                   [](const auto& a, const auto& b) { return a.told_us() < b.told_us(); });
  return story;
}

// What of a CDR falls into which hour.
void AddHours(const v1::Cdr& cdr, bool what_if,
              std::map<int64_t, v1::WhatIfResponse::Hour>& hours) {
  constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
  for (const v1::PricedPeriod& period : cdr.periods()) {
    const int64_t start = period.start_us() - period.start_us() % kHourUs;
    v1::WhatIfResponse::Hour& hour = hours[start];
    hour.set_start_us(start);
    for (const v1::PricedVolume& volume : period.volumes()) {
      what_if ? hour.set_what_if_e9(hour.what_if_e9() + volume.cost_e9())
              : hour.set_billed_e9(hour.billed_e9() + volume.cost_e9());
    }
  }
}

}  // namespace

absl::StatusOr<v1::ListCdrsResponse> BillingQueries::ListCdrs(
    const v1::ListCdrsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListCdrsResponse response;
  CL_ASSIGN_OR_RETURN(
      *response.mutable_next_page_token(),
      view.Page<v1::Cdr>(
          Books::kBilling, projections::kCdrKind, request.page_token(), request.page_size(),
          [&](const v1::Cdr& cdr) {
            return Matches(request.charge_point_id(), cdr.charge_point_id()) &&
                   Matches(request.session_id(), cdr.session_id());
          },
          [&]() -> v1::Cdr& { return *response.add_cdrs(); }));
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::GetCdrResponse> BillingQueries::GetCdr(const v1::GetCdrRequest& request) const {
  CL_ASSIGN_OR_RETURN(CdrId id, ParseCdrId(request.id()));
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, "", history_, request.as_of()));
  v1::GetCdrResponse response;
  CL_RETURN_IF_ERROR(FindAt(view, id.session, Books::kBilling, projections::kCdrKind,
                            absl::StrCat("CDR ", request.id()), *response.mutable_cdr(),
                            id.number));
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  for (const HeldLog* held : view.logs()) {
    if (!request.with_ocpi() || !absl::StartsWith(held->log_id().ToHex(), id.session.log_prefix)) {
      continue;
    }
    const auto json = objects_.ToJson(response.cdr(), view.states(), held->log_id());
    if (!json.has_value()) return absl::DataLossError("the tariff of the CDR cannot be read");
    response.set_ocpi(json->ToText());
  }
  return response;
}

absl::StatusOr<v1::ExplainCdrResponse> BillingQueries::ExplainCdr(
    const v1::ExplainCdrRequest& request) const {
  CL_ASSIGN_OR_RETURN(CdrId id, ParseCdrId(request.id()));
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, "", history_, request.as_of()));
  v1::ExplainCdrResponse response;
  v1::Cdr& cdr = *response.mutable_cdr();
  CL_RETURN_IF_ERROR(FindAt(view, id.session, Books::kBilling, projections::kCdrKind,
                            absl::StrCat("CDR ", request.id()), cdr, id.number));
  CL_RETURN_IF_ERROR(FindAt(view, id.session, Books::kSessions, projections::kSessionKind,
                            absl::StrCat("session ", cdr.session_id()),
                            *response.mutable_session()));
  for (const HeldLog* held : view.logs()) {
    if (!absl::StartsWith(held->log_id().ToHex(), id.session.log_prefix)) continue;
    response.set_log_id(held->log_id().ToHex());
    CL_ASSIGN_OR_RETURN(
        std::optional<std::string> stored,
        view.states().Get(projections::StatePrefix(held->log_id(), Books::kBilling) +
                          projections::TariffStateKey(cdr.tariff(), cdr.tariff_version())));
    if (!stored.has_value() || !response.mutable_tariff()->ParseFromString(*stored)) {
      return absl::DataLossError("the tariff of the CDR cannot be read");
    }
    CL_RETURN_IF_ERROR(view.ForEach<v1::JournalEntry>(
        *held, Books::kBilling, projections::kJournalKind, [&](const v1::JournalEntry& entry) {
          if (entry.cdr_id() == cdr.id()) *response.add_journal() = entry;
          return true;
        }));
    break;
  }
  CL_ASSIGN_OR_RETURN(const v1::SessionStory story, Readings(view, id.session, response.session()));
  const v1::Tariff& tariff = response.tariff().tariff();
  const std::pair<Named, const v1::Price*> amounts[] = {
      {{"total_fixed_cost", v1::TARIFF_DIMENSION_FLAT, false}, &cdr.total_fixed_cost()},
      {{"total_energy_cost", v1::TARIFF_DIMENSION_ENERGY, false}, &cdr.total_energy_cost()},
      {{"total_time_cost", v1::TARIFF_DIMENSION_TIME, false}, &cdr.total_time_cost()},
      {{"total_parking_cost", v1::TARIFF_DIMENSION_PARKING_TIME, false}, &cdr.total_parking_cost()},
      {{"total_reservation_cost", v1::TARIFF_DIMENSION_TIME, true}, &cdr.total_reservation_cost()}};
  for (const auto& [named, price] : amounts) {
    v1::ExplainedAmount amount = Explain(named, *price, cdr, tariff, story);
    if (!amount.volumes().empty()) *response.add_amounts() = std::move(amount);
  }
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

bool BillingQueries::HasHeldFacts(const View& view) const {
  for (const HeldLog* held : view.logs()) {
    if (facts_.HeldFrom(held->log_id()).has_value()) return true;
  }
  return false;
}

bool BillingQueries::IsHeld(const View& view, const v1::Cdr& cdr) const {
  for (const HeldLog* held : view.logs()) {
    if (absl::StartsWith(cdr.session_id(), held->log_id().ToHex().substr(0, 12))) {
      return facts_.Holds(held->log_id(), cdr.cause());
    }
  }
  return false;
}

absl::StatusOr<v1::ListHoldsResponse> BillingQueries::ListHolds(
    const v1::ListHoldsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListHoldsResponse response;
  absl::string_view token = request.page_token();
  std::string next;
  if (!absl::ConsumePrefix(&token, kBehindHolds)) {
    CL_ASSIGN_OR_RETURN(next, view.Page<v1::Hold>(
                                  Books::kBilling, projections::kHoldKind, std::string(token),
                                  request.page_size(), [](const v1::Hold&) { return true; },
                                  [&]() -> v1::Hold& { return *response.add_holds(); }));
    // Behind what is held by what the logs say, in pages of its own: what is held here.
    if (next.empty() && HasHeldFacts(view)) next = kBehindHolds;
  } else {
    std::deque<v1::Cdr> cdrs;
    CL_ASSIGN_OR_RETURN(
        next, view.Page<v1::Cdr>(
                  Books::kBilling, projections::kCdrKind, std::string(token), request.page_size(),
                  [&](const v1::Cdr& cdr) { return IsHeld(view, cdr); },
                  [&]() -> v1::Cdr& { return cdrs.emplace_back(); }));
    if (!next.empty()) next.insert(0, kBehindHolds);
    for (const v1::Cdr& cdr : cdrs) {
      v1::Hold& hold = *response.add_holds();
      hold.set_session_id(cdr.session_id());
      hold.set_site(cdr.site());
      hold.set_charge_point_id(cdr.charge_point_id());
      hold.set_started_at_us(cdr.started_at_us());
      hold.set_stopped_at_us(cdr.stopped_at_us());
      hold.set_energy_mwh(cdr.energy_mwh());
      hold.add_reasons(v1::HOLD_REASON_KNOWN_FACT);
      hold.set_currency(cdr.currency());
      *hold.mutable_estimate() = cdr.total_cost();
      hold.set_cdr_id(cdr.id());
    }
  }
  response.set_next_page_token(next);
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::ListJournalResponse> BillingQueries::ListJournal(
    const v1::ListJournalRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListJournalResponse response;
  CL_ASSIGN_OR_RETURN(
      *response.mutable_next_page_token(),
      view.Page<v1::JournalEntry>(
          Books::kBilling, projections::kJournalKind, request.page_token(), request.page_size(),
          [&](const v1::JournalEntry& entry) {
            return Matches(request.session_id(), entry.session_id()) &&
                   std::any_of(entry.postings().begin(), entry.postings().end(),
                               [&](const v1::Posting& posting) {
                                 return absl::StartsWith(posting.account(), request.account());
                               });
          },
          [&]() -> v1::JournalEntry& { return *response.add_entries(); }));
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::GetTrialBalanceResponse> BillingQueries::GetTrialBalance(
    const v1::GetTrialBalanceRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  std::map<std::pair<std::string, std::string>, v1::AccountBalance> balances;
  for (const HeldLog* held : view.logs()) {
    CL_RETURN_IF_ERROR(view.ForEach<v1::AccountBalance>(
        *held, Books::kBilling, projections::kBalanceKind, [&](const v1::AccountBalance& one) {
          v1::AccountBalance& sum = balances[{one.currency(), one.account()}];
          sum.set_account(one.account());
          sum.set_currency(one.currency());
          sum.set_debit_e4(sum.debit_e4() + one.debit_e4());
          sum.set_credit_e4(sum.credit_e4() + one.credit_e4());
          return true;
        }));
  }
  v1::GetTrialBalanceResponse response;
  for (auto& [key, balance] : balances) *response.add_balances() = std::move(balance);
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::Status BillingQueries::WhatIf(
    const v1::WhatIfRequest& request,
    const std::function<bool(const v1::WhatIfResponse&)>& each) const {
  ocpi::Findings findings;
  ocpi::CheckTariff(request.tariff(), "$", findings);
  CL_RETURN_IF_ERROR(findings.status());
  CL_ASSIGN_OR_RETURN(const projections::Pricer pricer,
                      projections::Pricer::Create(request.tariff()));
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, request.site()));
  const auto sites = facts_.Sites();
  for (const HeldLog* held : view.logs()) {
    core::LocalTime local;
    if (const auto site = sites.find(held->site()); site != sites.end()) {
      std::vector<core::LocalTime::Change> changes;
      for (const auto& offset : site->second.offsets()) {
        changes.push_back({offset.from_s(), offset.offset_s()});
      }
      local = core::LocalTime(std::move(changes));
    }
    const std::string prefix = projections::StatePrefix(held->log_id(), Books::kBilling);
    CL_RETURN_IF_ERROR(view.ForEach<v1::StoredBilling>(
        *held, Books::kBilling, projections::kBillingKind, [&](const v1::StoredBilling& stored) {
          const v1::Session& session = stored.session();
          const v1::PricingInput input = projections::Adjusted(stored.input(), stored.review());
          if (stored.state() == v1::BILLING_STATE_UNSPECIFIED ||
              (request.from_us() != 0 && input.started_at_us() < request.from_us()) ||
              (request.to_us() != 0 && input.started_at_us() >= request.to_us())) {
            return true;
          }
          v1::WhatIfResponse line;
          line.set_session_id(session.id());
          line.set_site(session.site());
          line.set_charge_point_id(session.charge_point_id());
          line.set_started_at_us(input.started_at_us());
          line.set_energy_mwh(input.energy_mwh());
          std::map<int64_t, v1::WhatIfResponse::Hour> hours;
          const auto id = ParseEntryId("session id", session.id());
          if (id.ok() && stored.cdrs() > 0 && !stored.credited()) {
            auto bytes = view.states().Get(
                prefix +
                projections::EntryKey(projections::kCdrKind, id->generation, id->sequence) +
                std::string(1, static_cast<char>(2 * stored.cdrs() - 1)));
            v1::Cdr cdr;
            if (bytes.ok() && bytes->has_value() && cdr.ParseFromString(**bytes)) {
              *line.mutable_billed() = cdr.total_cost();
              line.set_billed_currency(cdr.currency());
              AddHours(cdr, false, hours);
            }
          }
          auto priced = projections::PriceSession(session, input, pricer, 0, local);
          if (priced.ok()) {
            *line.mutable_what_if() = priced->total_cost();
            line.set_what_if_currency(priced->currency());
            AddHours(*priced, true, hours);
          }
          for (auto& [start, hour] : hours) *line.add_hours() = std::move(hour);
          return each(line);
        }));
  }
  return absl::OkStatus();
}

v1::ListTariffsResponse BillingQueries::ListTariffs(const v1::ListTariffsRequest& request) const {
  v1::ListTariffsResponse response;
  for (v1::TariffVersion& version : facts_.Tariffs(request.all_versions())) {
    *response.add_tariffs() = std::move(version);
  }
  for (v1::TariffAssigned& assigned : facts_.Assignments()) {
    *response.add_assignments() = std::move(assigned);
  }
  return response;
}

absl::StatusOr<v1::PublishTariffResponse> BillingQueries::PublishTariff(
    const v1::PublishTariffRequest& request) {
  ocpi::Findings findings;
  ocpi::CheckTariff(request.tariff(), "$", findings);
  CL_RETURN_IF_ERROR(findings.status());
  // A client need not have read it from JSON.
  CL_RETURN_IF_ERROR(projections::Pricer::Create(request.tariff()).status());
  v1::PublishTariffResponse response;
  CL_ASSIGN_OR_RETURN(*response.mutable_version(),
                      facts_.Publish(request.tariff(), request.by(), request.reason()));
  for (std::string& warning : findings.warnings()) response.add_warnings(std::move(warning));
  return response;
}

absl::Status BillingQueries::CheckReview(const v1::SessionReviewed& review) const {
  CL_ASSIGN_OR_RETURN(EntryId id, ParseEntryId("session id", review.session_id()));
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
  v1::Session session;
  CL_RETURN_IF_ERROR(FindAt(view, id, Books::kSessions, projections::kSessionKind,
                            absl::StrCat("session ", review.session_id()), session));
  if (session.state() != v1::SESSION_STATE_CLOSED) {
    return absl::FailedPreconditionError(absl::StrCat("session ", session.id(), " has not ended"));
  }
  constexpr int64_t kYear2200Us = int64_t{7'258'118'400} * 1'000'000;
  constexpr int64_t kMostMwh = int64_t{1'000'000} * 1'000'000;
  if (review.energy_mwh() < 0 || review.energy_mwh() > kMostMwh) {
    return absl::InvalidArgumentError("energy must be from 0 to 1000000 kWh");
  }
  for (const int64_t us : {review.started_at_us(), review.stopped_at_us()}) {
    if (us < 0 || us >= kYear2200Us) {
      return absl::InvalidArgumentError("start and stop must be from 1970 to 2199");
    }
  }
  const int64_t start =
      review.has_started_at_us() ? review.started_at_us() : session.started_at_us();
  const int64_t stop =
      review.has_stopped_at_us() ? review.stopped_at_us() : session.stopped_at_us();
  if (review.decision() == v1::REVIEW_DECISION_ADJUST && stop < start) {
    return absl::InvalidArgumentError("the session would stop before it starts");
  }
  return absl::OkStatus();
}

absl::Status BillingQueries::Complete(v1::KnownFactsAccepted& accepted) const {
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
  for (const HeldLog* held : view.logs()) {
    if (held->log_id().bytes() != absl::string_view(accepted.log_id())) continue;
    CL_ASSIGN_OR_RETURN(const v1::LogPosition at, view.PositionOf(*held));
    accepted.set_generation(at.generation());
    accepted.set_size(at.size());
    return absl::OkStatus();
  }
  return absl::NotFoundError(
      absl::StrCat("log ", absl::BytesToHexString(accepted.log_id()), " is not held here"));
}

absl::StatusOr<v1::RecordFactResponse> BillingQueries::RecordFact(v1::RecordFactRequest request) {
  v1::ControlFact& fact = *request.mutable_fact();
  if (fact.has_tariff_published() || fact.has_period_closed()) {
    return absl::InvalidArgumentError(
        "a tariff is published, and a period closed, by their own calls");
  }
  if (fact.has_known_facts_accepted()) {
    CL_RETURN_IF_ERROR(Complete(*fact.mutable_known_facts_accepted()));
  }
  if (fact.has_session_reviewed()) CL_RETURN_IF_ERROR(CheckReview(fact.session_reviewed()));
  if (fact.has_site_described() && !fact.site_described().time_zone().empty()) {
    v1::SiteDescribed& site = *fact.mutable_site_described();
    CL_ASSIGN_OR_RETURN(const core::LocalTime local,
                        core::LoadLocalTime(site.time_zone(), kOffsetsFromUs, kOffsetsToUs));
    site.clear_offsets();
    for (const core::LocalTime::Change& change : local.changes()) {
      v1::SiteDescribed::Offset& offset = *site.add_offsets();
      offset.set_from_s(change.from_s);
      offset.set_offset_s(change.offset_s);
    }
  }
  CL_RETURN_IF_ERROR(facts_.Record(fact));
  return v1::RecordFactResponse();
}

}  // namespace chargeledger::server
