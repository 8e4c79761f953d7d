#include "log/archive.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/local_directory.h"
#include "log/mend.h"
#include "log/salvage.h"

namespace chargeledger::log {
namespace {

absl::Status Lost(const EventLog& log, const TreeHead& witnessed, const TreeHead& held) {
  return absl::DataLossError(
      absl::StrCat("log ", log.log_id().ToHex(), " generation ", log.generation().value(),
                   ": entries ", held.size, " to ", witnessed.size - 1,
                   " were acknowledged and are gone: the head file remembers ", witnessed.size,
                   " entries, the store holds ", held.size,
                   ". Its write-ahead log was lost or cut, or the store is an older copy"));
}

// A store that has nothing of a log that the head file knows is another store, or a new one in the
// place of one that was lost.
absl::Status CheckKnown(const Store& store, const HeadFile& heads) {
  for (const auto& [log_id, generation] : heads.names()) {
    const TreeHead head = *heads.Find(log_id, generation);
    if (head.size == 0) continue;
    CL_ASSIGN_OR_RETURN(auto stored, store.Get(LogKeys(log_id, generation).Head()));
    if (stored.has_value()) continue;
    return absl::DataLossError(absl::StrCat(
        "log ", log_id.ToHex(), " generation ", generation.value(), ": the head file remembers ",
        head.size, " entries, but the store in `", Archive::kStoreName,
        "` has nothing of this log. Put the store back; to begin anew, start with an empty data "
        "directory"));
  }
  return absl::OkStatus();
}

// Whether the store has everything that the head file remembers.
bool HasAllHeads(const Store& store, const HeadFile& heads) {
  for (const auto& [log_id, generation] : heads.names()) {
    auto stored = store.Get(LogKeys(log_id, generation).Head());
    if (!stored.ok() || !stored->has_value()) return false;
    auto head = DecodeHead(**stored);
    if (!head.ok() || head->size < heads.Find(log_id, generation)->size) return false;
  }
  return true;
}

// After a power loss the store's last writes may be there in parts: they are given up if nothing
// was among them that had been acknowledged.
absl::StatusOr<std::unique_ptr<Store>> OpenLogStore(Directory& directory, const HeadFile& heads,
                                                    StoreOptions options) {
  auto store = directory.OpenStore(Archive::kStoreName, options);
  if (store.status().code() != absl::StatusCode::kDataLoss) return store;
  StoreOptions look;
  look.read_only = true;
  look.up_to_damage = true;
  {
    auto part = directory.OpenStore(Archive::kStoreName, look);
    if (!part.ok() || !HasAllHeads(**part, heads)) return store;
  }
  options.up_to_damage = true;
  return directory.OpenStore(Archive::kStoreName, options);
}

}  // namespace

// Remembers, in a file, that the store was found damaged.
class Archive::Mark {
 public:
  explicit Mark(Directory& directory) : directory_(directory) {}

  void Set(const absl::Status& damage) {
    std::function<void(const absl::Status&)> failed;
    {
      absl::MutexLock lock(&mutex_);
      if (set_) return;
      set_ = true;
      // Whoever opens the store again without the mark finds the same: that the mark cannot be
      // written is what has to be over first.
      status_ = directory_.ReplaceFile(kMarkName, damage.message());
      if (status_.ok()) status_ = ToMend(damage);
      failed = failed_;
    }
    if (failed) failed(status());
  }
  void OnFailed(std::function<void(const absl::Status&)> failed) {
    absl::MutexLock lock(&mutex_);
    failed_ = std::move(failed);
  }
  absl::Status status() const {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  static absl::Status ToMend(const absl::Status& damage) {
    return absl::AbortedError(absl::StrCat("stored bytes are damaged: ", damage.message()));
  }

  Directory& directory_;
  mutable absl::Mutex mutex_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const absl::Status&)> failed_ ABSL_GUARDED_BY(mutex_);
};

absl::Status Archive::damage() const {
  return mark_ == nullptr ? absl::OkStatus() : mark_->status();
}

void Archive::OnFailed(std::function<void(const absl::Status&)> failed) {
  failed_ = failed;
  if (mark_ != nullptr) mark_->OnFailed(std::move(failed));
}

absl::StatusOr<std::unique_ptr<Archive>> Archive::Open(const std::string& path,
                                                       const RocksDbOptions& options) {
  auto directory = std::make_unique<LocalDirectory>(path, options);
  CL_ASSIGN_OR_RETURN(auto archive, Open(*directory));
  archive->owned_directory_ = std::move(directory);
  return archive;
}

absl::StatusOr<std::unique_ptr<Archive>> Archive::Open(Directory& directory,
                                                       core::Threads threads) {
  if (directory.Exists(kMarkName)) {
    CL_RETURN_IF_ERROR(MendStore(directory).status());
    CL_RETURN_IF_ERROR(directory.Remove(kMarkName));
  }
  auto mark = std::make_shared<Mark>(directory);
  StoreOptions options;
  options.damaged = [mark = mark.get()](const absl::Status& damage) { mark->Set(damage); };
  CL_ASSIGN_OR_RETURN(auto heads, HeadFile::Open(directory, kHeadsName, threads));
  CL_ASSIGN_OR_RETURN(auto store, OpenLogStore(directory, *heads, options));
  CL_RETURN_IF_ERROR(CheckKnown(*store, *heads));
  std::unique_ptr<Archive> archive(
      new Archive(directory, std::move(mark), std::move(store), std::move(heads)));
  // Damage there is for mending to deal with.
  if (absl::Status status = archive->LoadRecords();
      !status.ok() && status.code() != absl::StatusCode::kDataLoss) {
    return status;
  }
  if (threads == core::Threads::kOwn) {
    archive->sealer_ = std::thread([a = archive.get()] { a->SealInBackground(); });
  }
  return archive;
}

absl::Status Archive::LoadRecords() {
  absl::MutexLock lock(&records_mutex_);
  for (char kind : kRecordKinds) {
    const std::string prefix(1, kind);
    CL_RETURN_IF_ERROR(store_.Scan(prefix, AfterPrefix(prefix),
                                   [&](absl::string_view key, absl::string_view value)
                                       ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                         records_[std::string(key)] = std::string(value);
                                         return true;
                                       }));
  }
  auto kept = ReadRecords(*directory_, kRecordsName);
  if (kept.ok() && *kept == records_) return absl::OkStatus();
  return WriteRecords(*directory_, kRecordsName, records_);
}

absl::Status Archive::PutRecord(const std::string& key, const std::string& value) {
  WriteBatch batch;
  batch.PutCopy(key, value);
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));
  absl::MutexLock lock(&records_mutex_);
  records_[key] = value;
  if (directory_ == nullptr) return absl::OkStatus();
  return WriteRecords(*directory_, kRecordsName, records_);
}

Archive::~Archive() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (sealer_.joinable()) sealer_.join();
}

absl::StatusOr<Archive::Opened> Archive::OpenLog(const core::LogId& log_id,
                                                 core::Generation generation) {
  absl::MutexLock lock(&mutex_);
  auto [it, is_new] = logs_.try_emplace({log_id, generation.value()});
  Known& known = it->second;
  if (!is_new) return known.opened;
  auto log = EventLog::Open(store_, log_id, generation);
  absl::Status status = log.status();
  if (log.ok()) {
    known.log = *std::move(log);
    known.opened.log = known.log.get();
    if (heads_ != nullptr) status = Witness(*known.log, known.opened);
  }
  if (!status.ok()) {
    // Whoever tries again is to be told again.
    logs_.erase(it);
    return status;
  }
  if (directory_ != nullptr) to_seal_.push_back(known.opened.log);
  return known.opened;
}

absl::Status Archive::Witness(EventLog& log, Opened& opened) {
  const LogKeys keys(log.log_id(), log.generation());
  const TreeHead held = log.head();
  opened.witnessed = heads_->Find(log.log_id(), log.generation());
  if (!opened.witnessed.has_value()) {
    CL_ASSIGN_OR_RETURN(std::optional<std::string> mark, store_.Get(keys.Witnessed()));
    if (mark.has_value()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "log ", log.log_id().ToHex(), " generation ", log.generation().value(),
          ": its record in the head file is missing, so nobody can say whether the ", held.size,
          " entries held here are all that were acknowledged. Put the file `", kHeadsName,
          "` back; if it is lost, `ledgerctl fsck --data-dir DIR --rebuild-heads` accepts what is "
          "there"));
    }
    CL_RETURN_IF_ERROR(heads_->Write(log.log_id(), log.generation(), held));
    CL_RETURN_IF_ERROR(heads_->Sync());
    WriteBatch batch;
    batch.PutCopy(keys.Witnessed(), "1");
    return store_.Commit(batch, Durability::kSynced);
  }
  if (opened.witnessed->size > held.size) {
    opened.witness = Lost(log, *opened.witnessed, held);
    return absl::OkStatus();
  }
  CL_ASSIGN_OR_RETURN(Hash root, log.RootAt(opened.witnessed->size));
  if (root != opened.witnessed->root) {
    opened.witness = absl::DataLossError(absl::StrCat(
        "log ", log.log_id().ToHex(), " generation ", log.generation().value(),
        ": the head file remembers another history: at size ", opened.witnessed->size,
        " its root is ", opened.witnessed->root.ToHex(), ", the store's is ", root.ToHex()));
  }
  return absl::OkStatus();
}

absl::Status Archive::Commit(const WriteBatch& batch, absl::Span<const Growth> grown) {
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));
  bool complete = false;
  for (const Growth& growth : grown) {
    if (heads_ != nullptr) {
      CL_RETURN_IF_ERROR(
          heads_->Write(growth.log->log_id(), growth.log->generation(), growth.head));
    }
    const uint64_t before = growth.log->head().size;
    growth.log->Publish(growth.head);
    complete = complete || before / kTileWidth != growth.head.size / kTileWidth;
  }
  if (!complete || directory_ == nullptr) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  for (const Growth& growth : grown) {
    if (std::find(to_seal_.begin(), to_seal_.end(), growth.log) == to_seal_.end()) {
      to_seal_.push_back(growth.log);
    }
  }
  return absl::OkStatus();
}

absl::Status Archive::KeepCheckpoint(EventLog& log, const std::string& note) {
  WriteBatch batch;
  batch.PutCopy(LogKeys(log.log_id(), log.generation()).Checkpoint(), note);
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kBuffered));
  log.SetCheckpoint(note);
  return absl::OkStatus();
}

absl::Status Archive::Repair(EventLog& log, uint64_t index,
                             absl::Span<const absl::string_view> entries) {
  absl::MutexLock rewriting(&rewriting_);
  WriteBatch batch;
  CL_RETURN_IF_ERROR(log.StageRepair(index, entries, batch));
  return store_.Commit(batch, Durability::kSynced);
}

absl::Status Archive::Truncate(EventLog& log, uint64_t size) {
  absl::MutexLock rewriting(&rewriting_);
  WriteBatch batch;
  CL_ASSIGN_OR_RETURN(TreeHead head, log.StageTruncate(size, batch));
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));
  CL_RETURN_IF_ERROR(log.Reload());
  return Mended(log.log_id(), log.generation(), head);
}

// The log is as it is on purpose: what was found wrong with it is over.
absl::Status Archive::Mended(const core::LogId& log_id, core::Generation generation,
                             const TreeHead& head) {
  if (heads_ != nullptr) CL_RETURN_IF_ERROR(heads_->Write(log_id, generation, head));
  absl::MutexLock lock(&mutex_);
  auto known = logs_.find({log_id, generation.value()});
  if (known != logs_.end()) known->second.opened = {known->second.log.get(), {}, head};
  return absl::OkStatus();
}

absl::Status Archive::Drop(EventLog& log, uint64_t end) {
  absl::MutexLock rewriting(&rewriting_);
  WriteBatch batch;
  CL_RETURN_IF_ERROR(log.StageDropped(end, batch));
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));
  log.PublishDropped(end);
  return absl::OkStatus();
}

absl::StatusOr<Archive::Opened> Archive::Salvage(const core::LogId& log_id,
                                                 core::Generation generation) {
  {
    absl::MutexLock rewriting(&rewriting_);
    WriteBatch batch;
    CL_ASSIGN_OR_RETURN(TreeHead head, StageReadablePrefix(store_, log_id, generation, batch));
    CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));
    EventLog* open = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      auto known = logs_.find({log_id, generation.value()});
      if (known != logs_.end()) open = known->second.log.get();
    }
    if (open != nullptr) CL_RETURN_IF_ERROR(open->Reload());
    CL_RETURN_IF_ERROR(Mended(log_id, generation, head));
  }
  return OpenLog(log_id, generation);
}

absl::StatusOr<uint64_t> Archive::ReadableSize(const core::LogId& log_id,
                                               core::Generation generation) const {
  WriteBatch unused;
  CL_ASSIGN_OR_RETURN(TreeHead head, StageReadablePrefix(store_, log_id, generation, unused));
  return head.size;
}

absl::StatusOr<bool> Archive::SealSome(EventLog& log, uint64_t bundles) {
  absl::MutexLock rewriting(&rewriting_);
  WriteBatch batch;
  CL_ASSIGN_OR_RETURN(bool staged, log.StageSealed(bundles, batch));
  if (!staged) return false;
  // Not synced: until it is, a crash leaves the entries as they were.
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kBuffered));
  log.PublishSealed(bundles);
  return true;
}

void Archive::SealNext(uint64_t bundles) {
  EventLog* log = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (seal_all_) bundles = 1;
    log = to_seal_.front();
    to_seal_.erase(to_seal_.begin());
  }
  absl::StatusOr<bool> sealed = SealSome(*log, bundles);
  if (!sealed.ok()) {
    // A damaged log stays unsealed, and is found when it is read; a failed write concerns all.
    if (sealed.status().code() != absl::StatusCode::kDataLoss && failed_) failed_(sealed.status());
    return;
  }
  if (!*sealed) return;
  // A few bundles at a time, so that no log waits for another's whole past.
  absl::MutexLock lock(&mutex_);
  to_seal_.push_back(log);
}

void Archive::SealInBackground() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      sealing_ = false;
      auto wanted = [this] { return stopping_ || !to_seal_.empty(); };
      mutex_.Await(absl::Condition(&wanted));
      if (stopping_) return;
      sealing_ = true;
    }
    SealNext(kSealedAtOnce);
  }
}

bool Archive::RunOnce(uint64_t bundles) {
  {
    absl::MutexLock lock(&mutex_);
    if (to_seal_.empty()) return false;
  }
  SealNext(bundles);
  return true;
}

absl::Status Archive::SyncHeads() { return heads_->dirty() ? heads_->Sync() : absl::OkStatus(); }

void Archive::WaitUntilSealed() {
  absl::MutexLock lock(&mutex_);
  seal_all_ = true;
  for (const auto& [name, known] : logs_) to_seal_.push_back(known.log.get());
  if (!sealer_.joinable()) {
    mutex_.Unlock();
    while (RunOnce()) continue;
    mutex_.Lock();
  }
  auto done = [this] { return to_seal_.empty() && !sealing_; };
  mutex_.Await(absl::Condition(&done));
  seal_all_ = false;
}

std::vector<EventLog*> Archive::logs() const {
  absl::MutexLock lock(&mutex_);
  std::vector<EventLog*> logs;
  for (const auto& [name, known] : logs_) logs.push_back(known.log.get());
  return logs;
}

}  // namespace chargeledger::log
