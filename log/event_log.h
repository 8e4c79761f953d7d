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
//  its state from the stored bytes and refuses with DATA_LOSS what does not fit together.
//  (Exceptions, each by a call of its own: StageTruncate takes back what a fork is to replace,
//  StageDropped what is held elsewhere.)
//  5. Every 256 entries are sealed into a compressed bundle some time after they were published
//  (archive.h): it changes where they stand, never what they are.
//
// Keys: log_keys.h.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "core/ids.h"
#include "log/bundle.h"
#include "log/log_keys.h"
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

  // Adds the oldest `bundles` bundles that are published and not sealed to `batch`, in place of
  // their entries; false if there are not so many. After the commit, PublishSealed. One caller at a
  // time, which need not be the writer.
  absl::StatusOr<bool> StageSealed(uint64_t bundles, WriteBatch& batch);
  void PublishSealed(uint64_t bundles);
  // How many bundles are sealed.
  uint64_t sealed() const;

  // The newest signed checkpoint that was kept (a note of tlog/checkpoint.h); empty if none was.
  std::string checkpoint() const;
  // `note` has been stored under LogKeys::Checkpoint (archive.h does that).
  void SetCheckpoint(std::string note);

  // OUT_OF_RANGE if `size` is larger than the log; DATA_LOSS if something is missing.
  absl::StatusOr<Hash> RootAt(uint64_t size) const;
  // RFC 6962 proofs (proof.h). OUT_OF_RANGE likewise.
  absl::StatusOr<std::vector<Hash>> InclusionProof(core::Sequence sequence, uint64_t size) const;
  absl::StatusOr<std::vector<Hash>> ConsistencyProof(uint64_t from, uint64_t to) const;
  // Also of entries that are staged: what arrives twice is compared with it.
  absl::StatusOr<Hash> LeafHashAt(core::Sequence sequence) const;
  // Nodes [first, first + count) that are 256^level leaves wide and complete within what is
  // published. OUT_OF_RANGE otherwise.
  absl::StatusOr<std::vector<Hash>> Nodes(int level, uint64_t first, uint64_t count) const;

  // Puts `entries`, 256 that another side has sent, in the place of a complete bundle that is
  // missing or damaged. INVALID_ARGUMENT if they are not those that the tree has there. Whoever
  // seals must not run meanwhile.
  absl::Status StageRepair(uint64_t index, absl::Span<const absl::string_view> entries,
                           WriteBatch& batch) const;
  // Takes back everything from `size` on, a multiple of 256, and returns the head then. After the
  // commit, Reload. Whoever writes or seals must not run meanwhile.
  absl::StatusOr<TreeHead> StageTruncate(uint64_t size, WriteBatch& batch) const;
  // Likewise of a generation that does not open: keeps `head`, whose entries and tiles stand.
  static void StageTruncate(const LogKeys& keys, const TreeHead& head, WriteBatch& batch);
  absl::Status Reload() { return Restore(); }
  // How often the log was opened or reloaded: while it stays the same, it only grows.
  uint64_t reloads() const;
  // Drops the entries of the bundles before `end`, which are sealed, and keeps their leaf hashes.
  // After the commit, PublishDropped. Whoever seals must not run meanwhile.
  absl::Status StageDropped(uint64_t end, WriteBatch& batch) const;
  void PublishDropped(uint64_t end);
  // How many bundles were dropped: entries before dropped() × 256 cannot be read any more.
  uint64_t dropped() const;

  // Entries [from, from + count) as far as they are published. DATA_LOSS if one is missing,
  // NOT_FOUND if it was dropped.
  absl::Status Read(core::Sequence from, uint64_t count, EntryVisitor visit) const;

 private:
  struct PendingTile {
    Tile tile;
    // Size of the log that completed it.
    uint64_t size;
  };

  EventLog(const Store& store, const core::LogId& log_id, core::Generation generation)
      : store_(store), log_id_(log_id), generation_(generation), keys_(log_id, generation) {}

  absl::Status Restore();
  absl::Status LoadDropped();
  absl::Status CheckEnds(uint64_t size);
  // The number in the last key of [from, end).
  absl::StatusOr<std::optional<uint64_t>> LastNumber(absl::string_view from,
                                                     absl::string_view end) const;
  absl::Status CheckSize(uint64_t size) const;
  absl::StatusOr<std::string> StoredTile(const TileId& id) const;
  // The 256 leaf hashes of a complete bundle that is published.
  absl::StatusOr<std::vector<Hash>> LeavesOf(uint64_t index) const;
  absl::StatusOr<std::vector<Hash>> DroppedLeaves(uint64_t index) const;
  absl::StatusOr<Hash> Node(int level, uint64_t position, Tile& last_read) const;
  absl::StatusOr<std::optional<Bundle>> SealedBundle(uint64_t index) const;
  absl::Status CheckSubtree(uint64_t index, const Hash& root) const;
  absl::StatusOr<Hash> BundleRoot(uint64_t index) const;
  absl::StatusOr<std::string> MakeSealed(uint64_t index, Hash& root) const;
  // Visits the unsealed entries [next, end) as far as they are there, and moves `next` on; false if
  // `visit` stopped.
  absl::StatusOr<bool> ReadHot(uint64_t& next, uint64_t end, EntryVisitor visit) const;
  absl::Status Missing(uint64_t sequence, uint64_t size) const;

  const Store& store_;
  const core::LogId log_id_;
  const core::Generation generation_;
  const LogKeys keys_;

  mutable absl::Mutex mutex_;
  TreeBuilder builder_ ABSL_GUARDED_BY(mutex_);
  TreeHead published_ ABSL_GUARDED_BY(mutex_);
  // Tiles that are staged and perhaps not yet in the store.
  std::deque<PendingTile> pending_ ABSL_GUARDED_BY(mutex_);
  uint64_t reloads_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t sealed_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string checkpoint_ ABSL_GUARDED_BY(mutex_);
  // The level-0 tile that was hashed last: who asks for one leaf often asks for its neighbour.
  mutable Tile derived_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::log
