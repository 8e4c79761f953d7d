#include "log/scrubber.h"

#include "absl/time/time.h"
#include "core/check.h"

namespace chargeledger::log {

Scrubber::Scrubber(Archive& archive, core::Clock& clock, const ScrubberOptions& options,
                   KeysOf keys_of, Found found)
    : archive_(archive),
      clock_(clock),
      options_(options),
      keys_of_(std::move(keys_of)),
      found_(std::move(found)) {
  if (options_.bytes_per_second > 0) thread_ = std::thread([this] { Run(); });
}

Scrubber::~Scrubber() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool Scrubber::Pace(int64_t micros) {
  absl::MutexLock lock(&mutex_);
  return !mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::Microseconds(micros));
}

absl::Status Scrubber::Scrub(const EventLog& log,
                             absl::FunctionRef<bool(const LogChecker&, uint64_t)> step,
                             std::vector<CheckFinding>* findings) {
  const uint64_t reloads = log.reloads();
  LogChecker checker(archive_.store(), log.log_id(), log.generation(), log.head(), keys_of_(log));
  size_t told = 0;
  while (!checker.done()) {
    CL_ASSIGN_OR_RETURN(uint64_t bytes, checker.Step());
    // Taken back or replaced meanwhile: what was seen is of no log.
    if (log.reloads() != reloads) return absl::OkStatus();
    for (; told < checker.findings().size(); ++told) found_(log, checker.findings()[told]);
    Note(log, checker);
    if (!step(checker, bytes)) return absl::CancelledError("the scrub was stopped");
  }
  if (findings != nullptr) *findings = checker.findings();
  return absl::OkStatus();
}

void Scrubber::Note(const EventLog& log, const LogChecker& checker) {
  absl::MutexLock lock(&mutex_);
  ScrubProgress& progress = progress_[{log.log_id(), log.generation().value()}];
  progress.log_id = log.log_id();
  progress.generation = log.generation();
  progress.checked = checker.checked();
  progress.size = checker.size();
  progress.findings = checker.findings().size();
  if (checker.done()) {
    ++progress.rounds;
    progress.finished_at_us = clock_.WallMicros();
  }
}

absl::StatusOr<std::vector<CheckFinding>> Scrubber::ScrubNow(
    const EventLog& log, absl::FunctionRef<bool(const LogChecker&)> progress) {
  std::vector<CheckFinding> findings;
  CL_RETURN_IF_ERROR(Scrub(
      log, [&](const LogChecker& checker, uint64_t) { return progress(checker); }, &findings));
  return findings;
}

void Scrubber::Run() {
  const int64_t rate = options_.bytes_per_second;
  while (true) {
    for (const EventLog* log : archive_.logs()) {
      auto pace = [&](const LogChecker&, uint64_t bytes) {
        return Pace(static_cast<int64_t>(bytes) * 1'000'000 / rate);
      };
      absl::Status status = Scrub(*log, pace, nullptr);
      if (status.code() == absl::StatusCode::kCancelled) return;
      if (!status.ok()) found_(*log, {std::nullopt, status.ToString()});
    }
    if (!Pace(options_.pause_s * 1'000'000)) return;
  }
}

std::vector<ScrubProgress> Scrubber::progress() const {
  absl::MutexLock lock(&mutex_);
  std::vector<ScrubProgress> all;
  for (const auto& [name, progress] : progress_) all.push_back(progress);
  return all;
}

}  // namespace chargeledger::log
