// One generation of one author's log in a Store: entries, hash tiles and the head. The same for its
// author and for who holds a copy; entries are opaque bytes here.
//
// One writer: Stage and Publish are called in order by whoever owns the log, from one thread at a
// time. All const functions may be called from any thread at any time and see only what was
// published.
//
//  1. Entries are numbered from 0 without a gap; a published entry never changes.
//  2. head() is durable: Publish(h) is called only after the batches up to h were committed with
//  kSynced.
//  3. head().root is the RFC 6962 root of the first head().size entries, and RootAt gives it for
//  every smaller size.
//  4. After a failed commit the log is not to be used again until it is reopened; Open re-derives
//  its state from the
//     stored bytes and refuses with DATA_LOSS what does not fit together.
//
// Keys, after the kind's letter: log id (16) ‖ generation (4, big-endian) ‖
//   'e' sequence (8)            the entry's bytes
//   't' level (1) ‖ index (8)   256 hashes: complete tiles only, an open one is derived again
//   'h'                         size (8, big-endian) ‖ root (32)
// Sealed bundles, checkpoints and the head file outside the store join them with their own letters.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "core/ids.h"
#include "log/merkle.h"
#include "log/store.h"

namespace chargeledger::log {

class EventLog {
 public:
  // Returns false to stop.
  using EntryVisitor = absl::FunctionRef<bool(core::Sequence, absl::string_view entry)>;

  // Opens what `store` holds of this generation; one that it does not know is empty. `store`
  // outlives the log.
  static absl::StatusOr<std::unique_ptr<EventLog>> Open(const Store& store,
                                                        const core::LogId& log_id,
                                                        core::Generation generation);

  const core::LogId& log_id() const { return log_id_; }
  core::Generation generation() const { return generation_; }

  // Of what is published.
  TreeHead head() const;
  // Of what is staged: where the next Stage continues.
  Frontier staged() const;

  // Adds entries to `batch` after those staged before, with their tiles and the new head, and
  // returns that head. `leaves` are their leaf hashes. `entries` are borrowed until the batch is
  // committed.
  TreeHead Stage(absl::Span<const absl::string_view> entries, absl::Span<const Hash> leaves,
                 WriteBatch& batch);
  // Everything up to `head`, which a Stage returned, is durable.
  void Publish(const TreeHead& head);

  // OUT_OF_RANGE if `size` is larger than the log; DATA_LOSS if a tile is missing.
  absl::StatusOr<Hash> RootAt(uint64_t size) const;
  // Also of entries that are staged: what arrives twice is compared with it.
  absl::StatusOr<Hash> LeafHashAt(core::Sequence sequence) const;
  // Entries [from, from + count) as far as they are published. DATA_LOSS if one is missing.
  absl::Status Read(core::Sequence from, uint64_t count, EntryVisitor visit) const;

 private:
  struct PendingTile {
    Tile tile;
    // Size of the log that completed it.
    uint64_t size;
  };

  EventLog(const Store& store, const core::LogId& log_id, core::Generation generation)
      : store_(store), log_id_(log_id), generation_(generation) {}

  absl::Status Restore();
  absl::Status CheckEnds(uint64_t size) const;
  std::string Key(char kind) const;
  std::string EntryKey(uint64_t sequence) const;
  std::string TileKey(const TileId& id) const;
  absl::StatusOr<std::string> StoredTile(const TileId& id) const;
  absl::StatusOr<Hash> Node(int level, uint64_t position, Tile& last_read) const;

  const Store& store_;
  const core::LogId log_id_;
  const core::Generation generation_;

  mutable absl::Mutex mutex_;
  TreeBuilder builder_ ABSL_GUARDED_BY(mutex_);
  TreeHead published_ ABSL_GUARDED_BY(mutex_);
  // Tiles that are staged and perhaps not yet in the store.
  std::deque<PendingTile> pending_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::log
