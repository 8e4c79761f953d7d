#include "projections/runtime/state_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::projections {
namespace {

// Values are a few hundred bytes, and parsed a few times that; those of a hostile log may be large.
constexpr size_t kMostAtHand = 20'000;
constexpr size_t kMostBytesAtHand = 32 << 20;

size_t SizeOf(const std::optional<std::string>& value) {
  return value.has_value() ? value->size() : 0;
}

}  // namespace

std::string FoldKey(const core::LogId& log_id) { return absl::StrCat("w", log_id.bytes()); }

std::string StatePrefix(const core::LogId& log_id) { return absl::StrCat("s", log_id.bytes()); }

std::string StatePrefix(const core::LogId& log_id, size_t part) {
  std::string prefix = StatePrefix(log_id);
  prefix.push_back(static_cast<char>(part));
  return prefix;
}

// By the end of the key, where keys differ.
size_t StagedState::PlaceOf(absl::string_view key) {
  uint64_t end = 0;
  const size_t size = std::min(key.size(), sizeof(end));
  std::memcpy(&end, key.data() + key.size() - size, size);
  const uint64_t kind = key.empty() ? 0 : static_cast<unsigned char>(key[0]);
  return ((end ^ kind << 56) * 0x9e3779b97f4a7c15) >> (64 - kRecentBits);
}

StagedState::Values::value_type& StagedState::Load(absl::string_view key) const {
  Values::value_type*& recent = recent_[PlaceOf(key)];
  if (recent != nullptr && absl::string_view(recent->first) == key) return *recent;
  if (const auto known = values_.find(key); known != values_.end()) return *(recent = &*known);
  Value value;
  if (!empty_) {
    auto stored = reader_.Get(absl::StrCat(prefix_, key));
    if (stored.ok()) {
      value.counted = *std::move(stored);
    } else if (status_.ok()) {
      status_ = stored.status();
    }
    value.stored = value.counted.has_value();
    if (value.stored) passed_bytes_ += value.counted->size();
  }
  Values::value_type& loaded = *values_.emplace(std::string(key), std::move(value)).first;
  recent = &loaded;
  return loaded;
}

StagedState::Value& StagedState::Touch(absl::string_view key) {
  Values::value_type& loaded = Load(key);
  if (!std::exchange(loaded.second.touched, true)) touched_.push_back(&loaded);
  return loaded.second;
}

std::optional<std::string> StagedState::Now(const Value& value) const {
  if (value.object != nullptr) return value.object->SerializeAsString();
  return value.put ? value.now : value.counted;
}

std::optional<std::string> StagedState::Get(absl::string_view key) const {
  return Now(Load(key).second);
}

void StagedState::Put(absl::string_view key, absl::string_view bytes) {
  Value& value = Touch(key);
  value.object.reset();
  value.put = true;
  value.now = std::string(bytes);
}

void StagedState::Delete(absl::string_view key) {
  Value& value = Touch(key);
  value.object.reset();
  value.put = true;
  value.now.reset();
}

google::protobuf::MessageLite* StagedState::Object(absl::string_view key,
                                                   const google::protobuf::MessageLite& prototype,
                                                   bool create) {
  Values::value_type& loaded = Load(key);
  const std::optional<std::string>& now =
      loaded.second.put ? loaded.second.now : loaded.second.counted;
  if (loaded.second.object == nullptr && !now.has_value() && !create) return nullptr;
  Value& value = Touch(key);
  if (value.object != nullptr) return value.object.get();
  std::unique_ptr<google::protobuf::MessageLite> object(prototype.New());
  if (now.has_value() && !object->ParseFromString(*now)) {
    if (!create) return nullptr;
    object->Clear();
  }
  value.object = std::move(object);
  return value.object.get();
}

void StagedState::Scan(absl::string_view prefix, Visitor visit) const {
  std::map<std::string, std::string> merged;
  if (!empty_) {
    const std::string begin = absl::StrCat(prefix_, prefix);
    absl::Status status = reader_.Scan(
        begin, log::AfterPrefix(begin), [&](absl::string_view key, absl::string_view value) {
          merged.emplace(std::string(key.substr(prefix_.size())), std::string(value));
          return true;
        });
    if (!status.ok() && status_.ok()) status_ = status;
  }
  for (auto it = values_.lower_bound(prefix);
       it != values_.end() && absl::StartsWith(it->first, prefix); ++it) {
    if (std::optional<std::string> now = Now(it->second)) {
      merged[it->first] = *std::move(now);
    } else {
      merged.erase(it->first);
    }
  }
  for (const auto& [key, value] : merged) {
    if (!visit(key, value)) return;
  }
}

void StagedState::Count(StateDigest& digest) {
  for (Values::value_type* touched : touched_) {
    auto& [key, value] = *touched;
    value.touched = false;
    const bool put = std::exchange(value.put, false);
    const bool present = value.object != nullptr || (put ? value.now : value.counted).has_value();
    if (value.object != nullptr) {
      scratch_.clear();
      value.object->AppendToString(&scratch_);
    } else if (put && present) {
      scratch_ = *std::move(value.now);
    } else if (present) {
      continue;
    }
    value.now.reset();
    if (present == value.counted.has_value() && (!present || scratch_ == *value.counted)) continue;
    if (value.counted.has_value()) digest.Remove(key, *value.counted);
    if (value.unwritten) unwritten_bytes_ -= key.size() + SizeOf(value.counted);
    if (present) {
      digest.Add(key, scratch_);
      value.counted = scratch_;
    } else {
      value.counted.reset();
    }
    unwritten_bytes_ += key.size() + SizeOf(value.counted);
    passed_bytes_ += SizeOf(value.counted);
    if (!std::exchange(value.unwritten, true)) unwritten_.push_back(touched);
  }
  touched_.clear();
}

void StagedState::Stage(log::WriteBatch& batch) const {
  for (const Values::value_type* unwritten : unwritten_) {
    const auto& [key, value] = *unwritten;
    if (value.counted.has_value()) {
      batch.Put(absl::StrCat(prefix_, key), *value.counted);
    } else if (value.stored) {
      batch.Delete(absl::StrCat(prefix_, key));
    }
  }
}

void StagedState::Written(absl::FunctionRef<void(absl::string_view key)> visit) {
  for (Values::value_type* unwritten : unwritten_) {
    auto& [key, value] = *unwritten;
    visit(key);
    value.unwritten = false;
    value.stored = value.counted.has_value();
    if (value.stored) continue;
    // Gone for good, most of what is deleted: ids of messages are not given twice.
    recent_[PlaceOf(key)] = nullptr;
    values_.erase(values_.find(key));
  }
  unwritten_.clear();
  unwritten_bytes_ = 0;
  if (values_.size() <= kMostAtHand && passed_bytes_ <= kMostBytesAtHand) return;
  passed_bytes_ = 0;
  recent_.fill(nullptr);
  values_.clear();
  empty_ = false;
}

}  // namespace chargeledger::projections
