#include "server/divergences.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "log/replication/finding.h"

namespace chargeledger::server {

std::string Divergences::IdOf(const v1::DivergenceFound& found) {
  const log::replication::Finding finding{found.kind(), found.side(), 0};
  return absl::StrCat(absl::BytesToHexString(found.log_id()).substr(0, 12), "-",
                      log::replication::FindingId(core::Generation(found.generation()), finding,
                                                  found.first_difference()));
}

std::string Divergences::Found(v1::DivergenceFound found) {
  const std::string id = IdOf(found);
  found.set_id(id);
  {
    absl::MutexLock lock(&mutex_);
    if (!open_.emplace(id, found).second) return id;
  }
  spdlog::error("divergence {} (site {}): {}", id, found.site(), found.detail());
  if (control_ == nullptr) return id;
  std::vector<v1::Entry> events(1);
  *events[0].mutable_divergence_found() = std::move(found);
  // A control log that cannot be written ends the process elsewhere.
  (void)control_->Record(std::move(events), [](const absl::Status&) {});
  return id;
}

void Divergences::Resolved(const std::string& id, absl::string_view resolution, uint64_t recovered,
                           const log::TreeHead& head) {
  std::vector<v1::Entry> events(1);
  {
    absl::MutexLock lock(&mutex_);
    auto found = open_.find(id);
    if (found == open_.end()) return;
    v1::DivergenceResolved& resolved = *events[0].mutable_divergence_resolved();
    resolved.set_id(id);
    resolved.set_log_id(found->second.log_id());
    resolved.set_generation(found->second.generation());
    resolved.set_resolution(std::string(resolution));
    resolved.set_entries_recovered(recovered);
    resolved.set_size(head.size);
    resolved.set_root(std::string(head.root.bytes()));
    open_.erase(found);
  }
  spdlog::info("divergence {} is resolved: {}", id, std::string(resolution));
  if (control_ != nullptr) {
    (void)control_->Record(std::move(events), [](const absl::Status&) {});
  }
}

absl::Status Divergences::Keep(std::vector<v1::Entry> events) {
  if (control_ == nullptr) {
    return absl::FailedPreconditionError("there is no control log to keep entries in");
  }
  return control_->RecordAndWait(std::move(events));
}

}  // namespace chargeledger::server
