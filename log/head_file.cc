#include "log/head_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

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

// A file whose name a power cut takes away is as lost as its bytes would be.
absl::Status SyncParent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path();
  const int directory = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = directory >= 0 && fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0) close(directory);
  if (synced) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot sync ", parent, ": ", strerror(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HeadFile>> HeadFile::Open(const std::string& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", strerror(errno)));
  }
  std::unique_ptr<HeadFile> heads(new HeadFile(path, file));
  CL_RETURN_IF_ERROR(SyncParent(path));
  CL_RETURN_IF_ERROR(heads->Load());
  heads->thread_ = std::thread([h = heads.get()] { h->Run(); });
  return heads;
}

HeadFile::~HeadFile() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  close(file_);
}

absl::Status HeadFile::Load() {
  absl::MutexLock lock(&mutex_);
  std::string pair(2 * kSlotBytes, '\0');
  while (true) {
    const ssize_t got =
        pread(file_, pair.data(), pair.size(), static_cast<off_t>(places_ * pair.size()));
    if (got < 0) return Failed("read");
    if (got == 0) return absl::OkStatus();
    for (size_t at : {size_t{0}, kSlotBytes}) {
      const size_t have = static_cast<size_t>(got) > at ? static_cast<size_t>(got) - at : 0;
      const absl::string_view bytes =
          absl::string_view(pair).substr(at, std::min(have, kSlotBytes));
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

absl::Status HeadFile::Failed(absl::string_view what) {
  const std::string message = absl::StrCat("cannot ", what, " ", path_, ": ", strerror(errno));
  const bool full = errno == ENOSPC || errno == EDQUOT;
  failure_ = full ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
  return failure_;
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
    if (const int error = posix_fallocate(file_, static_cast<off_t>(record.place * 2 * kSlotBytes),
                                          2 * kSlotBytes);
        error != 0) {
      errno = error;
      return Failed("extend");
    }
  }
  record.head = head;
  const std::string slot = Encode(log_id, generation.value(), ++record.counter, head);
  const uint64_t at = (record.place * 2 + record.counter % 2) * kSlotBytes;
  if (pwrite(file_, slot.data(), slot.size(), static_cast<off_t>(at)) !=
      static_cast<ssize_t>(slot.size())) {
    return Failed("write");
  }
  dirty_ = true;
  return absl::OkStatus();
}

absl::Status HeadFile::Sync() {
  {
    absl::MutexLock lock(&mutex_);
    CL_RETURN_IF_ERROR(failure_);
    dirty_ = false;
  }
  if (fdatasync(file_) == 0) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  return Failed("sync");
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
