// Names and positions of logs, and of what they are about.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/strong.h"

namespace chargeledger::core {

// Number of an entry within its generation, from 0 without a gap.
using Sequence = Strong<struct SequenceTag, uint64_t>;

// One unbroken life of an author's log, from 1.
using Generation = Strong<struct GenerationTag, uint32_t>;

// Names one author's log for ever: 128 random bits, made when the log is created.
class LogId {
 public:
  static constexpr size_t kSize = 16;

  LogId() = default;

  // `bytes` are exactly 16; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<LogId> FromBytes(absl::string_view bytes);

  absl::string_view bytes() const;
  // 32 lower-case hex digits.
  std::string ToHex() const;

  friend auto operator<=>(const LogId&, const LogId&) = default;

 private:
  std::array<char, kSize> bytes_{};
};

// Checks a charge point's identity as it stands in the connection URL: 1 to 48 characters
// (OCPP 2.0.1's identifierString; 1.6 leaves it open), printable ASCII without space, '/', '?',
// '#', '"', '<', '>' and '\'.
absl::Status CheckChargePointId(absl::string_view id);

// Names of an operator or a site: 1 to 64 characters of A-Z a-z 0-9 '.' '_' '-'.
absl::Status CheckName(absl::string_view what, absl::string_view name);

}  // namespace chargeledger::core
