#include "projections/runtime/state_store.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::projections {

std::string FoldKey(const core::LogId& log_id) { return absl::StrCat("w", log_id.bytes()); }

std::string StatePrefix(const core::LogId& log_id) { return absl::StrCat("s", log_id.bytes()); }

std::string StatePrefix(const core::LogId& log_id, size_t part) {
  std::string prefix = StatePrefix(log_id);
  prefix.push_back(static_cast<char>(part));
  return prefix;
}

StagedState::Change& StagedState::Load(absl::string_view key) const {
  auto found = changes_.find(key);
  if (found != changes_.end()) return found->second;
  Change change;
  auto stored = reader_.Get(absl::StrCat(prefix_, key));
  if (stored.ok()) {
    change.stored = *std::move(stored);
  } else if (status_.ok()) {
    status_ = stored.status();
  }
  change.now = change.stored;
  return changes_.emplace(std::string(key), std::move(change)).first->second;
}

std::optional<std::string> StagedState::Get(absl::string_view key) const { return Load(key).now; }

void StagedState::Put(absl::string_view key, absl::string_view value) {
  Load(key).now = std::string(value);
}

void StagedState::Delete(absl::string_view key) { Load(key).now.reset(); }

void StagedState::Scan(absl::string_view prefix, Visitor visit) const {
  absl::btree_map<std::string, std::string> merged;
  const std::string begin = absl::StrCat(prefix_, prefix);
  absl::Status status = reader_.Scan(
      begin, log::AfterPrefix(begin), [&](absl::string_view key, absl::string_view value) {
        merged.emplace(std::string(key.substr(prefix_.size())), std::string(value));
        return true;
      });
  if (!status.ok() && status_.ok()) status_ = status;
  for (auto it = changes_.lower_bound(prefix);
       it != changes_.end() && absl::StartsWith(it->first, prefix); ++it) {
    if (it->second.now.has_value()) {
      merged[it->first] = *it->second.now;
    } else {
      merged.erase(it->first);
    }
  }
  for (const auto& [key, value] : merged) {
    if (!visit(key, value)) return;
  }
}

void StagedState::Stage(log::WriteBatch& batch, StateDigest& digest) const {
  for (const auto& [key, change] : changes_) {
    if (change.now == change.stored) continue;
    if (change.stored.has_value()) digest.Remove(key, *change.stored);
    if (change.now.has_value()) {
      digest.Add(key, *change.now);
      batch.Put(absl::StrCat(prefix_, key), *change.now);
    } else {
      batch.Delete(absl::StrCat(prefix_, key));
    }
  }
}

}  // namespace chargeledger::projections
