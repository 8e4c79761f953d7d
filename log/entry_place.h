// An entry says of itself where it stands, so that it cannot be moved.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/ids.h"

namespace chargeledger::log {

// INVALID_ARGUMENT unless `bytes` are an Entry of this generation and sequence.
absl::Status CheckEntryPlace(core::Generation generation, uint64_t sequence,
                             absl::string_view bytes);

}  // namespace chargeledger::log
