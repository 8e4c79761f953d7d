// How a process ends, or has to begin again: by SIGTERM or SIGINT, because a part of it cannot go
// on, or because the disk is full.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace chargeledger::core {

enum class Ending {
  // SIGTERM or SIGINT came.
  kSignal,
  // A part of the process cannot go on.
  kFailure,
  // What was to be written found no space: it can go on once there is some again.
  kDiskFull,
  // What is stored has to be opened anew, at once.
  kNewLife,
};

// Blocks SIGTERM and SIGINT in this thread and all that it starts from now on, and ignores SIGPIPE.
// First thing in main.
void BlockTermination();

// Waits until a termination signal comes or somebody calls RequestTermination.
Ending WaitForEnding();
// Likewise, for at most `ms`; none if nothing came.
std::optional<Ending> WaitForEnding(int64_t ms);

// Makes WaitForEnding return: kDiskFull for RESOURCE_EXHAUSTED, kNewLife for ABORTED, otherwise
// kFailure. From any thread; the first reason counts, the ones that follow from it do not.
void RequestTermination(const absl::Status& reason);

// After kDiskFull or kNewLife, once all that could ask for it is gone: what was asked for is
// forgotten, and WaitForEnding may be called again.
void BeginAgain();

}  // namespace chargeledger::core
