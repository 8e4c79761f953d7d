#include "server/held_log.h"

#include "log/tlog/checkpoint.h"

namespace chargeledger::server {

std::vector<log::EventLog*> HeldLog::generations() const {
  absl::MutexLock lock(&mutex_);
  std::vector<log::EventLog*> logs;
  for (const auto& [generation, log] : generations_) logs.push_back(log);
  return logs;
}

bool HeldLog::replicating() const {
  absl::MutexLock lock(&mutex_);
  return replicating_;
}

absl::Status HeldLog::damage() const {
  absl::MutexLock lock(&mutex_);
  return damage_;
}

bool HeldLog::contradicts(core::Generation generation) const {
  absl::MutexLock lock(&mutex_);
  return contradicting_.count(generation.value()) > 0;
}

std::optional<log::tlog::VerifierKey> HeldLog::author_key(core::Generation generation) const {
  absl::MutexLock lock(&mutex_);
  if (public_key_.empty()) return std::nullopt;
  // With the origin as the key's name, as tlog-checkpoint recommends.
  auto key =
      log::tlog::VerifierKey::Create(log::tlog::Origin(operator_name_, site_, log_id_, generation),
                                     log::tlog::SignatureType::kEd25519, public_key_);
  return key.ok() ? std::optional<log::tlog::VerifierKey>(*std::move(key)) : std::nullopt;
}

std::optional<v1::AuthorHello> HeldLog::author() const {
  absl::MutexLock lock(&mutex_);
  return author_;
}

}  // namespace chargeledger::server
