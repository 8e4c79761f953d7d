// Keeps the projections of all held logs up to date: one thread that folds what has grown, a
// bounded piece of one log at a time, so that a site that catches up does not delay the others.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/ids.h"
#include "core/threads.h"
#include "log/store.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "server/ledger.h"

namespace chargeledger::server {

class Bookkeeper {
 public:
  // A log cannot be read where it is to be folded, at `sequence`: it is left until it grows or is
  // repaired.
  using Damaged = std::function<void(const log::EventLog&, std::optional<uint64_t> sequence,
                                     const absl::Status&)>;

  // `states` outlives the bookkeeper. `failed` is told of any other failure to fold, after which
  // nothing is folded any more: queries would go stale.
  Bookkeeper(log::Store& states, Damaged damaged, std::function<void(const absl::Status&)> failed,
             core::Threads threads = core::Threads::kOwn);
  ~Bookkeeper();

  // `changed` is told, on the bookkeeper's thread, of every key that it writes. Before OnGrown.
  void OnChanged(projections::Folder::Changed changed) { changed_ = std::move(changed); }
  // `seen` is asked of every event before it is folded; what it does not let pass ends the folding
  // of all logs. Before OnGrown.
  void OnEvent(projections::Folder::Seen seen) { seen_ = std::move(seen); }
  // These logs have grown, or were just opened.
  void OnGrown(const std::vector<HeldLog*>& logs);
  // Folds one piece, as the bookkeeper's thread would; false if there is nothing to fold.
  bool RunOnce();

 private:
  void Run();
  absl::StatusOr<bool> FoldPiece(HeldLog& held);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  log::Store& states_;
  projections::Books books_;
  const Damaged damaged_;
  projections::Folder::Changed changed_;
  projections::Folder::Seen seen_;
  const std::function<void(const absl::Status&)> failed_;
  absl::Mutex mutex_;
  std::vector<HeldLog*> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace chargeledger::server
