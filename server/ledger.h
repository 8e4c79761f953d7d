// The central ledger's logs: who wrote them, what is held of them, and how more is taken in.
//
// Thread-safe. One thread of its own commits: it gathers what all streams have verified meanwhile
// into one batch with one sync, so the cost of a sync is shared by all sites.
//
//  1. At most one stream at a time writes to a log.
//  2. A package's `done` is called once, in the log's order, after its entries are durable, or with
//  why they are not.
//  3. After a failed commit the ledger takes nothing more until the process is started again.
#pragma once

#include <cstdint>
#include <functional>
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
#include "chargeledger/v1/replication.pb.h"
#include "core/ids.h"
#include "log/event_log.h"
#include "log/replication/holder.h"
#include "log/store.h"

namespace chargeledger::server {

// One author's log. The names never change; the generations are only added to.
class HeldLog {
 public:
  HeldLog(const core::LogId& log_id, std::string operator_name, std::string site)
      : log_id_(log_id), operator_name_(std::move(operator_name)), site_(std::move(site)) {}

  const core::LogId& log_id() const { return log_id_; }
  const std::string& operator_name() const { return operator_name_; }
  const std::string& site() const { return site_; }

  // In their order. The logs live as long as the ledger.
  std::vector<log::EventLog*> generations() const;
  bool replicating() const;
  // What the author last said it has; absent before it has been heard since the process started.
  std::optional<v1::AuthorHello> author() const;

 private:
  friend class Ledger;

  const core::LogId log_id_;
  const std::string operator_name_;
  const std::string site_;
  mutable absl::Mutex mutex_;
  std::map<uint32_t, std::unique_ptr<log::EventLog>> generations_ ABSL_GUARDED_BY(mutex_);
  bool replicating_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::AuthorHello> author_ ABSL_GUARDED_BY(mutex_);
};

class Ledger {
 public:
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  // Opens all logs in `store`, which outlives the ledger. DATA_LOSS names the log that does not
  // hold together.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(log::Store& store);
  ~Ledger();

  // An author begins a stream with a well-formed hello. ALREADY_EXISTS: a stream of this log is
  // live. FAILED_PRECONDITION: the log is another site's. Otherwise the generation to write to;
  // Release ends it.
  struct Stream {
    HeldLog* held = nullptr;
    log::EventLog* log = nullptr;
  };
  absl::StatusOr<Stream> Admit(const v1::AuthorHello& hello);
  void Release(const Stream& stream);

  // Makes durable what `verdict` accepted. The verdict borrows from `package`, which is kept until
  // then.
  void Commit(const Stream& stream, std::shared_ptr<const v1::EntryPackage> package,
              log::replication::Verdict verdict, Done done);

  // In the order of their ids.
  std::vector<HeldLog*> logs() const;
  // Called after each commit, on the committing thread, with the logs that have grown. Set once,
  // before any stream.
  void OnGrown(std::function<void(const std::vector<HeldLog*>&)> grown);
  // Called once, on the committing thread, when a commit has failed. Set once, before any stream.
  void OnFailed(std::function<void(const absl::Status&)> failed);

 private:
  struct Request {
    Stream stream;
    std::shared_ptr<const v1::EntryPackage> package;
    log::replication::Verdict verdict;
    log::TreeHead head;
    Done done;
  };

  explicit Ledger(log::Store& store) : store_(store) {}

  absl::Status LoadLogs();
  absl::StatusOr<HeldLog*> Find(const v1::AuthorHello& hello);
  void Run();
  absl::Status CommitBatch(std::vector<Request>& requests);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  log::Store& store_;
  std::function<void(const std::vector<HeldLog*>&)> grown_;
  std::function<void(const absl::Status&)> failed_;
  mutable absl::Mutex mutex_;
  std::map<core::LogId, std::unique_ptr<HeldLog>> logs_ ABSL_GUARDED_BY(mutex_);
  std::vector<Request> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace chargeledger::server
