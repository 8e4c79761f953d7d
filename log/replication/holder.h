// The holder's side of replication, without I/O: what may be stored of what arrives.
//
// Verify decides on one package against what the log holds and has staged; the caller stages,
// commits and publishes what it accepted, in the order of the verdicts. An entry is accepted only
// if
//  1. it follows without a gap, or is already held with the same hash (then it is skipped),
//  2. it parses and says of itself the generation and sequence at which it stands,
//  3. the root recomputed from all accepted bytes is the one that the package claims, and a
//  checkpoint that comes with it is of that head and signed by the author's key.
#pragma once

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace chargeledger::log::replication {

struct Verdict {
  // Set: store nothing, send this, end the stream.
  std::optional<v1::Refusal> refusal;
  // What is new, borrowed from the package, with leaf hashes.
  std::vector<absl::string_view> entries;
  std::vector<Hash> leaves;
  // The author's checkpoint of the package's head, its signature checked.
  std::optional<tlog::Note> checkpoint;
};

// DATA_LOSS if `log` itself cannot be read. `author_key`, whose name is the log's origin, is null
// if the author has told none.
absl::StatusOr<Verdict> Verify(const EventLog& log, const v1::EntryPackage& package,
                               const tlog::VerifierKey* author_key = nullptr);

// The checks of a stream's first message: names, id and generation are well-formed.
absl::Status CheckHello(const v1::AuthorHello& hello);

v1::TreeHead ToProto(const TreeHead& head);

v1::Refusal MakeRefusal(v1::Refusal::Reason reason, absl::string_view detail,
                        const TreeHead& position);

}  // namespace chargeledger::log::replication
