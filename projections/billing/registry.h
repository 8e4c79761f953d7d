// What a log knows of tariffs, contracts and the rest that is decided at the centre, and which
// tariff is in force for a session.
//
// State keys: 'R' -> StoredRegistry; 't' country 0 party 0 id 0 version (4) -> TariffVersion;
// 'k' id tag -> ContractRegistered; 'x' SHA-256 of a control entry -> "" (it was taken in).
#pragma once

#include <optional>
#include <string>

#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "core/local_time.h"
#include "projections/known_fact.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kTariffKind = 't';
constexpr char kRegistryKind = 'R';
constexpr char kContractKind = 'k';

std::string TariffStateKey(const v1::TariffKey& key, uint32_t version);

class Registry {
 public:
  explicit Registry(State& state) : state_(state) {}

  // Takes a fact in, once. Whether it was new.
  bool Take(const Fact& fact);

  // The tariff in force for a session, as was known when it began; without any, as is known now. By
  // a choice for the past also what became known since.
  std::optional<v1::TariffVersion> Choose(const v1::Session& session) const;
  // The contract of a tag; none if it is not registered.
  std::optional<v1::ContractRegistered> Contract(const std::string& id_tag) const;
  // The newest policy; the default one if there is none.
  v1::BillingPolicySet Policy() const;
  core::LocalTime Local() const;

 private:
  std::optional<v1::TariffVersion> VersionFor(const v1::TariffKey& key, const v1::Session& session,
                                              bool all_known) const;
  const v1::StoredRegistry* Stored() const;

  State& state_;
};

}  // namespace chargeledger::projections
