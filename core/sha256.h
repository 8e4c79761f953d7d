// SHA-256 (FIPS 180-4) and the 32 bytes it gives.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::core {

class Hash {
 public:
  static constexpr size_t kSize = 32;

  Hash() = default;

  // `bytes` are exactly 32; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<Hash> FromBytes(absl::string_view bytes);

  absl::string_view bytes() const {
    return absl::string_view(reinterpret_cast<const char*>(bytes_.data()), kSize);
  }
  const uint8_t* data() const { return bytes_.data(); }
  uint8_t* data() { return bytes_.data(); }
  std::string ToHex() const;

  friend auto operator<=>(const Hash&, const Hash&) = default;

 private:
  std::array<uint8_t, kSize> bytes_{};
};

// Of the concatenation of up to three parts, without copying them together.
Hash Sha256(absl::string_view a, absl::string_view b = {}, absl::string_view c = {});

}  // namespace chargeledger::core
