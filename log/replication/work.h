// What an author's machine asks its surroundings to do with what is stored, and how that ended. One
// thing at a time; nothing of it is done by the machine itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "chargeledger/v1/entry.pb.h"
#include "log/event_log.h"

namespace chargeledger::log::replication {

struct Work {
  enum class Kind {
    // Record `events` in the author's own newest generation, durably.
    kRecord,
    // Append `entries`, which the holder has sent, to past `generation` at its end.
    kAppend,
    // Take past `generation` back to `position` entries (a multiple of 256).
    kTruncate,
    // Put `entries` in the place of bundle `position` of `generation`. `events` are recorded by a
    // work of its own when that has succeeded.
    kRepair,
    // Past `generation` is damaged: record as OrphanedEntry what can be read of it behind the first
    // damage and from entry `position` on, or from where the holder has cosigned it if that is
    // earlier; then take it back to what holds together.
    // WorkResult::log is it.
    kSalvage,
    // End this life of the author and begin the generation after `opened.previous_generation`, with
    // `events` behind GenerationOpened. The last thing that is asked.
    kBegin,
    // Keep `note` as the newest cosigned checkpoint of `generation`.
    kKeepCheckpoint,
  };
  Kind kind;
  uint32_t generation = 0;
  uint64_t position = 0;
  std::vector<v1::Entry> events;
  std::vector<std::string> entries;
  v1::GenerationOpened opened;
  std::string note;
};

struct WorkResult {
  absl::Status status;
  // kSalvage: the generation as it opens now.
  EventLog* log = nullptr;
  // kSalvage: how many entries were recorded.
  uint64_t recorded = 0;
};

}  // namespace chargeledger::log::replication
