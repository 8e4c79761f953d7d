// The author's side of a log: numbers, stamps and serialises events, and makes them durable by
// group commit.
//
// Thread-safe. One thread of its own drains a bounded queue: it writes everything that waits as one
// batch with one sync, then answers all of it, so a lone event waits for no timer and a crowd
// shares the sync.
//
//  1. Record numbers events in the order of its calls; that order is the log's.
//  2. `done` is called exactly once for each Record that returned OK, on the recorder's thread, in
//  the log's order.
//     With OK: everything of that call is durable. Otherwise: it may or may not be.
//  3. After a failed commit nothing is recorded any more: Record returns the failure until the
//  process opens the log
//     again.
//  4. Every boot begins with a LogOpened entry, durable before Open returns.
#pragma once

#include <cstdint>
#include <memory>
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
#include "log/event_log.h"
#include "log/store.h"

namespace chargeledger::log {

// Serialised size of an entry (C2SP tlog-tiles: an entry bundle's length prefix has 16 bits).
constexpr size_t kMaxEntryBytes = 65'535;
// What an author may put into one event, so that the entry's own fields always fit beside it.
constexpr size_t kMaxEventBytes = 65'000;

struct Author {
  std::string operator_name;
  std::string site;
};

struct RecorderOptions {
  // Bound of the queue; beyond it Record returns RESOURCE_EXHAUSTED.
  size_t max_queued_bytes = 64 << 20;
  // Bound of one commit.
  size_t max_batch_bytes = 4 << 20;
  std::string software_version;
  std::string os_boot_id;
};

class Recorder {
 public:
  // Called once with the outcome.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;
  // Called on the recorder's thread after each commit, before the calls' own `done`.
  using Committed = absl::AnyInvocable<void(const TreeHead&)>;

  // Opens the author's own log in `store`, or creates it with `new_log_id`. FAILED_PRECONDITION if
  // the store belongs to another operator or site. `store` and `clock` outlive the recorder;
  // `clock` is called under a lock.
  static absl::StatusOr<std::unique_ptr<Recorder>> Open(Store& store, core::Clock& clock,
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

  void OnCommitted(Committed committed);

  const EventLog& log() const { return *log_; }
  // The sequence that the next event will get.
  core::Sequence next() const;

 private:
  struct Request {
    std::vector<v1::Entry> entries;
    size_t bytes = 0;
    Done done;
  };

  Recorder(Store& store, core::Clock& clock, const RecorderOptions& options)
      : store_(store), clock_(clock), options_(options) {}

  absl::Status Start(const Author& author, const core::LogId& new_log_id);
  absl::StatusOr<uint32_t> LastBoot() const;
  void Run();
  std::vector<Request> TakeBatch();
  absl::StatusOr<TreeHead> Commit(const std::vector<Request>& requests);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store& store_;
  core::Clock& clock_;
  const RecorderOptions options_;
  std::unique_ptr<EventLog> log_;
  uint32_t boot_ = 0;

  mutable absl::Mutex mutex_;
  std::vector<Request> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Committed committed_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace chargeledger::log
