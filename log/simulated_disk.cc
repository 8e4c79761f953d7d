#include "log/simulated_disk.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

// What one damaged block takes with it.
constexpr size_t kBlockBytes = 4096;

// What is written at once, or not at all.
constexpr uint64_t kSectorBytes = 512;

// The sectors of a write that came to the disk before the power went.
std::string Torn(uint64_t offset, const std::string& bytes, uint64_t chance) {
  const uint64_t first_end = kSectorBytes - offset % kSectorBytes;
  const uint64_t borders =
      bytes.size() <= first_end ? 0 : 1 + (bytes.size() - first_end - 1) / kSectorBytes;
  const uint64_t border = chance % (borders + 1);
  return border == 0 ? std::string() : bytes.substr(0, first_end + (border - 1) * kSectorBytes);
}

absl::Status Gone() { return absl::UnavailableError("the process has ended"); }

}  // namespace

struct SimulatedDisk::StoreData {
  struct Undo {
    std::string key;
    std::optional<std::string> before;
    // Whether the key was in a damaged block and had been written since.
    bool written_since = false;
  };

  std::map<std::string, std::string, std::less<>> data;
  // What takes back the batches that are not synced, oldest first.
  std::vector<std::vector<Undo>> unsynced;
  // Keys in damaged blocks; true: written again since, so that Get does not need the block.
  std::map<std::string, bool, std::less<>> damaged;
  // A compaction has met damage.
  bool stuck = false;

  void Set(const std::string& key, std::optional<std::string> value, std::vector<Undo>* undo) {
    auto hit = damaged.find(key);
    auto [at, is_new] = data.try_emplace(key);
    if (undo != nullptr) {
      undo->push_back({key, is_new ? std::nullopt : std::optional(std::move(at->second)),
                       hit != damaged.end() && std::exchange(hit->second, true)});
    }
    if (value.has_value()) {
      at->second = *std::move(value);
    } else {
      data.erase(at);
    }
  }

  void Apply(const WriteBatch& batch) {
    std::vector<Undo>& undo = unsynced.emplace_back();
    for (const WriteBatch::Operation& operation : batch.operations()) {
      const std::string key(batch.KeyOf(operation));
      switch (operation.kind) {
        case WriteBatch::Kind::kPut:
          Set(key, std::string(operation.value), &undo);
          break;
        case WriteBatch::Kind::kDelete:
          Set(key, std::nullopt, &undo);
          break;
        case WriteBatch::Kind::kDeleteRange:
          for (auto at = data.lower_bound(key); at != data.end() && at->first < operation.value;) {
            const std::string gone = (at++)->first;
            Set(gone, std::nullopt, &undo);
          }
          break;
      }
    }
  }
};

struct SimulatedDisk::FileData {
  struct Write {
    uint64_t offset;
    std::string before;
    std::string bytes;
  };

  std::string bytes;
  std::vector<Write> unsynced;

  void Put(uint64_t offset, absl::string_view fresh) {
    if (bytes.size() < offset + fresh.size()) bytes.resize(offset + fresh.size());
    bytes.replace(offset, fresh.size(), fresh.data(), fresh.size());
  }
};

// What a process has mounted, as long as it lives.
struct SimulatedDisk::MountState {
  Fate fate;
  bool dead = false;

  Outcome Decide(absl::string_view kind, absl::string_view name) {
    if (dead) return Outcome::kCrashBefore;
    const Outcome outcome = fate ? fate(kind, name) : Outcome::kDone;
    if (outcome == Outcome::kCrashBefore || outcome == Outcome::kCrashAfter) dead = true;
    return outcome;
  }
  // Of an operation that is all or nothing. `change` does it.
  absl::Status Do(absl::string_view kind, absl::string_view name,
                  absl::FunctionRef<void()> change) {
    switch (Decide(kind, name)) {
      case Outcome::kDone:
        change();
        return absl::OkStatus();
      case Outcome::kCrashAfter:
      case Outcome::kFailedDone:
        change();
        return absl::UnavailableError(
            absl::StrCat("cannot ", kind, " ", name, ": the device failed"));
      case Outcome::kFull:
        return absl::ResourceExhaustedError(
            absl::StrCat("cannot ", kind, " ", name, ": the disk is full"));
      default:
        return absl::UnavailableError(
            absl::StrCat("cannot ", kind, " ", name, ": the device failed"));
    }
  }
};

class SimulatedDisk::MountedStore final : public Store {
 public:
  // `mount` null: a view for judges.
  MountedStore(std::shared_ptr<MountState> mount, std::string name, StoreData& data,
               const StoreOptions& options)
      : mount_(std::move(mount)), name_(std::move(name)), data_(data), options_(options) {
    if (!options_.read_only) data_.stuck = false;
  }

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    CL_RETURN_IF_ERROR(Alive());
    auto hit = Damaged(key);
    if (hit != data_.damaged.end() && hit->first == key && !hit->second) return Tell(hit->first);
    auto found = data_.data.find(key);
    if (found == data_.data.end()) return std::optional<std::string>();
    return std::optional<std::string>(found->second);
  }

  absl::Status Scan(absl::string_view begin, absl::string_view end, Visitor visit) const override {
    CL_RETURN_IF_ERROR(Alive());
    auto at = data_.data.lower_bound(begin);
    auto hit = Damaged(begin);
    while (true) {
      const bool over = at == data_.data.end() || (!end.empty() && at->first >= end);
      const bool damaged = hit != data_.damaged.end() && (end.empty() || hit->first < end);
      if (damaged && (over || hit->first <= at->first)) return Tell(hit->first);
      if (over || !visit(at->first, at->second)) return absl::OkStatus();
      ++at;
    }
  }

  absl::Status ScanReverse(absl::string_view begin, absl::string_view end,
                           Visitor visit) const override {
    CL_RETURN_IF_ERROR(Alive());
    auto at = end.empty() ? data_.data.end() : data_.data.lower_bound(end);
    auto hit =
        end.empty() || mount_ == nullptr ? data_.damaged.end() : data_.damaged.lower_bound(end);
    while (true) {
      const bool over = at == data_.data.begin() || std::prev(at)->first < begin;
      const bool damaged =
          mount_ != nullptr && hit != data_.damaged.begin() && std::prev(hit)->first >= begin;
      if (damaged && (over || std::prev(hit)->first >= std::prev(at)->first)) {
        return Tell(std::prev(hit)->first);
      }
      if (over) return absl::OkStatus();
      --at;
      if (!visit(at->first, at->second)) return absl::OkStatus();
    }
  }

  absl::Status Commit(const WriteBatch& batch, Durability durability) override {
    CL_RETURN_IF_ERROR(failure_);
    if (mount_ == nullptr || options_.read_only) {
      return absl::FailedPreconditionError("the store was opened for reading");
    }
    CL_RETURN_IF_ERROR(Alive());
    if (data_.stuck) {
      failure_ = absl::DataLossError(absl::StrCat("store ", name_, ": a compaction met damage"));
      if (options_.damaged) options_.damaged(failure_);
      return failure_;
    }
    const bool synced = durability == Durability::kSynced;
    const Outcome outcome = mount_->Decide(synced ? "commit" : "write", name_);
    if (outcome == Outcome::kDone || outcome == Outcome::kCrashAfter ||
        outcome == Outcome::kFailedDone) {
      data_.Apply(batch);
    }
    if (outcome == Outcome::kDone || outcome == Outcome::kCrashAfter) {
      if (synced) data_.unsynced.clear();
      if (outcome == Outcome::kDone) return absl::OkStatus();
    }
    failure_ =
        outcome == Outcome::kFull
            ? absl::ResourceExhaustedError(absl::StrCat("store ", name_, ": the disk is full"))
            : absl::UnavailableError(absl::StrCat("store ", name_, ": the device failed"));
    return failure_;
  }

  std::unique_ptr<Reader> Snapshot() const override {
    auto copy = std::make_unique<Frozen>();
    copy->data = data_.data;
    copy->damaged = data_.damaged;
    auto store = std::make_unique<MountedStore>(mount_, name_, *copy, options_);
    store->frozen_ = std::move(copy);
    return store;
  }

 private:
  using Frozen = StoreData;

  absl::Status Alive() const {
    return mount_ != nullptr && mount_->dead ? Gone() : absl::OkStatus();
  }
  std::map<std::string, bool, std::less<>>::const_iterator Damaged(absl::string_view from) const {
    return mount_ == nullptr ? data_.damaged.end() : data_.damaged.lower_bound(from);
  }
  absl::Status Tell(const std::string& key) const {
    absl::Status status = absl::DataLossError(absl::StrCat(
        "store ", name_, ": the block at key ", absl::BytesToHexString(key), " is damaged"));
    if (options_.damaged) options_.damaged(status);
    return status;
  }

  const std::shared_ptr<MountState> mount_;
  const std::string name_;
  StoreData& data_;
  const StoreOptions options_;
  std::unique_ptr<Frozen> frozen_;
  absl::Status failure_;
};

class SimulatedDisk::MountedFile final : public File {
 public:
  MountedFile(std::shared_ptr<MountState> mount, std::string name, FileData& data)
      : mount_(std::move(mount)), name_(std::move(name)), data_(data) {}

  absl::StatusOr<std::string> Read(uint64_t offset, size_t size) const override {
    if (mount_->dead) return Gone();
    return offset >= data_.bytes.size() ? std::string() : data_.bytes.substr(offset, size);
  }
  absl::Status Write(uint64_t offset, absl::string_view bytes) override {
    return mount_->Do("overwrite", name_, [&] {
      const std::string before =
          offset >= data_.bytes.size() ? std::string() : data_.bytes.substr(offset, bytes.size());
      data_.unsynced.push_back({offset, before, std::string(bytes)});
      data_.Put(offset, bytes);
    });
  }
  absl::Status Extend(uint64_t size) override {
    return mount_->Do("extend", name_, [&] {
      if (data_.bytes.size() < size) data_.bytes.resize(size);
    });
  }
  absl::Status Sync() override {
    return mount_->Do("sync", name_, [&] { data_.unsynced.clear(); });
  }

 private:
  const std::shared_ptr<MountState> mount_;
  const std::string name_;
  FileData& data_;
};

class SimulatedDisk::Mounted final : public Directory {
 public:
  Mounted(SimulatedDisk& disk, std::shared_ptr<MountState> mount)
      : disk_(disk), mount_(std::move(mount)) {}

  absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& name,
                                                   const StoreOptions& options) override {
    if (mount_->dead) return Gone();
    auto found = disk_.stores_.find(name);
    if (found == disk_.stores_.end()) {
      CL_RETURN_IF_ERROR(
          mount_->Do("create", name, [&] { disk_.stores_[name] = std::make_unique<StoreData>(); }));
      found = disk_.stores_.find(name);
    }
    return std::make_unique<MountedStore>(mount_, name, *found->second, options);
  }
  absl::StatusOr<std::unique_ptr<File>> OpenFile(const std::string& name) override {
    if (mount_->dead) return Gone();
    auto found = disk_.files_.find(name);
    if (found == disk_.files_.end()) {
      CL_RETURN_IF_ERROR(
          mount_->Do("create", name, [&] { disk_.files_[name] = std::make_unique<FileData>(); }));
      found = disk_.files_.find(name);
    }
    return std::make_unique<MountedFile>(mount_, name, *found->second);
  }
  absl::StatusOr<std::string> ReadFile(const std::string& name) const override {
    if (mount_->dead) return Gone();
    auto found = disk_.files_.find(name);
    if (found == disk_.files_.end()) return absl::NotFoundError(absl::StrCat("no file ", name));
    return found->second->bytes;
  }
  absl::Status ReplaceFile(const std::string& name, absl::string_view bytes) override {
    return mount_->Do("replace", name, [&] {
      auto file = std::make_unique<FileData>();
      file->bytes = std::string(bytes);
      disk_.files_[name] = std::move(file);
    });
  }
  bool Exists(const std::string& name) const override {
    return disk_.stores_.count(name) > 0 || disk_.files_.count(name) > 0;
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (!Exists(from)) return absl::NotFoundError(absl::StrCat("nothing is called ", from));
    return mount_->Do("rename", from, [&] {
      Move(disk_.stores_, from, to);
      Move(disk_.files_, from, to);
    });
  }
  absl::Status Remove(const std::string& name) override {
    return mount_->Do("remove", name, [&] {
      disk_.stores_.erase(name);
      disk_.files_.erase(name);
    });
  }

 private:
  template <typename Named>
  static void Move(Named& named, const std::string& from, const std::string& to) {
    auto found = named.find(from);
    if (found == named.end()) return;
    auto moved = std::move(found->second);
    named.erase(found);
    named[to] = std::move(moved);
  }

  SimulatedDisk& disk_;
  const std::shared_ptr<MountState> mount_;
};

SimulatedDisk::SimulatedDisk() = default;
SimulatedDisk::~SimulatedDisk() { Unmount(); }

std::unique_ptr<Directory> SimulatedDisk::Mount(Fate fate) {
  Unmount();
  mount_ = std::make_shared<MountState>();
  mount_->fate = std::move(fate);
  return std::make_unique<Mounted>(*this, mount_);
}

void SimulatedDisk::Unmount() {
  if (mount_ != nullptr) mount_->dead = true;
}

void SimulatedDisk::LosePower(Bits bits) {
  Unmount();
  for (auto& [name, store] : stores_) {
    auto& unsynced = store->unsynced;
    const size_t kept = unsynced.empty() ? 0 : bits() % (unsynced.size() + 1);
    while (unsynced.size() > kept) {
      std::vector<StoreData::Undo> undo = std::move(unsynced.back());
      unsynced.pop_back();
      for (auto at = undo.rbegin(); at != undo.rend(); ++at) {
        store->Set(at->key, std::move(at->before), nullptr);
        auto hit = store->damaged.find(at->key);
        if (hit != store->damaged.end()) hit->second = at->written_since;
      }
    }
    unsynced.clear();
  }
  for (auto& [name, file] : files_) {
    std::vector<FileData::Write> writes = std::exchange(file->unsynced, {});
    for (auto at = writes.rbegin(); at != writes.rend(); ++at) {
      if (at->before.size() < at->bytes.size()) file->bytes.resize(at->offset + at->before.size());
      file->Put(at->offset, at->before);
    }
    for (const FileData::Write& write : writes) {
      switch (bits() % 4) {
        case 0:
          break;
        case 1:
          file->Put(write.offset, Torn(write.offset, write.bytes, bits()));
          break;
        default:
          file->Put(write.offset, write.bytes);
      }
    }
  }
}

std::vector<std::string> SimulatedDisk::Damage(const std::string& store, Bits bits) {
  auto found = stores_.find(store);
  if (found == stores_.end() || found->second->data.empty()) return {};
  auto at = found->second->data.begin();
  std::advance(at, static_cast<ptrdiff_t>(bits() % found->second->data.size()));
  return DamageFrom(store, at->first);
}

std::vector<std::string> SimulatedDisk::DamageFrom(const std::string& store,
                                                   absl::string_view first) {
  std::vector<std::string> keys;
  auto found = stores_.find(store);
  if (found == stores_.end()) return keys;
  StoreData& data = *found->second;
  // What is not synced is in no table yet.
  std::map<std::string, bool> fresh;
  for (const auto& batch : data.unsynced) {
    for (const StoreData::Undo& undo : batch) fresh[undo.key] = true;
  }
  auto at = data.data.lower_bound(first);
  size_t bytes = 0;
  while (at != data.data.end() && bytes < kBlockBytes) {
    bytes += at->first.size() + at->second.size();
    if (fresh.count(at->first) == 0) {
      data.damaged[at->first] = false;
      keys.push_back(at->first);
    }
    ++at;
  }
  return keys;
}

bool SimulatedDisk::Compact(const std::string& store) {
  auto found = stores_.find(store);
  if (found == stores_.end() || found->second->damaged.empty()) return false;
  found->second->stuck = true;
  return true;
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::Image() const {
  auto image = std::make_unique<SimulatedDisk>();
  for (const auto& [name, store] : stores_) {
    auto copy = std::make_unique<StoreData>();
    copy->data = store->data;
    copy->damaged = store->damaged;
    image->stores_[name] = std::move(copy);
  }
  for (const auto& [name, file] : files_) {
    auto copy = std::make_unique<FileData>();
    copy->bytes = file->bytes;
    image->files_[name] = std::move(copy);
  }
  return image;
}

void SimulatedDisk::TakeFile(const SimulatedDisk& other, const std::string& name) {
  auto found = other.files_.find(name);
  if (found == other.files_.end()) return;
  auto copy = std::make_unique<FileData>();
  copy->bytes = found->second->bytes;
  files_[name] = std::move(copy);
}

std::unique_ptr<Store> SimulatedDisk::Look(const std::string& store, Sight sight) const {
  auto found = stores_.find(store);
  if (found == stores_.end()) return nullptr;
  StoreOptions options;
  options.read_only = true;
  auto mount = sight == Sight::kReadable ? std::make_shared<MountState>() : nullptr;
  return std::make_unique<MountedStore>(std::move(mount), store, *found->second, options);
}

}  // namespace chargeledger::log
