// The pieces that the texts of C2SP's transparency logs are made of, read strictly: what is not
// exactly what a writer would write is refused, so that no text has two forms.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/sha256.h"

namespace chargeledger::log::tlog {

// Standard base64 (RFC 4648 §4) with padding. INVALID_ARGUMENT otherwise.
absl::StatusOr<std::string> DecodeBase64(absl::string_view text);
// Base64 of 32 bytes.
absl::StatusOr<core::Hash> DecodeHash(absl::string_view text);
std::string EncodeHash(const core::Hash& hash);
// Decimal without leading zeroes, up to 2^63 - 1.
absl::StatusOr<uint64_t> DecodeNumber(absl::string_view text);

}  // namespace chargeledger::log::tlog
