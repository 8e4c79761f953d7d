// Tariffs and CDRs out of files, for the commands that need no server.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chargeledger/v1/tariff.pb.h"
#include "core/json.h"
#include "ocpi/reading.h"

namespace chargeledger::ledgerctl {

// The JSON document at `path` ("-": standard input), without OCPI's envelope. INVALID_ARGUMENT
// names `option` and the file.
absl::StatusOr<core::Json> ReadDocument(const std::string& option, const std::string& path);

// The tariff at `path`, read and checked. INVALID_ARGUMENT only if it cannot be read at all or
// what was read is no tariff; what CheckTariff finds is in `findings`.
absl::StatusOr<v1::Tariff> ReadTariffFile(const std::string& option, const std::string& path,
                                          ocpi::Findings& findings);

}  // namespace chargeledger::ledgerctl
