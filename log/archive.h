// All logs of one process: the store they stand in, the head file that witnesses them, and the
// thread that seals their bundles, some at a time: deleting the entries one by one would cost the
// writer as much as they did.
//
// Thread-safe; each log has one writer (event_log.h).
//
//  1. When Commit returns OK, the batch is durable, the heads in it are published, and the head
//  file knows them.
//  2. After a failed Commit nothing more is taken until the archive is opened again.
//  3. A log whose head file record is ahead of what the store holds, or says another root, is
//  reported: something that was acknowledged is gone or another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "core/ids.h"
#include "core/threads.h"
#include "log/directory.h"
#include "log/event_log.h"
#include "log/head_file.h"
#include "log/records.h"
#include "log/rocksdb_store.h"
#include "log/store.h"

namespace chargeledger::log {

class Archive {
 public:
  // How many bundles are sealed in one batch.
  static constexpr uint64_t kSealedAtOnce = 16;
  // The names of what is in the directory.
  static constexpr char kStoreName[] = "log";
  static constexpr char kHeadsName[] = "heads";
  static constexpr char kRecordsName[] = "records";
  // There when the store was found damaged: the next Open mends it (mend.h).
  static constexpr char kMarkName[] = "damaged";

  // Opens or creates both in `directory`, which outlives the archive; a store that was found
  // damaged is mended before. Without a thread of its own it seals when RunOnce is called.
  static absl::StatusOr<std::unique_ptr<Archive>> Open(Directory& directory,
                                                       core::Threads threads = core::Threads::kOwn);
  // In a directory of the system's, which is there.
  static absl::StatusOr<std::unique_ptr<Archive>> Open(const std::string& path,
                                                       const RocksDbOptions& options);
  // On a store alone, without a head file and without sealing: for tests.
  // `store` outlives the archive.
  explicit Archive(Store& store) : store_(store) {}
  ~Archive();

  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  struct Opened {
    // Lives as long as the archive.
    EventLog* log = nullptr;
    // DATA_LOSS: what the head file remembers is more than the log holds, or other. The log holds
    // together in itself, and can be read.
    absl::Status witness;
    // What the head file remembers.
    std::optional<TreeHead> witnessed;
  };
  // The log, opened once; whoever opens it again is told the same. DATA_LOSS if it does not hold
  // together; FAILED_PRECONDITION if its record is missing in the head file.
  absl::StatusOr<Opened> OpenLog(const core::LogId& log_id, core::Generation generation);

  struct Growth {
    EventLog* log;
    TreeHead head;
  };
  // Commits `batch` synced and publishes the heads that it brings.
  absl::Status Commit(const WriteBatch& batch, absl::Span<const Growth> grown);

  // Stores what is known of a log beside the log, under a key of kRecordKinds; durable when it
  // returns OK, in the store and in the file of records.
  static constexpr absl::string_view kRecordKinds = "afl";
  absl::Status PutRecord(const std::string& key, const std::string& value);

  // Keeps `note` as a log's newest checkpoint. Not synced: losing it costs asking for it again.
  absl::Status KeepCheckpoint(EventLog& log, const std::string& note);

  // What changes a log that stands: each commits synced, one at a time, and never while a bundle is
  // sealed. `log` has no other writer meanwhile.
  // Puts another side's entries in the place of a damaged bundle (EventLog::StageRepair).
  absl::Status Repair(EventLog& log, uint64_t index, absl::Span<const absl::string_view> entries);
  // Takes back everything from `size` on, a multiple of 256.
  absl::Status Truncate(EventLog& log, uint64_t size);
  // Keeps only the hashes of the bundles before `end`.
  absl::Status Drop(EventLog& log, uint64_t end);
  // Takes a generation that is damaged, whether it opens or not, back to the last whole bundle
  // before the damage: ReadableSize entries. What comes after is gone then: whoever wants it reads
  // it first (VisitReadable).
  absl::StatusOr<Opened> Salvage(const core::LogId& log_id, core::Generation generation);

  absl::StatusOr<uint64_t> ReadableSize(const core::LogId& log_id,
                                        core::Generation generation) const;

  // Called if sealing fails: the store takes nothing more then; and with ABORTED if the store is
  // found damaged: it goes on as far as it can, and is mended when it is opened again. On any
  // thread. Set before any log is opened.
  void OnFailed(std::function<void(const absl::Status&)> failed);
  // ABORTED if the store was found damaged since it was opened; or why that could not be
  // remembered.
  absl::Status damage() const;
  bool damaged() const { return !damage().ok(); }
  // Seals every complete bundle, and waits for it.
  void WaitUntilSealed();
  // Does one piece of what the archive's thread would do, `bundles` at a time; false if there is
  // nothing to do.
  bool RunOnce(uint64_t bundles = kSealedAtOnce);
  // Brings the head file to the disk: without a thread of its own it is not done otherwise.
  absl::Status SyncHeads();

  std::vector<EventLog*> logs() const;
  Store& store() { return store_; }
  // Null without one.
  const HeadFile* heads() const { return heads_.get(); }

 private:
  using Name = std::pair<core::LogId, uint32_t>;
  struct Known {
    std::unique_ptr<EventLog> log;
    // As it was found when the log was opened, or mended since.
    Opened opened;
  };

  class Mark;

  Archive(Directory& directory, std::shared_ptr<Mark> mark, std::unique_ptr<Store> store,
          std::unique_ptr<HeadFile> heads)
      : directory_(&directory),
        mark_(std::move(mark)),
        owned_store_(std::move(store)),
        store_(*owned_store_),
        heads_(std::move(heads)) {}

  // The records of the store and of the file agree afterwards.
  absl::Status LoadRecords();
  absl::Status Witness(EventLog& log, Opened& opened);
  absl::Status Mended(const core::LogId& log_id, core::Generation generation, const TreeHead& head);
  void SealInBackground();
  void SealNext(uint64_t bundles);
  // False if the log has not so many bundles to seal.
  absl::StatusOr<bool> SealSome(EventLog& log, uint64_t bundles);

  std::unique_ptr<Directory> owned_directory_;
  // Null without one.
  Directory* const directory_ = nullptr;
  // Outlives the store, which tells it.
  std::shared_ptr<Mark> mark_;
  std::unique_ptr<Store> owned_store_;
  Store& store_;
  std::unique_ptr<HeadFile> heads_;
  std::function<void(const absl::Status&)> failed_;
  // Held by whoever moves or replaces what stands: sealing, repair, truncation.
  absl::Mutex rewriting_;
  absl::Mutex records_mutex_;
  Records records_ ABSL_GUARDED_BY(records_mutex_);
  mutable absl::Mutex mutex_;
  std::map<Name, Known> logs_ ABSL_GUARDED_BY(mutex_);
  // Logs that may have a bundle to seal.
  std::vector<EventLog*> to_seal_ ABSL_GUARDED_BY(mutex_);
  bool sealing_ ABSL_GUARDED_BY(mutex_) = false;
  bool seal_all_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread sealer_;
};

}  // namespace chargeledger::log
