// Walks over all logs of an archive again and again and checks what is stored (checker.h), so
// slowly that nobody notices: damage is found while the other side still has the right bytes.
//
// One thread of its own. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/clock.h"
#include "log/archive.h"
#include "log/checker.h"

namespace chargeledger::log {

struct ScrubberOptions {
  // Stored bytes read in a second on average; 0: it does not walk by itself.
  int64_t bytes_per_second = 4 << 20;
  // From the end of one walk over all logs to the beginning of the next.
  int64_t pause_s = 24 * 3600;
};

// How far the walk over one log is.
struct ScrubProgress {
  core::LogId log_id;
  core::Generation generation;
  uint64_t checked = 0;
  uint64_t size = 0;
  // Walks over this log that came to their end.
  uint64_t rounds = 0;
  // Wall clock of the last end, 0 before the first.
  int64_t finished_at_us = 0;
  // Of the newest walk that came to its end, or is under way.
  uint64_t findings = 0;
};

class Scrubber {
 public:
  // Keys that check the stored checkpoint of a log.
  using KeysOf = std::function<std::vector<tlog::VerifierKey>(const EventLog&)>;
  // Something is wrong with a log. On the thread that scrubs.
  using Found = std::function<void(const EventLog&, const CheckFinding&)>;

  // `archive` and `clock` outlive the scrubber.
  Scrubber(Archive& archive, core::Clock& clock, const ScrubberOptions& options, KeysOf keys_of,
           Found found);
  ~Scrubber();

  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  // Checks one log now, in the caller's thread, at full speed. `progress` is called now and then;
  // it returns false to stop (CANCELLED).
  absl::StatusOr<std::vector<CheckFinding>> ScrubNow(
      const EventLog& log, absl::FunctionRef<bool(const LogChecker&)> progress);

  std::vector<ScrubProgress> progress() const;

 private:
  using Name = std::pair<core::LogId, uint32_t>;

  void Run();
  void Note(const EventLog& log, const LogChecker& checker);
  // False if the scrubber is stopping.
  bool Pace(int64_t micros);
  absl::Status Scrub(const EventLog& log, absl::FunctionRef<bool(const LogChecker&, uint64_t)> step,
                     std::vector<CheckFinding>* findings);

  Archive& archive_;
  core::Clock& clock_;
  const ScrubberOptions options_;
  const KeysOf keys_of_;
  const Found found_;
  mutable absl::Mutex mutex_;
  std::map<Name, ScrubProgress> progress_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace chargeledger::log
