// The author's side of one replication stream, as a state machine without I/O: the caller carries
// messages, does the work that is asked for (work.h), and calls Next whenever the log has grown or
// an answer came. What it reads of the log, it reads itself. Not thread-safe; one object a stream.
//
//  1. No entry is sent before the holder's root at its own size was found equal to this log's root
//  at that size (finding.h); what is not level is brought level first (reconciler.h).
//  2. How much is on its way is bounded (sender.h).
//  3. A checkpoint that the holder has cosigned is kept only if it is of this log, of what the log
//  holds, and carries the signature of the holder's key, if that is known.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/replication.pb.h"
#include "core/ed25519.h"
#include "log/event_log.h"
#include "log/own_logs.h"
#include "log/replication/package.h"
#include "log/replication/reconciler.h"
#include "log/replication/work.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace chargeledger::log::replication {

struct AuthorOptions {
  SenderOptions sending;
  // Signs checkpoints, each generation's under its origin; none: they are not signed.
  std::optional<core::Ed25519PrivateKey> key;
  // Whose cosignature a checkpoint must carry; none: it is not asked for.
  std::optional<tlog::VerifierKey> holder_key;
  // 16 bytes drawn when the process began.
  std::string instance;
  // False: a holder that says to have what this log has not must show this author's signature.
  bool believe_holder = true;
  // The stream ends (CANCELLED) when the newest generation was found level or ahead: what an author
  // asks before it numbers anything.
  bool only_ask = false;
};

class AuthorStream {
 public:
  // What `logs` points to outlives the stream.
  AuthorStream(AuthorLogs logs, const Author& author, const AuthorOptions& options);
  AuthorStream(const EventLog& log, const Author& author, const AuthorOptions& options)
      : AuthorStream(AuthorLogs{&log, {}, nullptr}, author, options) {}

  // The first message.
  v1::ReplicateRequest Hello() const;

  // What the holder says. ABORTED: open a new stream. FAILED_PRECONDITION: a person must look.
  // UNAVAILABLE: try again later. DATA_LOSS: this log cannot be read. `now_us` is monotonic.
  absl::Status OnResponse(const v1::ReplicateResponse& response, uint64_t now_us = 0);

  // The next message, if there is one. DATA_LOSS if the log cannot be read.
  absl::StatusOr<std::optional<v1::ReplicateRequest>> Next(uint64_t now_us = 0);

  // What is to be done next; OnWorkDone when it is. Not taken, nothing goes on.
  std::optional<Work> TakeWork();
  // Next, too, may have found something to do.
  bool has_work() const {
    return doing_ == Waiting::kNobody && (!work_.empty() || reconciler_.has_work());
  }
  absl::Status OnWorkDone(const WorkResult& result);

  // Takes a bundle of 256 entries that cannot be read here from the holder.
  void RepairOwn(core::Generation generation, uint64_t bundle, const std::string& reason);
  // Tells the holder what this side's projections have made of the log.
  void SendDigests(v1::ProjectionDigests digests) { digests_ = std::move(digests); }

  // Entries of the newest generation go out as they come.
  bool live() const { return live_.has_value(); }
  // What the holder has said to hold durably of the newest generation.
  TreeHead held() const { return live_.has_value() ? live_->held() : TreeHead(); }
  // The newest checkpoint that the holder cosigned on this stream; empty before the first.
  const std::string& cosigned() const { return cosigned_; }

 private:
  struct RepairJob {
    core::Generation generation;
    uint64_t bundle;
    std::string reason;
    bool asked = false;
    // What has come of it: a bundle of large entries is more than one package.
    std::vector<std::string> entries = {};
  };
  struct ReportJob {
    v1::CompareCommand command;
    v1::ComparisonReport report;
    int next = 0;
    std::optional<Comparison> comparison;
  };
  // Who asked for the work that is being done.
  enum class Waiting { kNobody, kReconciler, kStream };

  absl::Status OnPosition(const v1::ReplicateResponse& response);
  absl::Status OnHeld(const v1::ReplicateResponse& response, uint64_t now_us);
  absl::Status OnCosigned(uint32_t generation, const std::string& checkpoint);
  absl::Status OnRepairEntries(const v1::EntryPackage& package);
  void FinishRepair(RepairJob job);
  absl::Status GoLive();
  // Whether the holder has a generation that is newer than what is known here.
  bool IsNewer(const v1::GenerationHead& theirs) const;
  absl::StatusOr<std::optional<v1::ReplicateRequest>> NextOfReport();
  absl::StatusOr<v1::ReplicateRequest> AnswerWanted();
  absl::Status BeginReportOf(v1::ComparisonReport::Generation& generation,
                             const v1::GenerationHead& theirs);
  // Null if it does not open.
  absl::StatusOr<std::optional<v1::ReplicateRequest>> BeginForDamage(const absl::Status& damage);
  void BeginNext(absl::string_view reason);
  const EventLog* LogOf(uint32_t generation) const { return reconciler_.LogOf(generation); }

  const AuthorLogs logs_;
  const Author author_;
  const AuthorOptions options_;
  const Reconciler::Signers signers_;
  Reconciler reconciler_;
  bool positioned_ = false;
  std::optional<Sender> live_;
  std::deque<Work> work_;
  Waiting doing_ = Waiting::kNobody;
  // The repair that is being done, as it is told when it has succeeded.
  std::optional<v1::Entry> repairing_;
  std::deque<RepairJob> repairs_;
  std::deque<ReportJob> reports_;
  std::deque<v1::EntryRange> wanted_;
  std::deque<v1::ReplicateRequest> answers_;
  std::optional<v1::ProjectionDigests> digests_;
  std::string cosigned_;
};

}  // namespace chargeledger::log::replication
