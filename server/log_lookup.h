// Finds a held log by what a person calls it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/ledger.h"

namespace chargeledger::server {

// `name`: a site, a log id in hex, or at least 4 digits that one begins with. NOT_FOUND, or
// INVALID_ARGUMENT if it fits several.
absl::StatusOr<HeldLog*> FindLog(const Ledger& ledger, const std::string& name);

// `generation` 0: the newest. NOT_FOUND.
absl::StatusOr<log::EventLog*> FindGeneration(const HeldLog& held, uint32_t generation);

}  // namespace chargeledger::server
