// How the entries of an EntryPackage travel: as they are, or compressed where that pays.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "chargeledger/v1/replication.pb.h"

namespace chargeledger::log::replication {

// C2SP tlog-mirror: entries travel in packages of at most 256.
constexpr uint64_t kMaxPackageEntries = 256;
// Bytes of a package's entries; an author ends a package with the entry that passes half of it.
constexpr size_t kMaxPackageBytes = 2 << 20;

// Puts `entries`, each at most 65,535 bytes, into `package`.
void PackEntries(absl::Span<const std::string> entries, v1::EntryPackage& package);

// The entries of a package: views into the package, or into `body`.
struct UnpackedEntries {
  // On the heap, so that the views stay when this is moved.
  std::unique_ptr<std::string> body;
  std::vector<absl::string_view> entries;
};

// INVALID_ARGUMENT if the bytes are none, or more than a package may have. `package` outlives the
// result.
absl::StatusOr<UnpackedEntries> UnpackEntries(const v1::EntryPackage& package);

}  // namespace chargeledger::log::replication
