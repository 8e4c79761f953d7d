// The central ledger's logs: who wrote them, what is held of them, and how more is taken in.
//
// Thread-safe. One thread of its own commits: it gathers what all streams have verified meanwhile
// into one batch with one sync, so the cost of a sync is shared by all sites.
//
//  1. At most one stream at a time writes to a log.
//  2. A package's `done` is called once, in the log's order, after its entries are durable, or with
//  why they are not.
//  3. After a failed commit the ledger takes nothing more until the process is started again.
//  4. Two roots are never signed for one size of one generation: what was signed is kept in the
//  store, in `signed_heads`, and by the authors, who show it when they come; before the ledger
//  signs it looks whether its tree still has the newest of them.
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
#include "core/threads.h"
#include "log/archive.h"
#include "log/event_log.h"
#include "log/head_file.h"
#include "log/recorder.h"
#include "log/replication/holder.h"
#include "log/tlog/note.h"
#include "server/divergences.h"
#include "server/held_log.h"

namespace chargeledger::server {

struct LedgerOptions {
  // Cosigns what is durably held; none: nothing is signed.
  std::optional<core::Ed25519PrivateKey> key;
  // The name under which the ledger signs.
  std::string name = "chargeledger";
  // What was signed, kept apart from the store so that it outlives the store's restoration; null:
  // only what the store itself knows. Outlives the ledger.
  log::HeadFile* signed_heads = nullptr;
  // Where differences are recorded; null: nowhere. Outlives the ledger.
  Divergences* divergences = nullptr;
  core::Threads threads = core::Threads::kOwn;
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

  // Commits what was handed over, and takes nothing more.
  void Stop();
  // Commits what was handed over so far, as the ledger's thread would; false if there is nothing.
  bool RunOnce();

  // An author begins a stream with a well-formed hello. ALREADY_EXISTS: a stream of this log is
  // live (it is asked for a sign of life, and loses its place if it gives none).
  // FAILED_PRECONDITION: the log is another site's, or has another key. Otherwise what is held of
  // it; Release ends it. `live` is told what others want of the author; null: nobody is.
  struct Stream {
    HeldLog* held = nullptr;
    // The hello's generation.
    log::EventLog* log = nullptr;
    log::replication::HeldGenerations generations;
  };
  absl::StatusOr<Stream> Admit(const v1::AuthorHello& hello, LiveStream* live = nullptr,
                               const std::string& peer = "");
  void Release(const Stream& stream);
  // The stream has given a sign of life that was asked for.
  void OnAlive(const Stream& stream);
  // What is to be asked of an author that has just come: bundles that cannot be read here.
  std::vector<v1::ReplicateResponse> Wanted(const Stream& stream) const;

  // Makes durable what `verdict` accepted for `log`, one of the stream's. The verdict borrows from
  // `package`, which is kept until then.
  void Commit(const Stream& stream, log::EventLog* log,
              std::shared_ptr<const v1::EntryPackage> package, log::replication::Verdict verdict,
              Done done);
  // Puts entries that the author has sent in the place of a bundle that cannot be read. Nothing
  // happens if they are not those that the tree has there.
  void Repair(const Stream& stream, log::EventLog& log, uint64_t bundle,
              absl::Span<const absl::string_view> entries);

  // Something stored of a held log was found damaged, at `sequence` if that is known: its bundle is
  // asked for. True if the log is one of these.
  bool OnDamaged(const log::EventLog& log, std::optional<uint64_t> sequence,
                 const std::string& detail);

  // The author's projections have come to another state than the ledger's with equal entries, as
  // `difference` says; empty: they agree.
  void OnProjections(HeldLog& held, const std::string& difference);

  // Compares both sides of a log now; waits at most `timeout_ms`. UNAVAILABLE if its author is not
  // connected or does not answer.
  absl::StatusOr<v1::ComparisonReport> Compare(HeldLog& held, int64_t timeout_ms);
  // The two halves of it, without waiting: what was asked for is known by its number; nothing as
  // long as the report has not come.
  absl::StatusOr<uint64_t> BeginCompare(HeldLog& held);
  absl::StatusOr<std::optional<v1::ComparisonReport>> TakeReport(HeldLog& held, uint64_t id);
  void OnReport(const Stream& stream, const v1::ComparisonReport& report);
  // Takes the author's copy of a generation that contradicts what the ledger has signed: what
  // differs, as a comparison just found, goes into the control log, and the rest is sent again.
  // FAILED_PRECONDITION if it does not contradict it, or if the author could not send it.
  struct Restored {
    uint64_t kept_aside = 0;
    uint64_t first_sequence = 0;
  };
  absl::StatusOr<Restored> Restore(HeldLog& held, core::Generation generation,
                                   const v1::ComparisonReport& report);

  // A signed checkpoint of `log` at `size`: the one that author and ledger signed if it is of that
  // size, otherwise one that the ledger signs now. OUT_OF_RANGE beyond the log; FAILED_PRECONDITION
  // if the ledger has no key.
  absl::StatusOr<std::string> CheckpointAt(const HeldLog& held, const log::EventLog& log,
                                           uint64_t size) const;
  // The ledger's own keys: for cosignatures (type 4) and for checkpoints of other sizes (type 1).
  std::vector<log::tlog::VerifierKey> keys() const;

  // The logs of sites, in the order of their ids.
  std::vector<HeldLog*> logs() const;
  // The ledger's own, if it has one.
  HeldLog* control() const { return control_.get(); }
  // Shows the ledger's own log beside those of sites. Set once, before any stream.
  void ShowControl(const log::Author& author, const log::Recorder& recorder);
  // Called after each commit, on the committing thread, with the logs that have grown. Set once,
  // before any stream.
  void OnGrown(std::function<void(const std::vector<HeldLog*>&)> grown);
  // Called once, on the committing thread, when a commit has failed. Set once, before any stream.
  void OnFailed(std::function<void(const absl::Status&)> failed);

 private:
  struct Request {
    HeldLog* held;
    log::EventLog* log;
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
  absl::Status LoadGeneration(HeldLog& held, uint32_t generation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  // Keeps what can be read of a generation that does not open, behind what Salvage leaves: its
  // author may be gone.
  absl::Status KeepReadable(const HeldLog& held, core::Generation generation,
                            std::optional<log::TreeHead> witnessed);
  void LoadSigned(HeldLog& held, const log::EventLog& log)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  absl::Status CheckKey(HeldLog& held, const v1::AuthorHello& hello)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  absl::Status TakePlace(HeldLog& held, const v1::AuthorHello& hello, const std::string& peer)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  // Remembers a head that the ledger has signed, as its author shows it.
  void RememberSigned(HeldLog& held, uint32_t generation, const std::string& checkpoint)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  // Whether `head`, which the log has or is about to have, may be signed.
  bool MaySign(HeldLog& held, const log::EventLog& log, const log::TreeHead& head);
  // Whether the log has the newest head that was signed of it, as far as it reaches.
  bool HasSigned(HeldLog& held, const log::EventLog& log)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  void Contradicts(HeldLog& held, const log::EventLog& log)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_);
  v1::DivergenceFound Describe(const HeldLog& held, uint32_t generation, v1::DivergenceKind kind,
                               v1::DivergenceSide side, uint64_t first,
                               absl::string_view detail) const;
  std::string Found(v1::DivergenceFound found);
  void Resolved(const std::string& id, absl::string_view resolution, uint64_t recovered,
                const log::TreeHead& head);
  absl::Status RememberCommitted(const Request& request);
  absl::Status StoreLog(const HeldLog& held, uint32_t generation, const std::string& public_key);
  void Cosign(log::tlog::Note& checkpoint) const;
  absl::Status CheckGenerations(const v1::AuthorHello& hello, uint32_t newest) const;
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
  std::unique_ptr<HeldLog> control_;
  mutable absl::Mutex mutex_;
  std::map<core::LogId, std::unique_ptr<HeldLog>> logs_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_comparison_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Request> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the first commit that failed; only where commits are done.
  absl::Status failure_;
  std::thread thread_;
};

}  // namespace chargeledger::server
