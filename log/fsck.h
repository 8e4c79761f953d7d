// fsck: checks a data directory whose process is not running, without writing to it.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/ids.h"
#include "log/checker.h"
#include "log/merkle.h"
#include "log/store.h"

namespace chargeledger::log {

struct FsckLog {
  std::string operator_name;
  std::string site;
  core::LogId log_id;
  core::Generation generation;
  // As the store has it.
  TreeHead head;
  std::vector<CheckFinding> findings;
};

struct FsckReport {
  std::vector<FsckLog> logs;
  // What concerns no single log: the store's own files, the head file.
  std::vector<std::string> findings;

  bool clean() const;
};

struct FsckOptions {
  // Of the process whose directory it is, 32 bytes; empty: its own log's signatures are not
  // checked.
  std::string own_public_key;
};

// Called after each piece of a log.
using FsckProgress = absl::FunctionRef<void(const LogChecker&)>;

// Checks everything in `directory`: the store's files, every log from its entries' bytes up, the
// checkpoints' signatures, and the head file. Damage is in the report; NOT_FOUND if there is no
// store.
absl::StatusOr<FsckReport> CheckDataDirectory(const std::string& directory,
                                              const FsckOptions& options, FsckProgress progress);

// Writes the head file anew from what the store holds. Only for when it is lost: it gives up what
// the head file would have told.
absl::Status RebuildHeads(const std::string& directory);

}  // namespace chargeledger::log
