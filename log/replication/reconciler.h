// Brings the generations of a log level with what the holder has of them, as the table in
// docs/replication.md says: the author's part, without I/O. Part of AuthorStream; not thread-safe.
//
//  1. Past generations first, oldest first, then the newest: whoever folds the holder's copy finds
//  each generation complete before the next grows.
//  2. The newest generation is only ever appended to by its author. If it is not level and not
//  merely ahead, another generation is begun, and it is brought level as a past one.
//  3. Entries of the author that the holder does not have are in the newest generation, durably,
//  before the place where they stood is given up.
//  4. Whatever is interrupted is found again by the next stream, and goes on where it was.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"
#include "log/own_logs.h"
#include "log/replication/comparison.h"
#include "log/replication/finding.h"
#include "log/replication/sender.h"
#include "log/replication/work.h"

namespace chargeledger::log::replication {

// What an author has of its log.
struct AuthorLogs {
  const EventLog* current;
  // Generations before it; null for those that do not open.
  std::map<uint32_t, EventLog*> past;
  // Ids of what was recorded and nothing can be done about, so that it is recorded once a process;
  // null: nobody remembers.
  std::set<std::string>* told = nullptr;
};

class Reconciler {
 public:
  // Signs as `signers` says; a generation without one is not signed.
  using Signers = std::map<uint32_t, tlog::NoteSigner>;

  Reconciler(AuthorLogs logs, const Author& author, const SenderOptions& sending, Signers signers);

  // The holder's heads. `believe` false: only what the author's own signature proves is believed of
  // them.
  absl::Status Begin(const std::vector<v1::GenerationHead>& theirs, bool believe);

  // What is to be sent next, if anything is and nothing is waited for.
  absl::StatusOr<std::optional<v1::ReplicateRequest>> Next(uint64_t now_us);
  // What is to be done next.
  std::optional<Work> TakeWork();
  bool has_work() const { return work_.has_value(); }

  absl::Status OnNodes(const v1::NodesResponse& nodes);
  absl::Status OnEntries(const v1::EntryPackage& package);
  // False if it is about another generation than the one that is being sent.
  absl::StatusOr<bool> OnHeld(uint32_t generation, const v1::TreeHead& held, uint64_t now_us);
  absl::Status OnWorkDone(const WorkResult& result);

  // A generation as it is now; null if it does not open.
  const EventLog* LogOf(uint32_t generation) const;
  // Everything before the newest generation is level, or is left to a person; the newest is level
  // or ahead, from here on.
  bool done() const { return done_; }
  const TreeHead& current_held() const { return current_held_; }
  // The holder had cosigned so much of the newest generation, and has less: 0 if not.
  uint64_t current_lost() const { return current_lost_; }
  // Of what was found with the newest generation.
  const std::string& current_id() const { return current_id_; }
  // Events that tell how current_lost() ended.
  v1::Entry DescribeResolved(const std::string& id, uint32_t generation, const TreeHead& head,
                             uint64_t recovered, absl::string_view resolution) const;

 private:
  enum class Step { kClassify, kCompare, kFound, kOrphans, kTruncate, kFetch, kSend, kResolved };
  enum class Awaiting { kNothing, kWork, kNodes, kEntries, kHeld };

  struct Job {
    v1::GenerationHead theirs;
    // Null for a past generation that does not open.
    const EventLog* log;
    bool current;
    Step step = Step::kClassify;
    Finding finding;
    uint64_t first_difference = 0;
    std::string id;
    std::optional<Comparison> comparison;
    // Own entries that the holder does not have, not yet carried.
    std::deque<Range> orphans;
    // Where the holder's entries are other or more than the author's were; empty: wherever they are
    // fetched.
    std::vector<Range> theirs_only;
    uint64_t recovered = 0;
    std::optional<Sender> sender;
    std::string resolution;
  };

  absl::Status Advance();
  absl::Status Classified(Job& job);
  absl::Status Compare(Job& job);
  void Found(Job& job);
  absl::Status FindOrphans(Job& job);
  absl::Status CarryOrphans(Job& job);
  absl::Status Fetch(Job& job);
  void Resolved(Job& job);
  void BeginGeneration(Job& job);
  void Ask(Work work);
  v1::Entry DescribeFound(const Job& job) const;
  // What the generation after `generation` was begun for, if it was for a difference.
  std::optional<v1::DivergenceFound> FoundBefore(uint32_t generation) const;
  absl::StatusOr<std::set<uint64_t>> Carried(uint32_t generation) const;
  const tlog::NoteSigner* SignerOf(uint32_t generation) const;
  absl::Status BelieveOnlySigned(v1::GenerationHead& theirs) const;

  AuthorLogs logs_;
  const Author author_;
  const SenderOptions sending_;
  const Signers signers_;
  std::deque<Job> jobs_;
  Awaiting awaiting_ = Awaiting::kNothing;
  std::optional<Work> work_;
  std::optional<v1::ReplicateRequest> message_;
  bool done_ = false;
  TreeHead current_held_;
  uint64_t current_lost_ = 0;
  std::string current_id_;
};

}  // namespace chargeledger::log::replication
