#include "log/salvage.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "core/check.h"
#include "log/bundle.h"
#include "log/entry_place.h"
#include "log/event_log.h"
#include "log/log_keys.h"

namespace chargeledger::log {
namespace {

// One bundle's worth of a generation, entry by entry; what cannot be read is absent. Only an error
// of the store that is no damage is an error.
absl::StatusOr<std::vector<std::optional<std::string>>> ReadPiece(const Store& store,
                                                                  const LogKeys& keys,
                                                                  core::Generation generation,
                                                                  uint64_t index) {
  std::vector<std::optional<std::string>> entries(kTileWidth);
  auto keep = [&](uint64_t i, absl::string_view bytes) {
    if (CheckEntryPlace(generation, index * kTileWidth + i, bytes).ok()) {
      entries[i] = std::string(bytes);
    }
  };
  auto sealed = store.Get(keys.Bundle(index));
  if (!sealed.ok() && sealed.status().code() != absl::StatusCode::kDataLoss) return sealed.status();
  if (sealed.ok() && sealed->has_value()) {
    auto bundle = Bundle::Open(**sealed, index * kTileWidth);
    if (!bundle.ok()) return entries;
    for (uint64_t i = 0; i < kTileWidth; ++i) keep(i, bundle->entries()[i]);
    return entries;
  }
  for (uint64_t i = 0; i < kTileWidth; ++i) {
    auto entry = store.Get(keys.Entry(index * kTileWidth + i));
    if (entry.ok() && entry->has_value()) keep(i, **entry);
    if (!entry.ok() && entry.status().code() != absl::StatusCode::kDataLoss) return entry.status();
  }
  return entries;
}

// One beyond the last number that any readable key of this kind has.
uint64_t EndOf(const Store& store, absl::string_view prefix) {
  uint64_t end = 0;
  // A scan that fails has told what it could.
  store
      .ScanReverse(prefix, AfterPrefix(prefix),
                   [&](absl::string_view key, absl::string_view) {
                     end = LogKeys::NumberOf(key).value_or(0) + 1;
                     return false;
                   })
      .IgnoreError();
  return end;
}

}  // namespace

absl::StatusOr<TreeHead> StageReadablePrefix(const Store& store, const core::LogId& log_id,
                                             core::Generation generation, WriteBatch& batch) {
  const LogKeys keys(log_id, generation);
  TreeBuilder builder;
  std::vector<Tile> complete;
  for (uint64_t index = 0;; ++index) {
    CL_ASSIGN_OR_RETURN(auto entries, ReadPiece(store, keys, generation, index));
    if (!std::all_of(entries.begin(), entries.end(), [](const auto& e) { return e.has_value(); })) {
      break;
    }
    for (const auto& entry : entries) builder.Append(LeafHash(*entry), complete);
  }
  const TreeHead head = builder.Head();
  EventLog::StageTruncate(keys, head, batch);
  // All that stays can be read.
  batch.Delete(keys.Dropped());
  for (Tile& tile : complete) {
    if (tile.id.level > 0) batch.PutCopy(keys.Tile(tile.id), std::move(tile.hashes));
  }
  return head;
}

absl::Status VisitReadable(const Store& store, const core::LogId& log_id,
                           core::Generation generation, uint64_t from, uint64_t at_least,
                           absl::FunctionRef<void(uint64_t, absl::string_view)> visit) {
  const LogKeys keys(log_id, generation);
  uint64_t end = std::max(
      {at_least, EndOf(store, keys.Prefix('e')), EndOf(store, keys.Prefix('b')) * kTileWidth});
  auto stored = store.Get(keys.Head());
  if (stored.ok() && stored->has_value()) {
    auto head = DecodeHead(**stored);
    if (head.ok()) end = std::max(end, head->size);
  }
  for (uint64_t index = from / kTileWidth; index * kTileWidth < end; ++index) {
    CL_ASSIGN_OR_RETURN(auto entries, ReadPiece(store, keys, generation, index));
    for (uint64_t i = 0; i < kTileWidth; ++i) {
      const uint64_t sequence = index * kTileWidth + i;
      if (sequence >= from && entries[i].has_value()) visit(sequence, *entries[i]);
    }
  }
  return absl::OkStatus();
}

std::optional<uint64_t> FirstUnreadable(const EventLog& log, uint64_t from) {
  uint64_t next = std::max(from, log.dropped() * kTileWidth);
  const absl::Status read =
      log.Read(core::Sequence(next), ~uint64_t{0}, [&](core::Sequence sequence, absl::string_view) {
        next = sequence.value() + 1;
        return true;
      });
  return read.ok() ? std::nullopt : std::optional<uint64_t>(next);
}

}  // namespace chargeledger::log
