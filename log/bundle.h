// A sealed bundle: 256 entries as they rest in the store once nothing is added to them any more.
//
//   bundle = version (1) ‖ codec (1) ‖ tags (256 × 4) ‖ body
//   version  1
//   codec    1: body is one zstd frame (RFC 8878) with content size and checksum, of the entries as
//            a C2SP entry bundle { length (2, big-endian) ‖ entry } × 256
//   tags     the first four bytes of each entry's leaf hash: they tell which entry is damaged
//
// A dictionary did not pay (docs/BENCHMARKS.md); one would be another codec.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "log/merkle.h"

namespace chargeledger::log {

// `entries` and `leaves` are 256, an entry at most 65,535 bytes.
std::string SealBundle(absl::Span<const absl::string_view> entries, absl::Span<const Hash> leaves);

// An opened bundle; owns its entries' bytes.
class Bundle {
 public:
  // DATA_LOSS names the first entry, counted from `first`, that cannot be what was sealed. A bundle
  // that opens has the bytes that were compressed (their checksum was right); that these are the
  // right entries is for the tags and the tree to say.
  static absl::StatusOr<Bundle> Open(absl::string_view sealed, uint64_t first);

  // The number of the first entry of a bundle that does not open, or does not fit its tags.
  static uint64_t FirstDamaged(absl::string_view sealed, uint64_t first);

  // 256 views.
  const std::vector<absl::string_view>& entries() const { return entries_; }
  // Checks each entry against its tag, and returns the leaf hashes. DATA_LOSS names the first one
  // that differs.
  absl::StatusOr<std::vector<Hash>> LeafHashes() const;

 private:
  Bundle() = default;

  uint64_t first_ = 0;
  std::string tags_;
  // On the heap, so that the views stay when the bundle is moved.
  std::unique_ptr<std::string> body_;
  std::vector<absl::string_view> entries_;
};

}  // namespace chargeledger::log
