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
#include "core/clock.h"
#include "core/ed25519.h"
#include "core/ids.h"
#include "log/archive.h"
#include "log/event_log.h"
#include "log/replication/holder.h"
#include "log/tlog/note.h"

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
  // What was found wrong when the log was opened; OK if nothing was.
  absl::Status damage() const;
  // Checks the checkpoints of one generation; none if the author has told no key.
  std::optional<log::tlog::VerifierKey> author_key(core::Generation generation) const;
  // What the author last said it has; absent before it has been heard since the process started.
  std::optional<v1::AuthorHello> author() const;

 private:
  friend class Ledger;

  const core::LogId log_id_;
  const std::string operator_name_;
  const std::string site_;
  mutable absl::Mutex mutex_;
  std::map<uint32_t, log::EventLog*> generations_ ABSL_GUARDED_BY(mutex_);
  bool replicating_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<v1::AuthorHello> author_ ABSL_GUARDED_BY(mutex_);
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  // Newest generation that was ever begun here, set aside or not.
  uint32_t newest_ ABSL_GUARDED_BY(mutex_) = 0;
  // 32 bytes, or empty.
  std::string public_key_ ABSL_GUARDED_BY(mutex_);
};

struct LedgerOptions {
  // Cosigns what is durably held; none: nothing is signed.
  std::optional<core::Ed25519PrivateKey> key;
  // The name under which the ledger signs.
  std::string name = "chargeledger";
};

class Ledger {
 public:
  // With OK: the newest checkpoint that was cosigned with this commit, or nothing.
  using Done = absl::AnyInvocable<void(const absl::StatusOr<std::string>& checkpoint)>;

  // Opens all logs in `archive`, which outlives the ledger, as does `clock`. A log that does not
  // hold together is set aside (HeldLog::damage) and stops none of the others; one that only lost
  // its newest entries is sent them again by its author.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(log::Archive& archive, core::Clock& clock,
                                                      const LedgerOptions& options = {});
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

  // A signed checkpoint of `log` at `size`: the one that author and ledger signed if it is of that
  // size, otherwise one that the ledger signs now. OUT_OF_RANGE beyond the log; FAILED_PRECONDITION
  // if the ledger has no key.
  absl::StatusOr<std::string> CheckpointAt(const HeldLog& held, const log::EventLog& log,
                                           uint64_t size) const;
  // The ledger's own keys: for cosignatures (type 4) and for checkpoints of other sizes (type 1).
  std::vector<log::tlog::VerifierKey> keys() const;

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
    // The cosigned checkpoint, if one was made of this package.
    std::string checkpoint;
    Done done;
  };

  Ledger(log::Archive& archive, core::Clock& clock, const LedgerOptions& options)
      : archive_(archive), clock_(clock), options_(options) {}

  absl::Status LoadLogs();
  absl::Status OpenGenerations(HeldLog& held, uint32_t newest);
  absl::Status StoreLog(const HeldLog& held, uint32_t generation, const std::string& public_key);
  void Cosign(log::tlog::Note& checkpoint) const;
  absl::StatusOr<HeldLog*> Find(const v1::AuthorHello& hello);
  void Run();
  absl::Status CommitBatch(std::vector<Request>& requests);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  log::Archive& archive_;
  core::Clock& clock_;
  const LedgerOptions options_;
  std::optional<log::tlog::NoteSigner> cosigner_;
  std::optional<log::tlog::NoteSigner> signer_;
  std::function<void(const std::vector<HeldLog*>&)> grown_;
  std::function<void(const absl::Status&)> failed_;
  mutable absl::Mutex mutex_;
  std::map<core::LogId, std::unique_ptr<HeldLog>> logs_ ABSL_GUARDED_BY(mutex_);
  std::vector<Request> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace chargeledger::server
