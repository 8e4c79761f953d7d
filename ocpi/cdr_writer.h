// Our CDRs and sessions as OCPI 2.2.1 objects.
#pragma once

#include <string>

#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "core/json.h"

namespace chargeledger::ocpi {

// What an object says beside its own figures. Where nothing is known of a place, required fields
// are empty strings, or what OCPI has for "unknown".
struct Surroundings {
  // Of the CPO.
  std::string country_code;
  std::string party_id;
  v1::SiteDescribed site;
  v1::ContractRegistered contract;
};

core::Json WriteCdr(const v1::Cdr& cdr, const v1::Tariff& tariff, const Surroundings& around);

// ACTIVE or COMPLETED; `currency` is that of the tariff that will price it.
core::Json WriteSession(const v1::Session& session, const std::string& currency,
                        const Surroundings& around);

}  // namespace chargeledger::ocpi
