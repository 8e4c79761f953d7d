#include "log/entry_place.h"

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/entry.pb.h"

namespace chargeledger::log {
namespace {

// C2SP tlog-tiles: an entry bundle's length prefix has 16 bits.
constexpr size_t kMaxBytes = 65'535;

}  // namespace

absl::Status CheckEntryPlace(core::Generation generation, uint64_t sequence,
                             absl::string_view bytes) {
  v1::Entry entry;
  if (bytes.size() > kMaxBytes ||
      !entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry ", sequence, " (", bytes.size(), " bytes) is no Entry"));
  }
  if (entry.generation() != generation.value() || entry.sequence() != sequence) {
    return absl::InvalidArgumentError(
        absl::StrCat("the entry at generation ", generation.value(), ", sequence ", sequence,
                     " says of itself that it is generation ", entry.generation(), ", sequence ",
                     entry.sequence()));
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::log
