#include "projections/runtime/state_store.h"

#include "absl/hash/hash.h"
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
  // Only finds what is in the map anyway: what it hashes to changes nothing but the time.
  Changes::value_type*& recent = recent_[absl::HashOf(key) % recent_.size()];
  if (recent != nullptr && absl::string_view(recent->first) == key) return recent->second;
  auto found = changes_.find(key);
  if (found == changes_.end()) {
    Change change;
    auto stored = reader_.Get(absl::StrCat(prefix_, key));
    if (stored.ok()) {
      change.stored = *std::move(stored);
    } else if (status_.ok()) {
      status_ = stored.status();
    }
    change.now = change.stored;
    found = changes_.emplace(std::string(key), std::move(change)).first;
  }
  recent = &*found;
  return found->second;
}

void StagedState::Serialize(Change& change) {
  if (change.object != nullptr) change.now = change.object->SerializeAsString();
}

std::optional<std::string> StagedState::Get(absl::string_view key) const {
  Change& change = Load(key);
  Serialize(change);
  return change.now;
}

void StagedState::Put(absl::string_view key, absl::string_view value) {
  Change& change = Load(key);
  change.object.reset();
  change.now = std::string(value);
}

void StagedState::Delete(absl::string_view key) {
  Change& change = Load(key);
  change.object.reset();
  change.now.reset();
}

google::protobuf::MessageLite* StagedState::Object(absl::string_view key,
                                                   const google::protobuf::MessageLite& prototype,
                                                   bool create) {
  Change& change = Load(key);
  if (change.object != nullptr) return change.object.get();
  if (!change.now.has_value() && !create) return nullptr;
  std::unique_ptr<google::protobuf::MessageLite> object(prototype.New());
  if (change.now.has_value() && !object->ParseFromString(*change.now)) {
    if (!create) return nullptr;
    object->Clear();
  }
  change.object = std::move(object);
  return change.object.get();
}

void StagedState::Scan(absl::string_view prefix, Visitor visit) const {
  std::map<std::string, std::string> merged;
  const std::string begin = absl::StrCat(prefix_, prefix);
  absl::Status status = reader_.Scan(
      begin, log::AfterPrefix(begin), [&](absl::string_view key, absl::string_view value) {
        merged.emplace(std::string(key.substr(prefix_.size())), std::string(value));
        return true;
      });
  if (!status.ok() && status_.ok()) status_ = status;
  for (auto it = changes_.lower_bound(prefix);
       it != changes_.end() && absl::StartsWith(it->first, prefix); ++it) {
    Serialize(it->second);
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

void StagedState::Stage(log::WriteBatch& batch, StateDigest& digest) {
  for (auto& [key, change] : changes_) {
    Serialize(change);
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

void StagedState::ForEachChange(absl::FunctionRef<void(absl::string_view key)> visit) const {
  for (const auto& [key, change] : changes_) {
    if (change.now != change.stored) visit(key);
  }
}

}  // namespace chargeledger::projections
