// The part of Ledger that brings back what is damaged here, and compares on demand.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/orphans.h"
#include "log/salvage.h"
#include "server/ledger.h"

namespace chargeledger::server {
namespace {

using log::kTileWidth;

// Orphans in one record of the control log.
constexpr size_t kOrphansAtOnce = 256;
// Reports that nobody has fetched.
constexpr size_t kMaxReports = 16;

v1::ReplicateResponse WantBundle(uint32_t generation, uint64_t bundle) {
  v1::ReplicateResponse response;
  response.mutable_wanted()->set_generation(generation);
  response.mutable_wanted()->set_first(bundle * kTileWidth);
  response.mutable_wanted()->set_end((bundle + 1) * kTileWidth);
  return response;
}

// Entries of a held log on their way into the control log.
class Aside {
 public:
  Aside(Divergences& divergences, const core::LogId& log_id, core::Generation generation)
      : divergences_(divergences), log_id_(log_id), generation_(generation) {}

  absl::Status Add(core::Sequence sequence, absl::string_view bytes) {
    const size_t before = events_.size();
    core::AppendOrphan(generation_, sequence, bytes, events_);
    for (size_t i = before; i < events_.size(); ++i) {
      events_[i].mutable_orphaned_entry()->set_log_id(std::string(log_id_.bytes()));
    }
    ++kept_;
    return events_.size() < kOrphansAtOnce ? status_ : Finish();
  }
  // Durable when it returns OK.
  absl::Status Finish() {
    if (status_.ok() && !events_.empty()) {
      status_ = divergences_.Keep(std::exchange(events_, {}));
    }
    return status_;
  }
  uint64_t kept() const { return kept_; }

 private:
  Divergences& divergences_;
  const core::LogId log_id_;
  const core::Generation generation_;
  std::vector<v1::Entry> events_;
  absl::Status status_;
  uint64_t kept_ = 0;
};

}  // namespace

absl::Status Ledger::KeepReadable(const HeldLog& held, core::Generation generation,
                                  std::optional<log::TreeHead> witnessed) {
  if (options_.divergences == nullptr) return absl::OkStatus();
  CL_ASSIGN_OR_RETURN(uint64_t from, archive_.ReadableSize(held.log_id(), generation));
  Aside aside(*options_.divergences, held.log_id(), generation);
  CL_RETURN_IF_ERROR(log::VisitReadable(archive_.store(), held.log_id(), generation, from,
                                        witnessed.has_value() ? witnessed->size : from,
                                        [&](uint64_t sequence, absl::string_view bytes) {
                                          (void)aside.Add(core::Sequence(sequence), bytes);
                                        }));
  return aside.Finish();
}

std::vector<v1::ReplicateResponse> Ledger::Wanted(const Stream& stream) const {
  std::vector<v1::ReplicateResponse> wanted;
  absl::MutexLock lock(&stream.held->mutex_);
  for (const auto& [bundle, id] : stream.held->wanted_) {
    wanted.push_back(WantBundle(bundle.first, bundle.second));
  }
  return wanted;
}

bool Ledger::OnDamaged(const log::EventLog& log, std::optional<uint64_t> sequence,
                       const std::string& detail) {
  HeldLog* held = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    auto known = logs_.find(log.log_id());
    if (known == logs_.end()) return false;
    held = known->second.get();
  }
  absl::MutexLock lock(&held->mutex_);
  const uint32_t generation = log.generation().value();
  if (held->contradicting_.count(generation) > 0) return true;
  held->damage_ = absl::DataLossError(detail);
  const uint64_t bundle = sequence.value_or(log.head().size) / kTileWidth;
  const bool whole = (bundle + 1) * kTileWidth <= log.head().size;
  const std::string id =
      Found(Describe(*held, generation, v1::DIVERGENCE_KIND_DAMAGED, v1::DIVERGENCE_SIDE_HOLDER,
                     whole ? bundle * kTileWidth : sequence.value_or(0), detail));
  if (!whole || !held->wanted_.emplace(std::pair(generation, bundle), id).second) return true;
  if (held->live_ != nullptr) held->live_->Tell(WantBundle(generation, bundle));
  return true;
}

void Ledger::Repair(const Stream& stream, log::EventLog& log, uint64_t bundle,
                    absl::Span<const absl::string_view> entries) {
  HeldLog& held = *stream.held;
  if (entries.empty()) {
    spdlog::error("site {} cannot read entries {} to {} either", held.site(), bundle * kTileWidth,
                  (bundle + 1) * kTileWidth - 1);
    return;
  }
  const absl::Status status = archive_.Repair(log, bundle, entries);
  if (!status.ok()) {
    spdlog::error("site {} sent entries that do not repair what is damaged: {}", held.site(),
                  status.ToString());
    return;
  }
  {
    absl::MutexLock lock(&held.mutex_);
    auto wanted = held.wanted_.find({log.generation().value(), bundle});
    if (wanted == held.wanted_.end()) return;
    Resolved(wanted->second, "taken from the author, and found to be what the tree has there",
             entries.size(), log.head());
    held.wanted_.erase(wanted);
    if (held.wanted_.empty() && held.salvaged_.empty() && held.contradicting_.empty()) {
      held.damage_ = absl::OkStatus();
    }
  }
  if (grown_) grown_({&held});
}

void Ledger::OnProjections(HeldLog& held, const std::string& difference) {
  v1::DivergenceFound found = Describe(held, 0, v1::DIVERGENCE_KIND_PROJECTION,
                                       v1::DIVERGENCE_SIDE_UNSPECIFIED, 0, difference);
  if (!difference.empty()) {
    Found(std::move(found));
  } else {
    Resolved(Divergences::IdOf(found), "the states agree again", 0, {});
  }
}

absl::StatusOr<uint64_t> Ledger::BeginCompare(HeldLog& held) {
  const absl::Status away =
      absl::UnavailableError(absl::StrCat("the author of log ", held.log_id().ToHex(), " (site ",
                                          held.site(), ") is not connected: only it can compare"));
  log::replication::HeldGenerations generations;
  v1::AuthorHello hello;
  uint64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = ++last_comparison_;
  }
  {
    absl::MutexLock lock(&held.mutex_);
    if (held.live_ == nullptr) return away;
    hello = *held.author_;
    for (const auto& [generation, log] : held.generations_) {
      generations[generation] = {log, held.contradicting_.count(generation) > 0, std::nullopt};
    }
  }
  CL_ASSIGN_OR_RETURN(auto heads,
                      log::replication::HolderStream(std::move(generations), hello).Heads());
  v1::ReplicateResponse command;
  command.mutable_compare()->set_id(id);
  for (v1::GenerationHead& head : heads) {
    *command.mutable_compare()->add_generations() = std::move(head);
  }
  absl::MutexLock lock(&held.mutex_);
  if (held.live_ == nullptr) return away;
  held.live_->Tell(std::move(command));
  return id;
}

absl::StatusOr<std::optional<v1::ComparisonReport>> Ledger::TakeReport(HeldLog& held, uint64_t id) {
  std::optional<v1::ComparisonReport> result;
  absl::MutexLock lock(&held.mutex_);
  auto report = held.reports_.find(id);
  if (report == held.reports_.end()) return result;
  result = std::move(report->second);
  held.reports_.erase(report);
  if (!result->error().empty()) return absl::DataLossError(result->error());
  return result;
}

absl::StatusOr<v1::ComparisonReport> Ledger::Compare(HeldLog& held, int64_t timeout_ms) {
  CL_ASSIGN_OR_RETURN(const uint64_t id, BeginCompare(held));
  {
    absl::MutexLock lock(&held.mutex_);
    auto came = [&held, id]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(held.mutex_) {
      return held.reports_.count(id) > 0 || held.live_ == nullptr;
    };
    held.mutex_.AwaitWithTimeout(absl::Condition(&came), absl::Milliseconds(timeout_ms));
  }
  CL_ASSIGN_OR_RETURN(std::optional<v1::ComparisonReport> report, TakeReport(held, id));
  if (report.has_value()) return *std::move(report);
  return absl::UnavailableError(
      absl::StrCat("site ", held.site(), " has not answered within ", timeout_ms, " ms"));
}

void Ledger::OnReport(const Stream& stream, const v1::ComparisonReport& report) {
  absl::MutexLock lock(&stream.held->mutex_);
  stream.held->reports_[report.id()] = report;
  if (stream.held->reports_.size() > kMaxReports) {
    stream.held->reports_.erase(stream.held->reports_.begin());
  }
}

absl::StatusOr<Ledger::Restored> Ledger::Restore(HeldLog& held, core::Generation generation,
                                                 const v1::ComparisonReport& report) {
  if (!held.contradicts(generation)) {
    return absl::FailedPreconditionError(
        absl::StrCat("what is held of generation ", generation.value(), " of site ", held.site(),
                     " does not contradict what the ledger has signed: there is nothing to "
                     "restore"));
  }
  if (options_.divergences == nullptr) {
    return absl::FailedPreconditionError("the ledger has no control log to keep entries in");
  }
  const v1::ComparisonReport::Generation* found = nullptr;
  for (const auto& compared : report.generations()) {
    if (compared.generation() == generation.value()) found = &compared;
  }
  log::EventLog* log = nullptr;
  {
    absl::MutexLock lock(&held.mutex_);
    log = held.generations_[generation.value()];
  }
  if (found == nullptr) return absl::NotFoundError("the author does not have this generation");
  const uint64_t size = log->head().size;
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const v1::EntryRange& range : found->differing()) {
    ranges.emplace_back(range.first(), std::min(range.end(), size));
  }
  if (size > found->author().size()) ranges.emplace_back(found->author().size(), size);
  Restored restored;
  restored.first_sequence = ranges.empty() ? size : ranges.front().first;
  restored.first_sequence -= restored.first_sequence % kTileWidth;
  if (restored.first_sequence < found->author_keeps_from()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the author keeps entries from ", found->author_keeps_from(),
                     " on and could not send those from ", restored.first_sequence,
                     " on again: nothing was changed. Restore this ledger from a backup instead"));
  }
  Aside aside(*options_.divergences, held.log_id(), generation);
  for (const auto& [first, end] : ranges) {
    if (first >= end) continue;
    CL_RETURN_IF_ERROR(log->Read(core::Sequence(first), end - first,
                                 [&](core::Sequence sequence, absl::string_view bytes) {
                                   return aside.Add(sequence, bytes).ok();
                                 }));
  }
  CL_RETURN_IF_ERROR(aside.Finish());
  restored.kept_aside = aside.kept();
  CL_RETURN_IF_ERROR(archive_.Truncate(*log, restored.first_sequence));
  absl::MutexLock lock(&held.mutex_);
  held.contradicting_.erase(generation.value());
  held.signed_checked_.erase(generation.value());
  v1::DivergenceFound tampered = Describe(held, generation.value(), v1::DIVERGENCE_KIND_TAMPERED,
                                          v1::DIVERGENCE_SIDE_HOLDER, 0, "");
  auto last = held.signed_.find(generation.value());
  if (last != held.signed_.end()) tampered.set_first_difference(last->second.size);
  held.salvaged_[generation.value()] = {Divergences::IdOf(tampered), found->author().size()};
  // The author finds at its next call what it has to send.
  if (held.live_ != nullptr) held.live_->End();
  return restored;
}

void Ledger::ShowControl(const log::Author& author, const log::Recorder& recorder) {
  control_ = std::make_unique<HeldLog>(recorder.log().log_id(), author.operator_name, author.site);
  absl::MutexLock lock(&control_->mutex_);
  for (const auto& [generation, log] : recorder.past()) {
    if (log != nullptr) control_->generations_[generation] = log;
  }
  control_->newest_ = recorder.log().generation().value();
  control_->generations_[control_->newest_] = &recorder.mutable_log();
  if (signer_.has_value()) control_->public_key_ = signer_->verifier().public_key();
}

}  // namespace chargeledger::server
