#include "server/ocpi/outbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/foreign_text.h"
#include "core/sha256.h"

namespace chargeledger::server {
namespace {

// Partners' names and ids hold no zero byte.
constexpr absl::string_view kZero("\0", 1);
// What is kept of a partner's words.
constexpr size_t kMostText = 500;

}  // namespace

std::string Outbox::KeyOf(const std::string& partner, v1::OutboxKind kind, const std::string& id) {
  return absl::StrCat(partner, kZero, static_cast<int>(kind), kZero, id);
}

absl::StatusOr<Outbox> Outbox::Open(log::Store& store) {
  Outbox outbox(store);
  log::WriteBatch unreadable;
  CL_RETURN_IF_ERROR(store.Scan("", "\xff", [&](absl::string_view key, absl::string_view value) {
    v1::OutboxItem item;
    if (!item.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      unreadable.Delete(key);
    } else if (item.state() == v1::OUTBOX_STATE_PENDING) {
      outbox.pending_[item.partner()].emplace(item.next_attempt_us(), std::string(key));
      outbox.due_us_[std::string(key)] = item.next_attempt_us();
    }
    return true;
  }));
  if (!unreadable.operations().empty()) {
    CL_RETURN_IF_ERROR(store.Commit(unreadable, log::Durability::kSynced));
  }
  return outbox;
}

absl::StatusOr<std::optional<v1::OutboxItem>> Outbox::Read(const std::string& key) const {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store_->Get(key));
  if (!stored.has_value()) return std::optional<v1::OutboxItem>();
  v1::OutboxItem item;
  if (!item.ParseFromString(*stored)) return absl::DataLossError("the outbox cannot be read");
  return std::optional<v1::OutboxItem>(std::move(item));
}

absl::Status Outbox::Write(const std::string& key, const v1::OutboxItem& item) {
  const std::string bytes = item.SerializeAsString();
  log::WriteBatch batch;
  batch.Put(key, bytes);
  CL_RETURN_IF_ERROR(store_->Commit(batch, log::Durability::kSynced));
  auto& pending = pending_[item.partner()];
  if (const auto due = due_us_.find(key); due != due_us_.end()) {
    pending.erase({due->second, key});
    due_us_.erase(due);
  }
  if (item.state() == v1::OUTBOX_STATE_PENDING) {
    pending.emplace(item.next_attempt_us(), key);
    due_us_[key] = item.next_attempt_us();
  }
  return absl::OkStatus();
}

absl::Status Outbox::Offer(const std::string& partner, v1::OutboxKind kind, const std::string& id,
                           const std::string& body, bool hurry, int64_t now_us) {
  const std::string key = KeyOf(partner, kind, id);
  const std::string digest(core::Sha256(body).bytes());
  CL_ASSIGN_OR_RETURN(std::optional<v1::OutboxItem> stored, Read(key));
  v1::OutboxItem item = stored.value_or(v1::OutboxItem());
  if (stored.has_value() && item.body_sha256() == digest) return absl::OkStatus();
  // A CDR is never changed: what was sent of it is what it is.
  if (stored.has_value() && kind == v1::OUTBOX_KIND_CDR) return absl::OkStatus();
  const bool waits = item.state() == v1::OUTBOX_STATE_PENDING;
  item.set_partner(partner);
  item.set_kind(kind);
  item.set_id(id);
  item.set_body(body);
  item.set_body_sha256(digest);
  item.set_offered_at_us(now_us);
  item.set_state(v1::OUTBOX_STATE_PENDING);
  if (!waits) {
    item.set_attempts(0);
    item.clear_error();
    item.set_next_attempt_us(hurry || item.taken_at_us() == 0
                                 ? now_us
                                 : std::max(now_us, item.taken_at_us() + kOcpiSessionEveryUs));
  } else if (hurry && item.attempts() == 0) {
    item.set_next_attempt_us(std::min(item.next_attempt_us(), now_us));
  }
  return Write(key, item);
}

std::optional<int64_t> Outbox::OpenUntilUs(const std::string& partner) const {
  const auto circuit = circuits_.find(partner);
  if (circuit == circuits_.end() || circuit->second.failures < kOcpiFailuresToOpen) {
    return std::nullopt;
  }
  return circuit->second.open_until_us;
}

std::optional<int64_t> Outbox::DueUs(const std::string& partner) const {
  const auto pending = pending_.find(partner);
  if (pending == pending_.end() || pending->second.empty()) return std::nullopt;
  return std::max(pending->second.begin()->first, OpenUntilUs(partner).value_or(0));
}

absl::StatusOr<std::optional<v1::OutboxItem>> Outbox::Next(const std::string& partner,
                                                           int64_t now_us) const {
  const std::optional<int64_t> due_us = DueUs(partner);
  if (!due_us.has_value() || *due_us > now_us) return std::optional<v1::OutboxItem>();
  return Read(pending_.at(partner).begin()->second);
}

absl::Status Outbox::Taken(const v1::OutboxItem& sent, const std::string& location,
                           int64_t now_us) {
  circuits_.erase(sent.partner());
  const std::string key = KeyOf(sent.partner(), sent.kind(), sent.id());
  CL_ASSIGN_OR_RETURN(std::optional<v1::OutboxItem> item, Read(key));
  if (!item.has_value()) return absl::OkStatus();
  item->set_taken_at_us(now_us);
  item->set_attempts(item->attempts() + 1);
  item->clear_error();
  if (!location.empty()) item->set_location(core::Recordable(location, kMostText));
  if (item->body_sha256() == sent.body_sha256()) {
    item->set_state(v1::OUTBOX_STATE_TAKEN);
    // The body can be made again, and takes room.
    item->clear_body();
  } else {
    item->set_attempts(0);
    item->set_next_attempt_us(now_us);
  }
  return Write(key, *item);
}

absl::Status Outbox::Failed(const v1::OutboxItem& sent, const std::string& error, bool for_good,
                            int64_t now_us) {
  if (!for_good) {
    Circuit& circuit = circuits_[sent.partner()];
    if (++circuit.failures >= kOcpiFailuresToOpen) {
      circuit.open_for_us =
          std::clamp(2 * circuit.open_for_us, kOcpiFirstOpenUs, kOcpiLongestOpenUs);
      circuit.open_until_us = now_us + circuit.open_for_us;
    }
  } else {
    // The partner answers: it is this object that it does not want.
    circuits_.erase(sent.partner());
  }
  const std::string key = KeyOf(sent.partner(), sent.kind(), sent.id());
  CL_ASSIGN_OR_RETURN(std::optional<v1::OutboxItem> item, Read(key));
  if (!item.has_value()) return absl::OkStatus();
  item->set_attempts(item->attempts() + 1);
  item->set_error(core::Recordable(error, kMostText));
  const bool same = item->body_sha256() == sent.body_sha256();
  if (for_good && same) item->set_state(v1::OUTBOX_STATE_DEAD);
  int64_t delay_us = kOcpiFirstDelayUs;
  for (uint32_t i = 1; i < item->attempts() && delay_us < kOcpiLongestDelayUs; ++i) delay_us *= 2;
  item->set_next_attempt_us(now_us + std::min(delay_us, kOcpiLongestDelayUs));
  return Write(key, *item);
}

absl::Status Outbox::Resend(const std::string& partner, const std::string& id, int64_t now_us) {
  for (const v1::OutboxKind kind : {v1::OUTBOX_KIND_CDR, v1::OUTBOX_KIND_SESSION}) {
    const std::string key = KeyOf(partner, kind, id);
    CL_ASSIGN_OR_RETURN(std::optional<v1::OutboxItem> item, Read(key));
    if (!item.has_value()) continue;
    if (item->state() != v1::OUTBOX_STATE_DEAD) {
      return absl::FailedPreconditionError(
          absl::StrCat(absl::CHexEscape(id), " for ", partner, " is no dead letter"));
    }
    item->set_state(v1::OUTBOX_STATE_PENDING);
    item->set_attempts(0);
    item->set_next_attempt_us(now_us);
    return Write(key, *item);
  }
  return absl::NotFoundError(absl::StrCat("nothing called ", absl::CHexEscape(id),
                                          " was ever sent to ", absl::CHexEscape(partner)));
}

absl::StatusOr<std::vector<v1::OutboxItem>> Outbox::List(const std::string& partner,
                                                         v1::OutboxState state) const {
  std::vector<v1::OutboxItem> items;
  CL_RETURN_IF_ERROR(store_->Scan("", "\xff", [&](absl::string_view, absl::string_view value) {
    v1::OutboxItem item;
    if (!item.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
    const bool wanted = (partner.empty() || item.partner() == partner) &&
                        (state == v1::OUTBOX_STATE_UNSPECIFIED || item.state() == state);
    if (wanted) items.push_back(std::move(item));
    return true;
  }));
  return items;
}

}  // namespace chargeledger::server
