#include "log/own_logs.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/own_record.h"

namespace chargeledger::log {
namespace {

absl::StatusOr<v1::StoredLog> ReadRecord(Archive& archive, const Author& author,
                                         const core::LogId& new_log_id) {
  CL_ASSIGN_OR_RETURN(std::optional<v1::StoredLog> stored, ReadOwnRecord(archive));
  v1::StoredLog own = stored.value_or(v1::StoredLog());
  if (!stored.has_value()) {
    own.set_operator_(author.operator_name);
    own.set_site(author.site);
    own.set_log_id(std::string(new_log_id.bytes()));
    own.set_generation(1);
    CL_RETURN_IF_ERROR(StoreOwnRecord(archive, own));
    return own;
  }
  if (own.operator_() != author.operator_name || own.site() != author.site) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the data directory holds the log of ", own.operator_(), "/", own.site(), ", not of ",
        author.operator_name, "/", author.site, "; give the site its own data directory"));
  }
  return own;
}

}  // namespace

absl::StatusOr<OwnLogs> OwnLogs::Open(Archive& archive, const Author& author,
                                      const core::LogId& new_log_id) {
  CL_ASSIGN_OR_RETURN(v1::StoredLog record, ReadRecord(archive, author, new_log_id));
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(record.log_id()));
  OwnLogs own(archive, std::move(record), log_id);
  for (uint32_t generation = 1; generation < own.record_.generation(); ++generation) {
    // A past generation that cannot be opened was reported when the one after it began.
    auto past = archive.OpenLog(log_id, core::Generation(generation));
    own.past_[generation] = past.ok() ? past->log : nullptr;
  }
  CL_RETURN_IF_ERROR(own.OpenNewest());
  return own;
}

absl::Status OwnLogs::OpenNewest() {
  auto opened = archive_->OpenLog(log_id_, generation());
  newest_ = opened.ok() ? opened->log : nullptr;
  witnessed_ = opened.ok() ? opened->witnessed : std::nullopt;
  damage_ = opened.ok() ? opened->witness : opened.status();
  // Only damage begins a new generation: anything else is for a person, or passes.
  return damage_.code() == absl::StatusCode::kDataLoss ? absl::OkStatus() : damage_;
}

v1::GenerationOpened OwnLogs::DescribeDamage() const {
  v1::GenerationOpened opened;
  opened.set_previous_generation(record_.generation());
  opened.set_reason(std::string(damage_.message()));
  if (newest_ == nullptr) return opened;
  const TreeHead head = newest_->head();
  opened.set_previous_size(head.size);
  opened.set_previous_root(std::string(head.root.bytes()));
  if (witnessed_.has_value()) {
    opened.set_witnessed_size(witnessed_->size);
    opened.set_witnessed_root(std::string(witnessed_->root.bytes()));
  }
  return opened;
}

absl::Status OwnLogs::Begin(const v1::GenerationOpened& opened) {
  if (opened.previous_generation() != record_.generation()) return absl::OkStatus();
  past_[record_.generation()] = newest_;
  record_.set_generation(record_.generation() + 1);
  CL_RETURN_IF_ERROR(StoreOwnRecord(*archive_, record_));
  CL_RETURN_IF_ERROR(OpenNewest());
  return damage_;
}

}  // namespace chargeledger::log
