#include "projections/billing/registry.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "projections/keys.h"
#include "projections/sessions/account.h"

namespace chargeledger::projections {
namespace {

bool Before(const v1::EntryRef& a, uint32_t generation, uint64_t sequence) {
  return std::make_pair(a.generation(), a.sequence()) <= std::make_pair(generation, sequence);
}

bool Same(const v1::TariffKey& a, const v1::TariffKey& b) {
  return a.country_code() == b.country_code() && a.party_id() == b.party_id() && a.id() == b.id();
}

// Whether two assignments speak of the same sessions.
bool SameScope(const v1::TariffAssigned& a, const v1::TariffAssigned& b) {
  return a.site() == b.site() && a.charge_point_id() == b.charge_point_id() &&
         a.connector_id() == b.connector_id() && a.min_power_w() == b.min_power_w() &&
         a.max_power_w() == b.max_power_w() && a.contract_id() == b.contract_id() &&
         a.partner_country_code() == b.partner_country_code() &&
         a.partner_party_id() == b.partner_party_id();
}

int Fields(const v1::TariffAssigned& a) {
  return !a.site().empty() + !a.charge_point_id().empty() + (a.connector_id() != 0) +
         (a.min_power_w() != 0 || a.max_power_w() != 0) + !a.contract_id().empty() +
         !a.partner_party_id().empty();
}

bool Matches(const std::string& wanted, const std::string& value) {
  return wanted.empty() || wanted == value;
}

std::string TariffPrefix(const v1::TariffKey& key) {
  std::string prefix(1, kTariffKind);
  for (const std::string* part : {&key.country_code(), &key.party_id(), &key.id()}) {
    prefix += *part;
    prefix.push_back('\0');
  }
  return prefix;
}

}  // namespace

std::string TariffStateKey(const v1::TariffKey& key, uint32_t version) {
  std::string text = TariffPrefix(key);
  AppendOrdered(text, version, 4);
  return text;
}

bool Registry::Take(const Fact& fact) {
  const std::string seen = 'x' + fact.digest;
  if (state_.Get(seen).has_value()) return false;
  state_.Put(seen, "");
  const std::string registry(1, kRegistryKind);
  switch (fact.fact.fact_case()) {
    case v1::ControlFact::kTariffPublished: {
      const v1::TariffPublished& published = fact.fact.tariff_published();
      v1::TariffKey key;
      key.set_country_code(published.tariff().country_code());
      key.set_party_id(published.tariff().party_id());
      key.set_id(published.tariff().id());
      v1::TariffVersion version;
      uint32_t number = published.version();
      // A version is what was first said of it. Another control log, begun where one was lost, may
      // give its number again: then it is the next one here.
      while (GetMessage(state_, TariffStateKey(key, number), version)) {
        if (version.tariff().SerializeAsString() == published.tariff().SerializeAsString()) {
          return false;
        }
        ++number;
      }
      version.Clear();
      *version.mutable_tariff() = published.tariff();
      version.set_version(number);
      version.set_known_at_us(fact.known_at_us);
      *version.mutable_known() = fact.known;
      version.set_by(fact.fact.by());
      version.set_reason(fact.fact.reason());
      PutMessage(state_, TariffStateKey(key, number), version);
      return true;
    }
    case v1::ControlFact::kTariffAssigned: {
      auto& assignment = *state_.FindOrCreate<v1::StoredRegistry>(registry).add_assignments();
      *assignment.mutable_assigned() = fact.fact.tariff_assigned();
      *assignment.mutable_known() = fact.known;
      return true;
    }
    case v1::ControlFact::kSiteDescribed:
      *state_.FindOrCreate<v1::StoredRegistry>(registry).mutable_site() =
          fact.fact.site_described();
      return true;
    case v1::ControlFact::kContractRegistered:
      PutMessage(state_, kContractKind + fact.fact.contract_registered().id_tag(),
                 fact.fact.contract_registered());
      return true;
    case v1::ControlFact::kBillingPolicySet: {
      auto& policy = *state_.FindOrCreate<v1::StoredRegistry>(registry).add_policies();
      *policy.mutable_policy() = fact.fact.billing_policy_set();
      *policy.mutable_known() = fact.known;
      return true;
    }
    default:
      return true;
  }
}

const v1::StoredRegistry* Registry::Stored() const {
  return state_.Find<v1::StoredRegistry>(std::string(1, kRegistryKind));
}

std::optional<v1::TariffVersion> Registry::VersionFor(const v1::TariffKey& key,
                                                      const v1::Session& session,
                                                      bool all_known) const {
  std::optional<v1::TariffVersion> found;
  const int64_t at_us = session.started_at_us();
  state_.Scan(TariffPrefix(key), [&](absl::string_view, absl::string_view bytes) {
    v1::TariffVersion version;
    if (!version.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return true;
    const v1::Tariff& tariff = version.tariff();
    if (!all_known && !Before(version.known(), session.generation(), session.start_sequence())) {
      return true;
    }
    if (tariff.start_us() != 0 && at_us < tariff.start_us()) return true;
    if (tariff.end_us() != 0 && at_us >= tariff.end_us()) return true;
    // The last one is the highest.
    found = std::move(version);
    return true;
  });
  return found;
}

std::optional<v1::TariffVersion> Registry::Choose(const v1::Session& session) const {
  const v1::StoredRegistry* stored = Stored();
  if (stored == nullptr) return std::nullopt;
  int64_t power_w = 0;
  for (const v1::SiteDescribed::Connector& c : stored->site().connectors()) {
    if (c.charge_point_id() == session.charge_point_id() &&
        c.connector_id() == session.connector_id()) {
      power_w = c.max_power_w();
    }
  }
  const auto contract = Contract(session.id_tag());
  const auto matches = [&](const v1::TariffAssigned& a) {
    const int64_t at_us = session.started_at_us();
    return Matches(a.site(), session.site()) &&
           Matches(a.charge_point_id(), session.charge_point_id()) &&
           (a.connector_id() == 0 || a.connector_id() == session.connector_id()) &&
           (a.min_power_w() == 0 || power_w >= a.min_power_w()) &&
           (a.max_power_w() == 0 || (power_w > 0 && power_w < a.max_power_w())) &&
           (a.contract_id().empty() || (contract && contract->contract_id() == a.contract_id())) &&
           (a.partner_party_id().empty() ||
            (contract && contract->partner_party_id() == a.partner_party_id() &&
             contract->partner_country_code() == a.partner_country_code())) &&
           (a.from_us() == 0 || at_us >= a.from_us()) && (a.to_us() == 0 || at_us < a.to_us());
  };
  // First as was known when it began; if nothing was, as is known now.
  for (const bool all_known : {false, true}) {
    std::vector<std::tuple<int32_t, int, int>> ranked;
    for (int i = 0; i < stored->assignments_size(); ++i) {
      const v1::TariffAssigned& a = stored->assignments(i).assigned();
      const bool visible =
          all_known || a.for_past() ||
          Before(stored->assignments(i).known(), session.generation(), session.start_sequence());
      if (!visible || a.withdrawn() || !matches(a)) continue;
      bool withdrawn = false;
      for (int j = i + 1; j < stored->assignments_size(); ++j) {
        const v1::TariffAssigned& later = stored->assignments(j).assigned();
        withdrawn |= later.withdrawn() && Same(later.tariff(), a.tariff()) && SameScope(later, a) &&
                     (later.for_past() || Before(stored->assignments(j).known(),
                                                 session.generation(), session.start_sequence()));
      }
      if (!withdrawn) ranked.emplace_back(a.priority(), Fields(a), i);
    }
    std::sort(ranked.rbegin(), ranked.rend());
    for (const auto& [priority, fields, index] : ranked) {
      const v1::TariffAssigned& a = stored->assignments(index).assigned();
      auto version = VersionFor(a.tariff(), session, all_known || a.for_past());
      if (version.has_value()) return version;
    }
  }
  return std::nullopt;
}

std::optional<v1::ContractRegistered> Registry::Contract(const std::string& id_tag) const {
  v1::ContractRegistered contract;
  if (id_tag.empty() || !GetMessage(state_, kContractKind + id_tag, contract)) return std::nullopt;
  return contract;
}

v1::BillingPolicySet Registry::Policy() const {
  const v1::StoredRegistry* stored = Stored();
  if (stored != nullptr && !stored->policies().empty()) {
    return stored->policies(stored->policies_size() - 1).policy();
  }
  v1::BillingPolicySet policy;
  for (int flag = 1; flag <= v1::SessionFlag_MAX; ++flag) {
    if (v1::SessionFlag_IsValid(flag) && HoldsByDefault(static_cast<v1::SessionFlag>(flag))) {
      policy.add_hold_flags(static_cast<uint32_t>(flag));
    }
  }
  return policy;
}

core::LocalTime Registry::Local() const {
  const v1::StoredRegistry* stored = Stored();
  if (stored == nullptr) return core::LocalTime();
  std::vector<core::LocalTime::Change> changes;
  for (const v1::SiteDescribed::Offset& offset : stored->site().offsets()) {
    changes.push_back({offset.from_s(), offset.offset_s()});
  }
  return core::LocalTime(std::move(changes));
}

}  // namespace chargeledger::projections
