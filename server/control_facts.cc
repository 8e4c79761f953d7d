#include "server/control_facts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/orphans.h"
#include "core/period.h"
#include "core/sha256.h"
#include "log/replication/finding.h"

namespace chargeledger::server {
namespace {

std::string KeyOf(const std::string& country, const std::string& party, const std::string& id) {
  return absl::StrCat(country, "/", party, "/", id);
}

std::string KeyOf(const v1::TariffKey& key) {
  return KeyOf(key.country_code(), key.party_id(), key.id());
}

std::string KeyOf(const v1::Tariff& tariff) {
  return KeyOf(tariff.country_code(), tariff.party_id(), tariff.id());
}

absl::Status Missing(const std::string& name) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is missing"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlFacts>> ControlFacts::Open(log::Recorder& control) {
  std::unique_ptr<ControlFacts> facts(new ControlFacts(control));
  for (const auto& [generation, past] : control.past()) {
    if (past != nullptr) facts->Read(*past);
  }
  facts->Read(control.log());
  return facts;
}

// What cannot be read is passed over: the other generations, and the sites, may have it.
void ControlFacts::Read(const log::EventLog& log) {
  absl::MutexLock lock(&mutex_);
  core::OrphanReader orphans;
  const absl::Status status =
      log.Read(core::Sequence(0), ~uint64_t{0}, [&](core::Sequence, absl::string_view bytes) {
        std::string digest(core::Sha256(bytes).bytes());
        v1::Entry entry;
        if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
        if (entry.has_orphaned_entry() && entry.orphaned_entry().log_id().empty()) {
          auto orphan = orphans.Add(entry.orphaned_entry());
          if (!orphan.has_value()) return true;
          v1::Entry carried;
          if (!carried.ParseFromArray(orphan->bytes.data(),
                                      static_cast<int>(orphan->bytes.size()))) {
            return true;
          }
          digest = std::string(core::Sha256(orphan->bytes).bytes());
          entry = std::move(carried);
        }
        if (entry.has_divergence_found() &&
            entry.divergence_found().kind() == v1::DIVERGENCE_KIND_KNOWN_FACT) {
          const v1::DivergenceFound& found = entry.divergence_found();
          const Place place(found.generation(), found.first_difference());
          const auto accepted = accepted_.find(found.log_id());
          if (accepted == accepted_.end() || place >= accepted->second) {
            differing_[found.log_id()].emplace(place, found.id());
          }
        }
        // An entry that was carried may still stand where it was, too.
        if (entry.has_control_fact() && digests_.insert(std::move(digest)).second) {
          Know(entry.control_fact(), entry);
        }
        return true;
      });
  status.IgnoreError();
}

void ControlFacts::Know(const v1::ControlFact& fact, const v1::Entry& entry) {
  switch (fact.fact_case()) {
    case v1::ControlFact::kTariffPublished: {
      const v1::TariffPublished& published = fact.tariff_published();
      auto& versions = tariffs_[KeyOf(published.tariff())];
      if (published.version() != versions.size() + 1) return;
      v1::TariffVersion& version = versions.emplace_back();
      *version.mutable_tariff() = published.tariff();
      version.set_version(published.version());
      version.set_known_at_us(entry.wall_time_us());
      version.mutable_known()->set_generation(entry.generation());
      version.mutable_known()->set_sequence(entry.sequence());
      version.set_by(fact.by());
      version.set_reason(fact.reason());
      return;
    }
    case v1::ControlFact::kTariffAssigned:
      assignments_.push_back(fact.tariff_assigned());
      return;
    case v1::ControlFact::kSiteDescribed:
      sites_[fact.site_described().site()] = fact.site_described();
      return;
    case v1::ControlFact::kContractRegistered:
      contracts_[fact.contract_registered().id_tag()] = fact.contract_registered();
      return;
    case v1::ControlFact::kPeriodClosed:
      periods_.push_back(fact.period_closed());
      standing_.push_back(fact.period_closed().period());
      return;
    case v1::ControlFact::kPeriodReopened:
      if (!standing_.empty() && standing_.back() == fact.period_reopened().period()) {
        standing_.pop_back();
      }
      return;
    case v1::ControlFact::kKnownFactsAccepted:
      return Accept(fact.known_facts_accepted());
    case v1::ControlFact::kBillingPolicySet:
      policy_ = fact.billing_policy_set();
      return;
    default:
      return;
  }
}

void ControlFacts::Accept(const v1::KnownFactsAccepted& accepted) {
  Place& before = accepted_[accepted.log_id()];
  before = std::max(before, Place(accepted.generation(), accepted.size()));
  const auto differing = differing_.find(accepted.log_id());
  if (differing == differing_.end()) return;
  std::map<Place, std::string>& places = differing->second;
  places.erase(places.begin(), places.lower_bound(before));
  if (places.empty()) differing_.erase(differing);
}

absl::Status ControlFacts::CheckClosing(const v1::PeriodClosed& closed) const {
  if (standing_.empty()) return absl::OkStatus();
  const std::string& last = standing_.back();
  if (closed.period() <= last) {
    return absl::FailedPreconditionError(
        absl::StrCat("period ", absl::CHexEscape(closed.period()), " is closed, up to ", last,
                     ": what comes late goes to the next; `billing reopen ", last,
                     "` answers a closing that was made in error"));
  }
  if (const auto next = core::MonthAfter(last); next.has_value() && closed.period() != *next) {
    return absl::FailedPreconditionError(absl::StrCat(
        "months close in order: ", last, " is the last that is closed, ", *next, " is the next"));
  }
  return absl::OkStatus();
}

absl::Status ControlFacts::CheckAcceptance(const v1::KnownFactsAccepted& accepted) const {
  const auto differing = differing_.find(accepted.log_id());
  if (differing == differing_.end()) {
    return absl::FailedPreconditionError(absl::StrCat("no known fact of log ",
                                                      absl::BytesToHexString(accepted.log_id()),
                                                      " is found to differ from the control log"));
  }
  const Place first = differing->second.begin()->first;
  if (Place(accepted.generation(), accepted.size()) > first) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the first fact that differs is entry ",
                                                 first.second, " of generation ", first.first,
                                                 ": generation and size must be behind it"));
}

absl::Status ControlFacts::Check(const v1::ControlFact& fact) const {
  switch (fact.fact_case()) {
    case v1::ControlFact::kTariffAssigned: {
      const v1::TariffAssigned& a = fact.tariff_assigned();
      if (tariffs_.count(KeyOf(a.tariff())) == 0) {
        return absl::NotFoundError(
            absl::StrCat("tariff ", absl::CHexEscape(KeyOf(a.tariff())), " was never published"));
      }
      if (a.from_us() != 0 && a.to_us() != 0 && a.from_us() >= a.to_us()) {
        return absl::InvalidArgumentError("to is not after from");
      }
      if (a.for_past() && a.from_us() == 0) {
        return absl::InvalidArgumentError(
            "for_past bills sessions again: from must say which, such as 2026-11-01T00:00:00Z");
      }
      if (a.connector_id() != 0 && a.charge_point_id().empty()) return Missing("charge_point_id");
      return absl::OkStatus();
    }
    case v1::ControlFact::kSiteDescribed:
      return fact.site_described().site().empty() ? Missing("site") : absl::OkStatus();
    case v1::ControlFact::kContractRegistered:
      if (fact.contract_registered().id_tag().empty()) return Missing("id_tag");
      return fact.contract_registered().contract_id().empty() ? Missing("contract_id")
                                                              : absl::OkStatus();
    case v1::ControlFact::kBillingPolicySet: {
      static const auto* const roles = new std::set<std::string>{
          "receivable",  "held",        "held-contra", "vat",     "roaming-payable",
          "roaming-fee", "waiver",      "energy",      "idle",    "charging-time",
          "session-fee", "reservation", "price-limit", "rounding"};
      for (const uint32_t flag : fact.billing_policy_set().hold_flags()) {
        if (flag == 0 || !v1::SessionFlag_IsValid(static_cast<int>(flag))) {
          return absl::InvalidArgumentError(
              absl::StrCat("hold_flags has ", flag, ", which is no session flag"));
        }
      }
      for (const auto& account : fact.billing_policy_set().accounts()) {
        if (roles->count(account.role()) == 0) {
          return absl::InvalidArgumentError(
              absl::StrCat("accounts has the role \"", absl::CHexEscape(account.role()),
                           "\", which is none; docs/billing.md has the list"));
        }
        if (account.name().empty() ||
            account.name().find_first_of(" \t\r\n;\"") != account.name().npos) {
          return absl::InvalidArgumentError(absl::StrCat(
              "the account of ", account.role(), " is \"", absl::CHexEscape(account.name()),
              "\"; it must be a name without spaces such as income:energy"));
        }
      }
      const v1::BillingPolicySet& policy = fact.billing_policy_set();
      if (policy.roaming_fee_e4_percent() > 1'000'000 || policy.roaming_fee_e4() < 0 ||
          policy.roaming_fee_e4() > int64_t{1'000'000'000'000} || policy.hold_above_e4() < 0) {
        return absl::InvalidArgumentError(
            "roaming_fee_e4_percent must be at most 1000000 (100 percent), roaming_fee_e4 and "
            "hold_above_e4 must not be negative");
      }
      return absl::OkStatus();
    }
    case v1::ControlFact::kSessionReviewed:
      if (fact.session_reviewed().decision() == v1::REVIEW_DECISION_UNSPECIFIED) {
        return Missing("decision");
      }
      if (fact.reason().empty()) return Missing("reason");
      return fact.by().empty() ? Missing("by") : absl::OkStatus();
    case v1::ControlFact::kPeriodClosed:
      return CheckClosing(fact.period_closed());
    case v1::ControlFact::kPeriodReopened: {
      if (fact.by().empty()) return Missing("by");
      if (fact.reason().empty()) return Missing("reason");
      const std::string& period = fact.period_reopened().period();
      if (!standing_.empty() && standing_.back() == period) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat(
          "period ", absl::CHexEscape(period), " is not the last that is closed",
          standing_.empty() ? ": none is" : absl::StrCat(": that is ", standing_.back())));
    }
    case v1::ControlFact::kKnownFactsAccepted:
      if (fact.by().empty()) return Missing("by");
      if (fact.reason().empty()) return Missing("reason");
      return CheckAcceptance(fact.known_facts_accepted());
    default:
      return absl::InvalidArgumentError("the fact says nothing");
  }
}

absl::Status ControlFacts::Append(const v1::ControlFact& fact) {
  if (fact.ByteSizeLong() > kMaxFactBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it has ", fact.ByteSizeLong(), " bytes; at most ", kMaxFactBytes, " can be recorded"));
  }
  std::vector<v1::Entry> events(1);
  *events[0].mutable_control_fact() = fact;
  if (fact.has_known_facts_accepted()) {
    const v1::KnownFactsAccepted& accepted = fact.known_facts_accepted();
    for (const auto& [place, id] : differing_[accepted.log_id()]) {
      if (place >= Place(accepted.generation(), accepted.size())) break;
      v1::DivergenceResolved& resolved = *events.emplace_back().mutable_divergence_resolved();
      resolved.set_id(id);
      resolved.set_log_id(accepted.log_id());
      resolved.set_generation(place.first);
      resolved.set_resolution(absl::StrCat("accepted by ", fact.by()));
    }
  }
  CL_RETURN_IF_ERROR(control_.RecordAndWait(std::move(events)));
  // Others record there too: it is among the last.
  v1::Entry recorded;
  std::string digest;
  for (uint64_t at = control_.log().head().size; at > 0 && !recorded.has_control_fact(); --at) {
    CL_RETURN_IF_ERROR(control_.log().Read(
        core::Sequence(at - 1), 1, [&](core::Sequence, absl::string_view bytes) {
          if (!recorded.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
          digest = std::string(core::Sha256(bytes).bytes());
          return true;
        }));
  }
  digests_.insert(std::move(digest));
  Know(fact, recorded);
  return absl::OkStatus();
}

absl::StatusOr<v1::TariffVersion> ControlFacts::Publish(const v1::Tariff& tariff,
                                                        const std::string& by,
                                                        const std::string& reason) {
  absl::MutexLock lock(&mutex_);
  auto& versions = tariffs_[KeyOf(tariff)];
  if (!versions.empty() &&
      versions.back().tariff().SerializeAsString() == tariff.SerializeAsString()) {
    return versions.back();
  }
  v1::ControlFact fact;
  fact.set_by(by);
  fact.set_reason(reason);
  *fact.mutable_tariff_published()->mutable_tariff() = tariff;
  fact.mutable_tariff_published()->set_version(static_cast<uint32_t>(versions.size()) + 1);
  CL_RETURN_IF_ERROR(Append(fact));
  return versions.back();
}

absl::Status ControlFacts::Record(const v1::ControlFact& fact) {
  absl::MutexLock lock(&mutex_);
  CL_RETURN_IF_ERROR(Check(fact));
  return Append(fact);
}

std::vector<v1::TariffVersion> ControlFacts::Tariffs(bool all) const {
  absl::MutexLock lock(&mutex_);
  std::vector<v1::TariffVersion> tariffs;
  for (const auto& [key, versions] : tariffs_) {
    if (versions.empty()) continue;
    tariffs.insert(tariffs.end(), all ? versions.begin() : std::prev(versions.end()),
                   versions.end());
  }
  return tariffs;
}

std::vector<v1::TariffAssigned> ControlFacts::Assignments() const {
  absl::MutexLock lock(&mutex_);
  return assignments_;
}

std::map<std::string, v1::SiteDescribed> ControlFacts::Sites() const {
  absl::MutexLock lock(&mutex_);
  return sites_;
}

std::optional<v1::SiteDescribed> ControlFacts::Site(const std::string& site) const {
  absl::MutexLock lock(&mutex_);
  const auto found = sites_.find(site);
  return found == sites_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<v1::ContractRegistered> ControlFacts::Contract(const std::string& id_tag) const {
  absl::MutexLock lock(&mutex_);
  const auto found = contracts_.find(id_tag);
  return found == contracts_.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, v1::ContractRegistered> ControlFacts::Contracts() const {
  absl::MutexLock lock(&mutex_);
  return contracts_;
}

v1::BillingPolicySet ControlFacts::Policy() const {
  absl::MutexLock lock(&mutex_);
  return policy_;
}

std::vector<v1::PeriodClosed> ControlFacts::Periods() const {
  absl::MutexLock lock(&mutex_);
  return periods_;
}

absl::Status ControlFacts::MayClose(const v1::PeriodClosed& closed) const {
  absl::MutexLock lock(&mutex_);
  return CheckClosing(closed);
}

std::string ControlFacts::ClosedThrough() const {
  absl::MutexLock lock(&mutex_);
  return standing_.empty() ? "" : standing_.back();
}

std::string ControlFacts::Difference(const v1::KnownFact& known) const {
  const core::LogId& own = control_.log().log_id();
  if (known.log_id() != own.bytes()) {
    return absl::StrCat("it is said to be of control log ", absl::BytesToHexString(known.log_id()),
                        ", this ledger's is ", own.ToHex());
  }
  const std::string place =
      absl::StrCat("entry ", known.sequence(), " of generation ", known.generation());
  v1::Entry entry;
  if (!entry.ParseFromString(known.entry()) || entry.generation() != known.generation() ||
      entry.sequence() != known.sequence()) {
    return absl::StrCat("it is said to be ", place,
                        " of the control log, but its bytes say otherwise");
  }
  // Waits while a fact is recorded: sites may have it before it is known here.
  absl::MutexLock lock(&mutex_);
  if (digests_.count(std::string(core::Sha256(known.entry()).bytes())) > 0) return "";
  const log::EventLog& newest = control_.log();
  const bool ahead =
      known.generation() > newest.generation().value() ||
      (known.generation() == newest.generation().value() && known.sequence() >= newest.head().size);
  if (!ahead) return absl::StrCat(place, " of the control log is another one");
  return absl::StrCat("the control log has no ", place, ": it ends before entry ",
                      newest.head().size, " of generation ", newest.generation().value(),
                      ". It was forged, or the control log has lost it");
}

absl::Status ControlFacts::OnFactDiffers(v1::DivergenceFound found) {
  found.set_kind(v1::DIVERGENCE_KIND_KNOWN_FACT);
  found.set_side(v1::DIVERGENCE_SIDE_AUTHOR);
  found.set_id(absl::StrCat(
      absl::BytesToHexString(found.log_id()).substr(0, 12), "-",
      log::replication::FindingId(core::Generation(found.generation()),
                                  {found.kind(), found.side(), 0}, found.first_difference())));
  const Place place(found.generation(), found.first_difference());
  absl::MutexLock lock(&mutex_);
  const auto accepted = accepted_.find(found.log_id());
  if (accepted != accepted_.end() && place < accepted->second) return absl::OkStatus();
  const auto known = differing_.find(found.log_id());
  if (known != differing_.end()) {
    const std::map<Place, std::string>& places = known->second;
    // An earlier one than all is always recorded: more is held because of it.
    const bool first = place < places.begin()->first;
    if (places.count(place) > 0 || (!first && places.size() >= kMostFactFindings)) {
      return absl::OkStatus();
    }
  }
  const std::string log_id = found.log_id();
  const std::string id = found.id();
  std::vector<v1::Entry> events(1);
  *events[0].mutable_divergence_found() = std::move(found);
  CL_RETURN_IF_ERROR(control_.RecordAndWait(std::move(events)));
  differing_[log_id].emplace(place, id);
  return absl::OkStatus();
}

std::optional<v1::EntryRef> ControlFacts::HeldFrom(const core::LogId& log_id) const {
  absl::MutexLock lock(&mutex_);
  const auto differing = differing_.find(std::string(log_id.bytes()));
  if (differing == differing_.end()) return std::nullopt;
  const Place first = differing->second.begin()->first;
  v1::EntryRef from;
  from.set_generation(first.first);
  from.set_sequence(first.second);
  return from;
}

bool ControlFacts::Holds(const core::LogId& log_id, const v1::EntryRef& cause) const {
  const std::optional<v1::EntryRef> from = HeldFrom(log_id);
  return from.has_value() &&
         Place(cause.generation(), cause.sequence()) >= Place(from->generation(), from->sequence());
}

}  // namespace chargeledger::server
