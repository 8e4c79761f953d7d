#include "core/orphans.h"

#include <algorithm>

namespace chargeledger::core {
namespace {

// An entry may be nearly as large as the one that is to carry it.
constexpr size_t kPartBytes = 60'000;

}  // namespace

void AppendOrphan(Generation generation, Sequence sequence, absl::string_view bytes,
                  std::vector<v1::Entry>& events) {
  v1::Entry entry;
  if (entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
      entry.has_orphaned_entry() && entry.orphaned_entry().log_id().empty()) {
    *events.emplace_back().mutable_orphaned_entry() = std::move(*entry.mutable_orphaned_entry());
    return;
  }
  const size_t parts = std::max<size_t>(1, (bytes.size() + kPartBytes - 1) / kPartBytes);
  for (size_t i = 0; i < parts; ++i) {
    v1::OrphanedEntry& orphan = *events.emplace_back().mutable_orphaned_entry();
    orphan.set_generation(generation.value());
    orphan.set_sequence(sequence.value());
    orphan.set_entry(std::string(bytes.substr(i * kPartBytes, kPartBytes)));
    if (parts > 1) {
      orphan.set_part_index(static_cast<uint32_t>(i));
      orphan.set_part_count(static_cast<uint32_t>(parts));
    }
  }
}

void OrphanReader::Clear() {
  bytes_.clear();
  parts_ = 0;
}

std::optional<OrphanReader::Orphan> OrphanReader::Add(const v1::OrphanedEntry& part) {
  if (part.part_count() > kMostOrphanParts) {
    Clear();
    return std::nullopt;
  }
  if (part.part_index() != parts_ || (parts_ > 0 && part.sequence() != sequence_)) {
    Clear();
    if (part.part_index() != 0) return std::nullopt;
  }
  if (parts_ == 0) bytes_.clear();
  if (part.entry().size() > kMostOrphanBytes - bytes_.size()) {
    Clear();
    return std::nullopt;
  }
  bytes_ += part.entry();
  sequence_ = part.sequence();
  ++parts_;
  if (part.part_count() > 1 && parts_ < part.part_count()) return std::nullopt;
  parts_ = 0;
  return Orphan{part.generation(), part.sequence(), bytes_};
}

}  // namespace chargeledger::core
