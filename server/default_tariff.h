// The tariff of the configuration file: in force for everybody for whom no other is.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chargeledger/v1/tariff.pb.h"
#include "server/control_facts.h"

namespace chargeledger::server {

// A price per kWh and one per session. `vat` is in percent, or empty if no VAT is applicable.
// INVALID_ARGUMENT names which is wrong.
absl::StatusOr<v1::Tariff> MakeDefaultTariff(const std::string& currency,
                                             const std::string& price_per_kwh,
                                             const std::string& start_fee,
                                             const std::string& vat = "");

// Publishes it, as a new version if it has changed, and puts it in force behind all others.
absl::Status PutInForce(const v1::Tariff& tariff, ControlFacts& facts);

}  // namespace chargeledger::server
