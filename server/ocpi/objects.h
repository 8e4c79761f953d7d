// Sessions and CDRs of the books as OCPI objects, and whose they are.
#pragma once

#include <optional>
#include <string>

#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "core/ids.h"
#include "core/json.h"
#include "log/store.h"
#include "server/control_facts.h"
#include "server/ocpi/partners.h"

namespace chargeledger::server {

class OcpiObjects {
 public:
  // Both outlive this.
  OcpiObjects(const Partners& partners, const ControlFacts& facts)
      : partners_(partners), facts_(facts) {}

  // The partner whose customer it was; null if it was our own, or nobody's we roam with.
  const Partner* PartnerOf(const v1::Cdr& cdr) const;
  const Partner* PartnerOf(const v1::Session& session) const;

  // It waits at the centre until a person accepts the facts that it rests on: no partner gets it.
  bool IsHeld(const v1::Cdr& cdr, const core::LogId& log_id) const {
    return facts_.Holds(log_id, cdr.cause());
  }

  // `states` holds the tariff that the CDR was priced by; none if that cannot be read.
  std::optional<core::Json> ToJson(const v1::Cdr& cdr, const log::Reader& states,
                                   const core::LogId& log_id) const;
  core::Json ToJson(const v1::Session& session) const;

 private:
  std::optional<v1::ContractRegistered> Contract(const std::string& id_tag) const;
  v1::SiteDescribed Site(const std::string& site) const;

  const Partners& partners_;
  const ControlFacts& facts_;
};

}  // namespace chargeledger::server
