// What was known at an earlier position: the logs folded once more, up to there, in a store of
// their own. The first question about a log costs a rebuild to that position; one about the same or
// a later position goes on from where the last one ended. Thread-safe; one question at a time.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/query.pb.h"
#include "log/store.h"
#include "projections/books.h"
#include "server/held_log.h"

namespace chargeledger::server {

class History {
 public:
  // `store` holds nothing else and outlives the history.
  explicit History(log::Store& store) : store_(store) {}

  struct Past {
    std::unique_ptr<log::Reader> states;
    // Of the logs that were asked for, those that had entries.
    std::vector<HeldLog*> logs;
  };

  // INVALID_ARGUMENT names a position that there is not.
  absl::StatusOr<Past> At(const v1::AsOf& as_of, const std::vector<HeldLog*>& logs);

 private:
  struct Position {
    uint32_t generation = 0;
    uint64_t size = 0;
  };

  // None: nothing of the log is to be taken into account.
  static absl::StatusOr<std::optional<Position>> PositionIn(const v1::AsOf& as_of,
                                                            const HeldLog& held);
  absl::Status FoldTo(const HeldLog& held, const Position& position)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Mutex mutex_;
  log::Store& store_;
  projections::Books books_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
