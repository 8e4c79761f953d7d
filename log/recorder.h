// The author's side of a log: numbers, stamps and serialises events, and makes them durable by
// group commit.
//
// Thread-safe. Two threads of its own drain a bounded queue: while one waits for the disk, the
// other serialises and hashes what arrives meanwhile into the next batch, which grows until the
// disk is free. So a lone event waits for no timer, a crowd shares a sync, and the disk does not
// wait for the hashing. Batches are prepared, committed and answered in order, one at a time at
// each step.
//
//  1. Record numbers events in the order of its calls; that order is the log's.
//  2. `done` is called exactly once for each Record that returned OK, on a thread of the recorder,
//  in the log's order, one at a time. With OK: everything of that call is durable. Otherwise: it
//  may or may not be.
//  3. After a failed commit nothing is recorded any more: Record returns the failure until the log
//  is opened again.
//  4. Every boot begins with a LogOpened entry, durable before Open returns.
//  5. A log that lost what it had acknowledged, or does not hold together, is left as it is, and a
//  new generation begins, whose second entry (GenerationOpened) says why. So it is if replication
//  asks for one (RecorderOptions::begin).
//  6. Where wall and monotonic clock have parted by more than kClockToleranceUs since the boot
//  began or the last step, a ClockStepped entry comes before what was recorded next. Across boots
//  both clocks are compared if the operating system has run on; otherwise the wall clock alone,
//  which tells only that it went back.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/clock.h"
#include "core/ids.h"
#include "core/threads.h"
#include "log/archive.h"
#include "log/event_log.h"
#include "log/own_logs.h"
#include "log/store.h"

namespace chargeledger::log {

// Serialised size of an entry (C2SP tlog-tiles: an entry bundle's length prefix has 16 bits).
constexpr size_t kMaxEntryBytes = 65'535;
// What an author may put into one event, so that the entry's own fields always fit beside it.
constexpr size_t kMaxEventBytes = 65'000;
// Clocks that have parted by less are slewed, not stepped: an NTP client takes hours for it.
constexpr int64_t kClockToleranceUs = int64_t{5} * 1'000'000;

struct RecorderOptions {
  // Bound of the queue; beyond it Record returns RESOURCE_EXHAUSTED.
  size_t max_queued_bytes = 64 << 20;
  // Bound of one commit.
  size_t max_batch_bytes = 4 << 20;
  std::string software_version;
  std::string os_boot_id;
  // Of the key that signs this log's checkpoints, 32 bytes; empty if there is none.
  std::string public_key;
  // Begins the generation after `opened.previous_generation`, if that is the newest and holds
  // together; `events` follow GenerationOpened.
  struct Begin {
    v1::GenerationOpened opened;
    std::vector<v1::Entry> events;
  };
  std::optional<Begin> begin;
  core::Threads threads = core::Threads::kOwn;
};

class Recorder {
 public:
  // Called once with the outcome.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;
  // Called on the recorder's thread after each commit, before the calls' own `done`.
  using Committed = absl::AnyInvocable<void(const TreeHead&)>;

  // Opens the author's own log in `archive`, or creates it with `new_log_id`. FAILED_PRECONDITION
  // if the archive belongs to another operator or site, or its head file is missing. `archive` and
  // `clock` outlive the recorder; `clock` is called under a lock.
  static absl::StatusOr<std::unique_ptr<Recorder>> Open(Archive& archive, core::Clock& clock,
                                                        const Author& author,
                                                        const core::LogId& new_log_id,
                                                        const RecorderOptions& options);
  // Waits until what was recorded is durable.
  ~Recorder();

  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Appends `events` (only Entry.event is set) as consecutive entries and returns the first one's
  // sequence. INVALID_ARGUMENT if one is larger than kMaxEventBytes; RESOURCE_EXHAUSTED if the
  // queue is full; the commit's failure if there was one. On an error nothing is recorded and
  // `done` is not called.
  absl::StatusOr<core::Sequence> Record(std::vector<v1::Entry> events, Done done);

  // Likewise, and waits until it is durable or has failed. Not from a `done`.
  absl::Status RecordAndWait(std::vector<v1::Entry> events);

  void OnCommitted(Committed committed);
  // Does one step of what the recorder's threads would do; false if there is nothing to do.
  bool RunOnce();
  // Why nothing is recorded any more; OK while it is.
  absl::Status failure() const;
  // Keeps a checkpoint of log() that its holder has cosigned.
  absl::Status KeepCheckpoint(const std::string& note) {
    return archive_.KeepCheckpoint(*log_, note);
  }

  const EventLog& log() const { return *log_; }
  // For who shows it beside others; written to by this recorder alone.
  EventLog& mutable_log() const { return *log_; }
  // Generations before log(); null for those that do not open.
  const std::map<uint32_t, EventLog*>& past() const { return past_; }
  // Why this opening began a new generation; OK if it did not.
  const absl::Status& damage() const { return damage_; }
  // The sequence that the next event will get.
  core::Sequence next() const;

 private:
  struct Request {
    std::vector<v1::Entry> entries;
    size_t bytes = 0;
    Done done;
  };
  // Requests on their way through one commit.
  struct Prepared {
    std::vector<Request> requests;
    // The entries' bytes, which `batch` borrows.
    std::deque<std::string> bytes;
    size_t size = 0;
    WriteBatch batch;
    TreeHead head;
    absl::Status outcome;
  };

  Recorder(Archive& archive, core::Clock& clock, const RecorderOptions& options)
      : archive_(archive), clock_(clock), options_(options) {}

  absl::Status Start(const Author& author, const core::LogId& new_log_id);
  // The last entry of `log`; none if it is empty.
  static absl::StatusOr<std::optional<v1::Entry>> LastOf(const EventLog& log);
  // How the clock stepped since the life before; none if it did not, as far as can be seen.
  std::optional<v1::ClockStepped> StepSince(const std::optional<v1::Entry>& last) const;
  // The boot before, if the operating system has run on since.
  bool SameOsBoot(const v1::Entry& last) const;
  // Puts a ClockStepped entry before `entries`, if there is one to put.
  void NoteStep(int64_t wall_us, uint64_t monotonic_us, std::vector<v1::Entry>& entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Run();
  bool Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayPrepare() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The three steps; each gives the lock up while it works.
  void Prepare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Commit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Answer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<Request> Take(size_t max_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Append(std::vector<Request> requests, Prepared& prepared);

  Archive& archive_;
  core::Clock& clock_;
  const RecorderOptions options_;
  EventLog* log_ = nullptr;
  std::map<uint32_t, EventLog*> past_;
  absl::Status damage_;
  uint32_t boot_ = 0;

  mutable absl::Mutex mutex_;
  std::vector<Request> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Wall clock less monotonic clock at the boot's first entry or the last step.
  std::optional<int64_t> clocks_apart_us_ ABSL_GUARDED_BY(mutex_);
  // Each step has at most one thread in it.
  bool preparing_ ABSL_GUARDED_BY(mutex_) = false;
  bool committing_ ABSL_GUARDED_BY(mutex_) = false;
  bool answering_ ABSL_GUARDED_BY(mutex_) = false;
  // Waits for the disk; grows while it waits.
  std::unique_ptr<Prepared> ready_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::unique_ptr<Prepared>> committed_batches_ ABSL_GUARDED_BY(mutex_);
  Committed committed_ ABSL_GUARDED_BY(mutex_);
  std::array<std::thread, 2> threads_;
};

}  // namespace chargeledger::log
