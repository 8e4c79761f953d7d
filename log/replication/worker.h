// Does the work that an author's machine asks for (work.h), with an archive and the author's
// recorder; waits until it is durable. Not thread-safe, but beside the recorder's other callers.
#pragma once

#include "absl/status/status.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/replication/author.h"
#include "log/replication/work.h"

namespace chargeledger::log::replication {

class Worker {
 public:
  // Both outlive the worker.
  Worker(Archive& archive, Recorder& recorder) : archive_(archive), recorder_(recorder) {}

  // Everything but kBegin, which ends the author's life: that is the caller's.
  WorkResult Do(const Work& work);

 private:
  absl::StatusOr<EventLog*> LogOf(uint32_t generation);
  absl::Status Append(const Work& work);
  WorkResult Salvage(const Work& work);
  absl::StatusOr<uint64_t> SharedWithHolder(const Work& work) const;

  Archive& archive_;
  Recorder& recorder_;
};

// Appends `entries` to `log`, durably. `log` has no other writer meanwhile.
absl::Status AppendTo(Archive& archive, EventLog& log, absl::Span<const absl::string_view> entries);

}  // namespace chargeledger::log::replication
