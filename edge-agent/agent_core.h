// The agent without its threads, sockets and waits: its log, what is folded from it, what is
// answered to charge points and said to the ledger. agent.cc runs it on threads,
// tests/simulation on one.
//
// A life, in order:
//  1. Open. ABORTED: what is stored is damaged; the next life mends it.
//  2. Question, if there is a ledger to ask, and then Begin: from here on there is a log to record
//  in.
//  3. FoldOrAsk, until it is OK or has taken too long; sessions with the ledger may begin. If
//  begun(), until a session is live as well: no transaction id is given before what was lost is
//  back.
//  4. Serve: charge points are answered. KeepBooks now and then.
//
// Thread-safe from Begin on, except that steps 3 and 4 are one thread's; what `post` is given is
// the I/O thread's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/clock.h"
#include "core/ed25519.h"
#include "core/threads.h"
#include "edge-agent/central_system/central_system.h"
#include "edge-agent/central_system/transaction_memory.h"
#include "edge-agent/control_copy.h"
#include "edge-agent/endpoint/recording_site.h"
#include "log/archive.h"
#include "log/checker.h"
#include "log/directory.h"
#include "log/recorder.h"
#include "log/replication/author_session.h"
#include "log/tlog/note.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/transactions.h"

namespace chargeledger::edge_agent {

struct CoreOptions {
  log::Author author;
  int64_t heartbeat_interval_s = 300;
  // Signs checkpoints. Always set.
  std::optional<core::Ed25519PrivateKey> key;
  // The ledger's key for cosignatures, if it is to be checked.
  std::optional<log::tlog::VerifierKey> ledger_key;
  // 16 bytes drawn when the process began.
  std::string instance;
  std::string os_boot_id;
  // For a directory without a log.
  core::LogId new_log_id;
  // Entries that the ledger holds are kept here for so long; 0: for ever.
  int64_t keep_s = 0;
  // What could not be recorded before this start.
  std::optional<v1::RecordingGap> gap;
  core::Threads threads = core::Threads::kOwn;
};

class AgentCore {
 public:
  // All outlive the core.
  static absl::StatusOr<std::unique_ptr<AgentCore>> Open(log::Directory& directory,
                                                         core::Clock& clock,
                                                         const CoreOptions& options,
                                                         RecordingSite::Surroundings surroundings);

  // What is to be asked of the ledger before anything is numbered; null if there is nothing to ask.
  absl::StatusOr<std::unique_ptr<log::replication::AuthorStream>> Question();
  // Opens the recorder, beginning a generation if the ledger's answer, or damage, asks for one.
  absl::Status Begin(const std::optional<log::RecorderOptions::Begin>& begin);
  // Whether the ledger's answer began one: then the past is to be brought back before Serve.
  bool begun() const { return begun_; }

  // Folds the transactions' state up to now. DATA_LOSS: some of it cannot be read, and is now asked
  // of the ledger.
  absl::Status FoldOrAsk();
  void Serve();
  // Folds what was decided, and the books, and tells the ledger what came out; drops what is old.
  absl::Status KeepBooks();

  // What a scrub checks a log's checkpoint with, and what becomes of what it finds: a bundle of the
  // site's own log is asked of the ledger.
  std::vector<log::tlog::VerifierKey> KeysOf(const log::EventLog& log) const;
  void OnFound(const log::EventLog& log, const log::CheckFinding& finding);

  // An end of the next stream to the ledger. `begin` as in AuthorSession.
  std::unique_ptr<log::replication::AuthorSession> NewSession(
      std::function<void(log::RecorderOptions::Begin)> begin);

  log::Archive& archive() { return *archive_; }
  const log::Archive& archive() const { return *archive_; }
  // From Begin on.
  log::Recorder& recorder() { return *recorder_; }
  const log::Recorder& recorder() const { return *recorder_; }
  ControlCopy& control() { return *control_; }
  // Wakes `errands_changed` of OnErrands.
  log::replication::Errands& errands() { return errands_; }
  // Set before a session begins.
  void OnErrands(std::function<void()> changed) { errands_changed_ = std::move(changed); }
  // From Serve on.
  RecordingSite& site() { return *site_; }
  CentralSystem& central_system() { return *central_system_; }
  const log::Store& books() const { return *books_store_; }

 private:
  AgentCore(core::Clock& clock, const CoreOptions& options,
            RecordingSite::Surroundings surroundings)
      : clock_(clock), options_(options), surroundings_(std::move(surroundings)), errands_([this] {
          if (errands_changed_) errands_changed_();
        }) {}

  absl::Status OpenStores(log::Directory& directory);
  log::replication::AuthorOptions ToAuthorOptions() const;
  // The generations before the newest that open, also those that were mended since.
  std::vector<const log::EventLog*> Past() const;
  // Folds all generations, each to its end.
  absl::StatusOr<v1::StoredFold> FoldAll(projections::Folder& folder);
  absl::Status FoldTransactions();
  absl::Status FoldBooks();
  absl::Status DropOld();
  absl::StatusOr<uint64_t> OldBundles(const log::EventLog& log) const;

  core::Clock& clock_;
  const CoreOptions options_;
  const RecordingSite::Surroundings surroundings_;
  std::unique_ptr<log::Archive> archive_;
  std::unique_ptr<log::Store> state_store_;
  std::unique_ptr<log::Store> books_store_;
  projections::Transactions transactions_;
  projections::Books books_;
  bool begun_ = false;
  std::function<void()> errands_changed_;
  log::replication::Errands errands_;
  std::unique_ptr<TransactionMemory> memory_;
  std::unique_ptr<CentralSystem> central_system_;
  std::unique_ptr<RecordingSite> site_;
  // Before what its answers speak to.
  std::unique_ptr<log::Recorder> recorder_;
  std::unique_ptr<ControlCopy> control_;
};

}  // namespace chargeledger::edge_agent
