// Keeps the place of the agent while its disk is full: listens where it listened, turns charge
// points away or answers them without a record, and looks whether there is space again.
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/clock.h"
#include "core/process/termination.h"
#include "edge-agent/agent.h"

namespace chargeledger::edge_agent {

struct Waited {
  // None: there is space again. Otherwise the process is to end.
  std::optional<core::Ending> ending;
  // What is missing from the log meanwhile; to be recorded first when it is open again.
  v1::RecordingGap gap;
};

// Returns when `bytes` are free for the data directory again, or the process is to end.
// `from_us` is when recording ended, by the wall clock; `listening` is called once with where
// charge points are listened for.
absl::StatusOr<Waited> WaitForSpace(core::Clock& clock, const AgentOptions& options,
                                    int64_t from_us, uint64_t bytes,
                                    absl::FunctionRef<void(const core::Address&)> listening);

}  // namespace chargeledger::edge_agent
