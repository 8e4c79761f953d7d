#include "log/replication/author_session.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "core/check.h"
#include "log/replication/worker.h"

namespace chargeledger::log::replication {

void Errands::RequestRepair(core::Generation generation, uint64_t bundle,
                            const std::string& reason) {
  {
    absl::MutexLock lock(&mutex_);
    if (!repairs_.emplace(Bundle{generation.value(), bundle}, reason).second) return;
  }
  if (changed_) changed_();
}

void Errands::SendDigests(v1::ProjectionDigests digests) {
  {
    absl::MutexLock lock(&mutex_);
    digests_ = std::move(digests);
  }
  if (changed_) changed_();
}

std::map<Errands::Bundle, std::string> Errands::repairs() const {
  absl::MutexLock lock(&mutex_);
  return repairs_;
}

void Errands::Repaired(const Bundle& bundle) {
  absl::MutexLock lock(&mutex_);
  repairs_.erase(bundle);
}

std::optional<v1::ProjectionDigests> Errands::TakeDigests() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(digests_, std::nullopt);
}

AuthorSession::AuthorSession(Archive& archive, Recorder& recorder, core::Clock& clock,
                             const Author& author, const AuthorOptions& options, Errands& errands,
                             Callbacks callbacks)
    : archive_(archive),
      recorder_(recorder),
      clock_(clock),
      errands_(errands),
      callbacks_(std::move(callbacks)),
      machine_(Logs(), author, options) {}

AuthorLogs AuthorSession::Logs() {
  AuthorLogs logs{&recorder_.log(), recorder_.past(), &errands_.told_};
  // What was salvaged or restored since is opened anew for each stream.
  for (auto& [generation, past] : logs.past) {
    if (past != nullptr) continue;
    auto opened = archive_.OpenLog(recorder_.log().log_id(), core::Generation(generation));
    if (opened.ok()) past = opened->log;
  }
  return logs;
}

v1::ReplicateRequest AuthorSession::Hello() const {
  absl::MutexLock lock(&mutex_);
  return machine_.Hello();
}

absl::Status AuthorSession::OnResponse(const v1::ReplicateResponse& response) {
  absl::MutexLock lock(&mutex_);
  return machine_.OnResponse(response, clock_.MonotonicMicros());
}

bool AuthorSession::live() const {
  absl::MutexLock lock(&mutex_);
  return machine_.live();
}

TreeHead AuthorSession::held() const {
  absl::MutexLock lock(&mutex_);
  return machine_.held();
}

void AuthorSession::TakeErrands() {
  for (const auto& [bundle, reason] : errands_.repairs()) {
    if (!asked_.insert(bundle).second) continue;
    machine_.RepairOwn(core::Generation(bundle.first), bundle.second, reason);
  }
  if (auto digests = errands_.TakeDigests()) machine_.SendDigests(*std::move(digests));
}

absl::StatusOr<std::optional<Work>> AuthorSession::TakeWork(
    std::optional<v1::ReplicateRequest>& request) {
  absl::MutexLock lock(&mutex_);
  std::optional<Work> work;
  if (working_) return work;
  TakeErrands();
  work = machine_.TakeWork();
  if (!work.has_value()) {
    CL_ASSIGN_OR_RETURN(request, machine_.Next(clock_.MonotonicMicros()));
    // Looking for the next message may have found something to do.
    if (!request.has_value()) work = machine_.TakeWork();
  }
  working_ = work.has_value();
  return work;
}

absl::Status AuthorSession::Do(const Work& work) {
  if (work.kind == Work::Kind::kBegin) {
    spdlog::warn("a new generation of the log begins: {}", work.opened.reason());
    // `working_` stays: nothing is done any more.
    callbacks_.begin({work.opened, work.events});
    return absl::CancelledError("a new generation begins");
  }
  for (const v1::Entry& event : work.events) {
    if (event.has_divergence_found()) {
      spdlog::warn("divergence {}: {}", event.divergence_found().id(),
                   event.divergence_found().detail());
    }
    if (event.has_divergence_resolved()) {
      spdlog::info("divergence {} is resolved: {}", event.divergence_resolved().id(),
                   event.divergence_resolved().resolution());
    }
  }
  const WorkResult result = Worker(archive_, recorder_).Do(work);
  if (!result.status.ok() && work.kind == Work::Kind::kRepair) {
    spdlog::error("what the holder sent does not repair bundle {} of generation {}: {}",
                  work.position, work.generation, result.status.ToString());
  }
  // A full queue passes; a log that takes nothing more does not.
  const bool stored = work.kind == Work::Kind::kKeepCheckpoint;
  const absl::Status failure = stored ? result.status : recorder_.failure();
  if (!failure.ok()) callbacks_.failed(failure);
  if (result.status.ok() && work.kind == Work::Kind::kRepair) {
    errands_.Repaired({work.generation, work.position});
  }
  absl::MutexLock lock(&mutex_);
  working_ = false;
  return machine_.OnWorkDone(result);
}

absl::StatusOr<std::optional<v1::ReplicateRequest>> AuthorSession::Next() {
  while (true) {
    std::optional<v1::ReplicateRequest> request;
    CL_ASSIGN_OR_RETURN(std::optional<Work> work, TakeWork(request));
    if (!work.has_value()) return request;
    CL_RETURN_IF_ERROR(Do(*work));
  }
}

}  // namespace chargeledger::log::replication
