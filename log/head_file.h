// The head file: what each log's head was, kept outside the store as a second witness of it.
//
// RocksDB opens cleanly when its write-ahead log was deleted or cut at the border of a record, and
// all that was acknowledged since is gone without a word. So after each commit the head goes into
// this file too, and is compared when the log is opened.
//
// Two slots a log, 4 KiB apart, so that no sector holds both; the older one is overwritten:
//
//   slot = "chargeledger head 1\n" padded with 0 to 24 ‖ log id (16) ‖ generation (4, big-endian) ‖
//          counter (8) ‖ size (8) ‖ root (32) ‖ SHA-256 of all before
//
//  1. A record is never ahead of what was durable when it was written: Write follows the commit.
//  2. A record lies in one sector, which a disk writes whole or not at all: a power cut may set a
//  slot back, not tear it. One that is damaged all the same leaves the other slot, which has the
//  write before.
//  3. Written at once (it survives the process), synced within a moment by a thread of its own (it
//  survives a power cut, which may set it back by that moment).
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/ids.h"
#include "core/threads.h"
#include "log/directory.h"
#include "log/merkle.h"

namespace chargeledger::log {

class HeadFile {
 public:
  // Opens or creates the file `name` in `directory`, which outlives it. Without a thread of its own
  // it is synced by whoever has it.
  static absl::StatusOr<std::unique_ptr<HeadFile>> Open(
      Directory& directory, const std::string& name, core::Threads threads = core::Threads::kOwn);
  // Syncs.
  ~HeadFile();

  HeadFile(const HeadFile&) = delete;
  HeadFile& operator=(const HeadFile&) = delete;

  // The newest record of a log; none if there is none that can be read.
  std::optional<TreeHead> Find(const core::LogId& log_id, core::Generation generation) const;
  // Every log that has a record.
  std::vector<std::pair<core::LogId, core::Generation>> names() const;
  // After the first failure every Write and Sync fails. The first Write of a log takes new space;
  // the others take none.
  absl::Status Write(const core::LogId& log_id, core::Generation generation, const TreeHead& head);
  // Everything written is on the disk when it returns OK.
  absl::Status Sync();
  // Whether something was written since the last Sync.
  bool dirty() const;

  // How many slots that should hold a record do not: torn by a crash, or damaged.
  uint64_t torn_slots() const { return torn_slots_; }

 private:
  using Name = std::pair<core::LogId, uint32_t>;
  struct Record {
    // Of the log's pair of slots.
    uint64_t place = 0;
    uint64_t counter = 0;
    TreeHead head;
  };

  explicit HeadFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  absl::Status Load();
  void Run();

  const std::unique_ptr<File> file_;
  uint64_t torn_slots_ = 0;
  mutable absl::Mutex mutex_;
  std::map<Name, Record> records_ ABSL_GUARDED_BY(mutex_);
  uint64_t places_ ABSL_GUARDED_BY(mutex_) = 0;
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace chargeledger::log
