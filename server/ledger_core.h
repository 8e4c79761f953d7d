// The ledger's process without its sockets: its logs, its own log, what is folded from them, and
// the order in which they open and close. main.cc serves it, tests/simulation runs it on one
// thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/clock.h"
#include "core/ed25519.h"
#include "core/threads.h"
#include "log/archive.h"
#include "log/checker.h"
#include "log/directory.h"
#include "log/head_file.h"
#include "log/recorder.h"
#include "log/replication/author_session.h"
#include "projections/books.h"
#include "server/bookkeeper.h"
#include "server/control_facts.h"
#include "server/divergences.h"
#include "server/ledger.h"
#include "server/session_feed.h"
#include "server/site_session.h"

namespace chargeledger::server {

struct LedgerCoreOptions {
  // Cosigns, and signs the control log. Always set.
  std::optional<core::Ed25519PrivateKey> key;
  // The name under which it cosigns.
  std::string name = "chargeledger";
  // In force for everybody for whom no other is; none: only what was published.
  std::optional<v1::Tariff> default_tariff;
  std::string os_boot_id;
  // For a directory without a control log.
  core::LogId new_log_id;
  // 16 bytes drawn when the process began.
  std::string instance;
  // The generation of the control log that is to begin, if one is.
  std::optional<log::RecorderOptions::Begin> begin;
  core::Threads threads = core::Threads::kOwn;
};

class LedgerCore {
 public:
  struct Callbacks {
    // A part of it cannot go on. On any thread.
    std::function<void(const absl::Status&)> failed;
    // This life is to end, and the next to begin a generation of the control log.
    std::function<void(log::RecorderOptions::Begin)> begin;
    // The control log has grown.
    std::function<void()> control_grown;
    // A key of a projection was written. On the bookkeeper's thread.
    projections::Folder::Changed changed;
  };

  // Who writes the control log. It has no site; its log id tells one ledger's from another's.
  static log::Author ControlAuthor() { return {"ledger", "control"}; }

  // `directory` and `clock` outlive the core. ABORTED: what is stored is damaged, and mended when
  // it is opened again.
  static absl::StatusOr<std::unique_ptr<LedgerCore>> Open(log::Directory& directory,
                                                          core::Clock& clock,
                                                          const LedgerCoreOptions& options,
                                                          Callbacks callbacks);
  // Commits what streams have handed over; no stream is live any more.
  ~LedgerCore();

  Ledger& ledger() { return *ledger_; }
  Bookkeeper& bookkeeper() { return *bookkeeper_; }
  SessionFeed& feed() { return feed_; }
  log::Recorder& control() { return *control_; }
  ControlFacts& facts() { return *facts_; }
  log::Archive& archive() { return *archive_; }
  const log::Store& states() const { return *states_; }
  // Of the heads that were signed.
  log::HeadFile& signed_heads() { return *signed_heads_; }
  const OnDigests& on_digests() const { return on_digests_; }
  // An end of the stream to one follower of the control log.
  std::unique_ptr<log::replication::AuthorSession> NewControlSession();
  // What a scrub checks a log's checkpoint with, and what becomes of what it finds.
  std::vector<log::tlog::VerifierKey> KeysOf(const log::EventLog& log) const;
  void OnFound(const log::EventLog& log, const log::CheckFinding& finding);

 private:
  LedgerCore(core::Clock& clock, const LedgerCoreOptions& options, Callbacks callbacks)
      : clock_(clock), options_(options), callbacks_(std::move(callbacks)) {}

  absl::Status OpenAll(log::Directory& directory);
  absl::Status OpenControl();
  void Connect();

  core::Clock& clock_;
  const LedgerCoreOptions options_;
  const Callbacks callbacks_;
  const projections::Books books_;
  OnDigests on_digests_;
  SessionFeed feed_;
  log::replication::Errands control_errands_;
  std::unique_ptr<log::Archive> archive_;
  std::unique_ptr<log::Store> states_;
  std::unique_ptr<log::HeadFile> signed_heads_;
  std::unique_ptr<log::Recorder> control_;
  std::unique_ptr<ControlFacts> facts_;
  std::unique_ptr<Divergences> divergences_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Bookkeeper> bookkeeper_;
};

}  // namespace chargeledger::server
