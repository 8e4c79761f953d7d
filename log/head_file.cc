#include "log/head_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/sha256.h"
#include "log/store.h"

namespace chargeledger::log {
namespace {

constexpr size_t kSlotBytes = 4096;
constexpr size_t kMagicSize = 24;
constexpr absl::string_view kMagic = "chargeledger head 1\n";
constexpr size_t kRecordSize = kMagicSize + core::LogId::kSize + 4 + 8 + 8 + 2 * Hash::kSize;
// How long a written head may stay unsynced while nothing forces it out.
constexpr absl::Duration kSyncAfter = absl::Milliseconds(100);

std::string Encode(const core::LogId& log_id, uint32_t generation, uint64_t counter,
                   const TreeHead& head) {
  std::string slot(kMagic);
  slot.resize(kMagicSize, '\0');
  absl::StrAppend(&slot, log_id.bytes());
  AppendBigEndian32(slot, generation);
  AppendBigEndian64(slot, counter);
  AppendBigEndian64(slot, head.size);
  absl::StrAppend(&slot, head.root.bytes());
  absl::StrAppend(&slot, core::Sha256(slot).bytes());
  return slot;
}

struct Slot {
  core::LogId log_id;
  uint32_t generation;
  uint64_t counter;
  TreeHead head;
};

std::optional<Slot> Decode(absl::string_view slot) {
  const absl::string_view hashed = slot.substr(0, kRecordSize - Hash::kSize);
  if (slot.size() < kRecordSize || slot.substr(0, kMagic.size()) != kMagic ||
      core::Sha256(hashed).bytes() != slot.substr(hashed.size(), Hash::kSize)) {
    return std::nullopt;
  }
  absl::string_view rest = slot.substr(kMagicSize);
  auto take = [&](size_t size) {
    const absl::string_view part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  Slot decoded;
  decoded.log_id = *core::LogId::FromBytes(take(core::LogId::kSize));
  decoded.generation = ReadBigEndian32(take(4));
  decoded.counter = ReadBigEndian64(take(8));
  decoded.head.size = ReadBigEndian64(take(8));
  decoded.head.root = *Hash::FromBytes(take(Hash::kSize));
  return decoded;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HeadFile>> HeadFile::Open(Directory& directory,
                                                         const std::string& name,
                                                         core::Threads threads) {
  CL_ASSIGN_OR_RETURN(auto file, directory.OpenFile(name));
  std::unique_ptr<HeadFile> heads(new HeadFile(std::move(file)));
  CL_RETURN_IF_ERROR(heads->Load());
  if (threads == core::Threads::kOwn) {
    heads->thread_ = std::thread([h = heads.get()] { h->Run(); });
  }
  return heads;
}

HeadFile::~HeadFile() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  // A failure was told by the write before, or concerns nobody any more.
  if (dirty()) (void)Sync();
}

absl::Status HeadFile::Load() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    CL_ASSIGN_OR_RETURN(std::string pair, file_->Read(places_ * 2 * kSlotBytes, 2 * kSlotBytes));
    if (pair.empty()) return absl::OkStatus();
    for (size_t at : {size_t{0}, kSlotBytes}) {
      const absl::string_view bytes =
          absl::string_view(pair).substr(std::min(at, pair.size()), kSlotBytes);
      const std::optional<Slot> slot = Decode(bytes);
      if (slot.has_value()) {
        Record& record = records_[{slot->log_id, slot->generation}];
        if (slot->counter >= record.counter) record = {places_, slot->counter, slot->head};
      } else if (bytes.find_first_not_of('\0') != absl::string_view::npos) {
        ++torn_slots_;
      }
    }
    ++places_;
  }
}

std::optional<TreeHead> HeadFile::Find(const core::LogId& log_id,
                                       core::Generation generation) const {
  absl::MutexLock lock(&mutex_);
  auto found = records_.find({log_id, generation.value()});
  if (found == records_.end()) return std::nullopt;
  return found->second.head;
}

std::vector<std::pair<core::LogId, core::Generation>> HeadFile::names() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::pair<core::LogId, core::Generation>> names;
  for (const auto& [name, record] : records_) {
    names.emplace_back(name.first, core::Generation(name.second));
  }
  return names;
}

absl::Status HeadFile::Write(const core::LogId& log_id, core::Generation generation,
                             const TreeHead& head) {
  absl::MutexLock lock(&mutex_);
  CL_RETURN_IF_ERROR(failure_);
  auto [it, is_new] = records_.try_emplace({log_id, generation.value()});
  Record& record = it->second;
  if (is_new) {
    // Both slots get their space now: a full disk must not stop a log whose own space is there.
    record.place = places_++;
    failure_ = file_->Extend(places_ * 2 * kSlotBytes);
    CL_RETURN_IF_ERROR(failure_);
  }
  record.head = head;
  const std::string slot = Encode(log_id, generation.value(), ++record.counter, head);
  const uint64_t at = (record.place * 2 + record.counter % 2) * kSlotBytes;
  failure_ = file_->Write(at, slot);
  dirty_ = true;
  return failure_;
}

absl::Status HeadFile::Sync() {
  {
    absl::MutexLock lock(&mutex_);
    CL_RETURN_IF_ERROR(failure_);
    dirty_ = false;
  }
  absl::Status status = file_->Sync();
  if (status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  failure_ = status;
  return status;
}

bool HeadFile::dirty() const {
  absl::MutexLock lock(&mutex_);
  return dirty_;
}

void HeadFile::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      auto wanted = [this] { return dirty_ || stopping_; };
      mutex_.Await(absl::Condition(&wanted));
      // Heads that come within a moment share one sync.
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kSyncAfter);
      if (stopping_ && !dirty_) return;
    }
    // A failure stays, and fails the next Write.
    if (!Sync().ok()) return;
  }
}

}  // namespace chargeledger::log
