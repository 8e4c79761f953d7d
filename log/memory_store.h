// A Store in memory: RocksDB's twin in tests and in the simulation. Snapshots copy everything, so
// keep it small.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "log/store.h"

namespace chargeledger::log {

class MemoryStore final : public Store {
 public:
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override;
  absl::Status Scan(absl::string_view begin, absl::string_view end, Visitor visit) const override;
  absl::Status ScanReverse(absl::string_view begin, absl::string_view end,
                           Visitor visit) const override;
  absl::Status Commit(const WriteBatch& batch, Durability durability) override;
  std::unique_ptr<Reader> Snapshot() const override;

  // What an image of a disk is: everything committed so far.
  std::unique_ptr<MemoryStore> Copy() const;

  // From now on every Commit fails with `status`, as after a failed sync.
  void FailCommits(absl::Status status);
  // How many batches were committed with kSynced.
  int synced_commits() const;

 private:
  using Map = std::map<std::string, std::string, std::less<>>;

  mutable absl::Mutex mutex_;
  Map map_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  int synced_commits_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace chargeledger::log
