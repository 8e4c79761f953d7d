// Feeds a log's entries to a Fold and keeps its states in a log::Store.
//
//  1. State and position are written in one atomic batch: after a crash at any point, folding goes
//  on where the state
//     stands, and no entry is folded twice or left out.
//  2. The state depends on the entries alone, not on how they were cut into batches.
//  3. A state made by other versions of the parts, or of entries that the
//  log no longer has (a branch that was given up, an earlier generation that has grown since), is
//  dropped and built again.
//  4. Every folder of a log comes by the same positions, one in kPointEvery entries, and keeps the
//  states' digests at the last few of them: what two sides of a log compare.
//
// Not thread-safe; readers of the store may run beside it and see whole batches.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "chargeledger/v1/storage.pb.h"
#include "log/event_log.h"
#include "log/store.h"
#include "projections/fold.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::projections {

constexpr uint64_t kPointEvery = 4096;
constexpr int kPointsKept = 8;

class Folder {
 public:
  // Both outlive the folder. `batch_entries` bounds how much is folded before it is written.
  Folder(log::Store& store, Fold& fold, uint64_t batch_entries = 16 * kPointEvery)
      : store_(store), fold_(fold), batch_entries_(batch_entries) {}

  // Folds what `log` has beyond the stored position, at most `max_entries`, and returns the
  // position then. The generations of a log are to be given in their order, each to its end before
  // the next.
  absl::StatusOr<v1::StoredFold> Fold(const log::EventLog& log, absl::string_view site,
                                      uint64_t max_entries = ~uint64_t{0});
  // Forgets what was folded if it is not of `generations`, all there are of a log: to be called
  // before they are folded one after the other, since what one of them drops is also of those
  // before it.
  absl::Status KeepOnly(absl::Span<const log::EventLog* const> generations);
  // Forgets what was folded of a log.
  absl::Status Drop(const core::LogId& log_id);
  // `changed` is told of every key that was written, when it can be read.
  using Changed = std::function<void(const core::LogId&, size_t part, absl::string_view key)>;
  void OnChanged(Changed changed) { changed_ = std::move(changed); }
  // `seen` is told of every event before it is folded; folding stops at what it does not let pass.
  using Seen = std::function<absl::Status(const Event&)>;
  void OnEvent(Seen seen) { seen_ = std::move(seen); }

 private:
  absl::StatusOr<v1::StoredFold> Prepare(const log::EventLog& log);
  v1::StoredFold Empty() const;
  absl::StatusOr<bool> IsOf(const v1::StoredFold& stored, const log::EventLog& log) const;
  static void Note(const log::Hash& root, uint64_t border, v1::StoredFold& position);
  absl::StatusOr<uint64_t> FoldStretch(const log::EventLog& log, absl::string_view site,
                                       uint64_t max_entries, std::deque<StagedState>& states,
                                       v1::StoredFold& position);
  absl::Status Write(const core::LogId& log_id, const v1::StoredFold& position,
                     std::deque<StagedState>& states);

  log::Store& store_;
  projections::Fold& fold_;
  const uint64_t batch_entries_;
  Changed changed_;
  Seen seen_;
};

// How far `log_id` is folded in what `reader` sees; an empty position if it is not.
absl::StatusOr<v1::StoredFold> ReadPosition(const log::Reader& reader, const core::LogId& log_id);

}  // namespace chargeledger::projections
