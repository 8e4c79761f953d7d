// The holder's side of replication, without I/O: what may be stored of what arrives, and what is
// answered to what is asked.
//
// Verify decides on one package against what the log holds and has staged; the caller stages,
// commits and publishes what it accepted, in the order of the verdicts. An entry is accepted only
// if
//  1. it follows without a gap, or is already held with the same hash (then it is skipped),
//  2. it parses and says of itself the generation and sequence at which it stands,
//  3. the root recomputed from all accepted bytes is the one that the package claims, and a
//  checkpoint that comes with it is of that head and signed by the author's key.
// Nothing that is asked or sent makes a holder change what it has, except that a repair replaces
// what cannot be read, by what the tree says was there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"
#include "log/replication/finding.h"
#include "log/replication/package.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace chargeledger::log::replication {

struct Verdict {
  // Set: store nothing, send this, end the stream.
  std::optional<v1::Refusal> refusal;
  // What is new, borrowed from the package or from `unpacked`, with leaf hashes.
  std::vector<absl::string_view> entries;
  std::vector<Hash> leaves;
  UnpackedEntries unpacked;
  // The author's checkpoint of the package's head, its signature checked.
  std::optional<tlog::Note> checkpoint;
};

// DATA_LOSS if `log` itself cannot be read. `author_key`, whose name is the log's origin, is null
// if the author has told none.
absl::StatusOr<Verdict> Verify(const EventLog& log, const v1::EntryPackage& package,
                               const tlog::VerifierKey* author_key = nullptr);

// The checks of a stream's first message: names, id and generations are well-formed.
absl::Status CheckHello(const v1::AuthorHello& hello);

v1::Refusal MakeRefusal(v1::Refusal::Reason reason, absl::string_view detail,
                        const TreeHead& position);

// One generation as a holder has it.
struct HeldGeneration {
  EventLog* log;
  // It contradicts what its holder has signed, or remembers: nothing is built on it.
  bool damaged = false;
  std::optional<tlog::VerifierKey> author_key;
};
using HeldGenerations = std::map<uint32_t, HeldGeneration>;

// What a stream's holder has to do about one message.
struct Reply {
  enum class Kind {
    // Send `response`.
    kSend,
    // Send `response`, a refusal, and end the stream.
    kRefuse,
    // Store what `verdict` accepted in `log`, then send Held.
    kStore,
    // Put the verdict's entries, which are the stream's until its next message, in the place of
    // bundle `bundle` of `log`; without entries, the author cannot read them either.
    kRepair,
    // The message itself is for the caller: a report, a sign of life, digests.
    kReport,
    kAlive,
    kDigests,
    // Nothing yet: there is more to come.
    kNothing,
  };
  Kind kind;
  v1::ReplicateResponse response;
  EventLog* log = nullptr;
  Verdict verdict;
  uint64_t bundle = 0;
};

// One stream, after its hello was admitted. Not thread-safe.
class HolderStream {
 public:
  // `held` is never empty; what it points to outlives the stream.
  HolderStream(HeldGenerations held, const v1::AuthorHello& hello);

  // The answer to the hello.
  absl::StatusOr<v1::ReplicateResponse> Position() const;
  // The answer to a message, which outlives it. Errors are of this side's log.
  absl::StatusOr<Reply> OnRequest(const v1::ReplicateRequest& request);
  // Everything up to `log`'s head is durable; `checkpoint` is the cosigned one, or empty.
  v1::ReplicateResponse Held(const EventLog& log, const std::string& checkpoint) const;
  // What this side has of every generation, with its roots where the author's ends.
  absl::StatusOr<std::vector<v1::GenerationHead>> Heads() const;

 private:
  Reply Refuse(v1::Refusal::Reason reason, absl::string_view detail) const;
  absl::StatusOr<Reply> OnPackage(const v1::EntryPackage& package);
  absl::StatusOr<Reply> OnRepair(const v1::EntryPackage& package, EventLog* log);
  absl::StatusOr<Reply> OnEntriesRequest(const v1::EntriesRequest& request) const;
  const HeldGeneration* Find(uint32_t generation) const;

  const HeldGenerations held_;
  const uint32_t newest_;
  // What the author has said of each generation.
  std::map<uint32_t, v1::GenerationHead> author_;
  // What has come of the bundle that is being repaired: large entries come in several packages.
  EventLog* repairing_ = nullptr;
  uint64_t repair_first_ = 0;
  std::vector<std::string> repair_;
};

}  // namespace chargeledger::log::replication
