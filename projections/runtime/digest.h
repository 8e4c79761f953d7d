// A hash of a set of key-value pairs that can be brought up to date by what changed: the sum,
// modulo 2^256, of SHA-256(key length (4, big-endian) ‖ key ‖ value) over all pairs, little-endian.
//
// It compares states that honest programs computed from the same log, and finds where our own code
// or a disk went wrong. It is no proof against someone who chooses the pairs: that is what the
// log's Merkle tree is for.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::projections {

class StateDigest {
 public:
  static constexpr size_t kSize = 32;

  StateDigest() = default;
  // `bytes` are 32, or none for the digest of nothing.
  static absl::StatusOr<StateDigest> FromBytes(absl::string_view bytes);

  void Add(absl::string_view key, absl::string_view value);
  void Remove(absl::string_view key, absl::string_view value);

  std::string bytes() const;

  friend bool operator==(const StateDigest&, const StateDigest&) = default;

 private:
  std::array<uint64_t, 4> limbs_{};
};

}  // namespace chargeledger::projections
