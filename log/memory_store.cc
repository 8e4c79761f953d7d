#include "log/memory_store.h"

#include <vector>

#include "core/check.h"

namespace chargeledger::log {
namespace {

std::string Key(absl::string_view key) { return std::string(key); }

}  // namespace

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(absl::string_view key) const {
  absl::MutexLock lock(&mutex_);
  auto found = map_.find(Key(key));
  if (found == map_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

absl::Status MemoryStore::Scan(absl::string_view begin, absl::string_view end,
                               Visitor visit) const {
  // A visitor may read the store again, so none runs under the lock.
  std::vector<std::pair<std::string, std::string>> range;
  {
    absl::MutexLock lock(&mutex_);
    auto last = end.empty() ? map_.end() : map_.lower_bound(Key(end));
    for (auto it = map_.lower_bound(Key(begin)); it != last && it != map_.end(); ++it) {
      range.push_back(*it);
    }
  }
  for (const auto& [key, value] : range) {
    if (!visit(key, value)) break;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::ScanReverse(absl::string_view begin, absl::string_view end,
                                      Visitor visit) const {
  std::vector<std::pair<std::string, std::string>> range;
  CL_RETURN_IF_ERROR(Scan(begin, end, [&](absl::string_view key, absl::string_view value) {
    range.emplace_back(std::string(key), std::string(value));
    return true;
  }));
  for (auto it = range.rbegin(); it != range.rend(); ++it) {
    if (!visit(it->first, it->second)) break;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::Commit(const WriteBatch& batch, Durability durability) {
  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  for (const WriteBatch::Operation& operation : batch.operations()) {
    const std::string key(batch.KeyOf(operation));
    switch (operation.kind) {
      case WriteBatch::Kind::kPut:
        map_[key] = std::string(operation.value);
        break;
      case WriteBatch::Kind::kDelete:
        map_.erase(key);
        break;
      case WriteBatch::Kind::kDeleteRange:
        map_.erase(map_.lower_bound(key), map_.lower_bound(operation.value));
        break;
    }
  }
  if (durability == Durability::kSynced) ++synced_commits_;
  return absl::OkStatus();
}

std::unique_ptr<Reader> MemoryStore::Snapshot() const {
  auto copy = std::make_unique<MemoryStore>();
  absl::MutexLock lock(&mutex_);
  absl::MutexLock copy_lock(&copy->mutex_);
  copy->map_ = map_;
  return copy;
}

std::unique_ptr<MemoryStore> MemoryStore::Copy() const {
  auto copy = std::make_unique<MemoryStore>();
  absl::MutexLock lock(&mutex_);
  absl::MutexLock copy_lock(&copy->mutex_);
  copy->map_ = map_;
  return copy;
}

void MemoryStore::FailCommits(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  failure_ = std::move(status);
}

int MemoryStore::synced_commits() const {
  absl::MutexLock lock(&mutex_);
  return synced_commits_;
}

}  // namespace chargeledger::log
