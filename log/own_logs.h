// The author's own log in an archive: its generations, and which one is written to.
//
//  1. The record of which log is the archive's own is durable before anything is written to it.
//  2. Opening changes nothing that is stored, except that a new archive gets its record.
//  3. A generation is begun once: whoever asks for it again after a crash finds it begun.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/ids.h"
#include "log/archive.h"

namespace chargeledger::log {

// Who appends to a log.
struct Author {
  std::string operator_name;
  std::string site;
};

class OwnLogs {
 public:
  // Opens the author's log in `archive`, which outlives this, or creates it with `new_log_id`.
  // FAILED_PRECONDITION if the archive belongs to another operator or site, or its head file is
  // missing.
  static absl::StatusOr<OwnLogs> Open(Archive& archive, const Author& author,
                                      const core::LogId& new_log_id);

  const core::LogId& log_id() const { return log_id_; }
  // The newest generation's number, and its log; null if it does not hold together.
  core::Generation generation() const { return core::Generation(record_.generation()); }
  EventLog* current() const { return damage_.ok() ? newest_ : nullptr; }
  // What is wrong with the newest generation; OK if nothing is.
  const absl::Status& damage() const { return damage_; }
  // Generations before the newest; null for those that do not open.
  const std::map<uint32_t, EventLog*>& past() const { return past_; }

  // What is to be said of a newest generation that is damaged, when the next one begins.
  v1::GenerationOpened DescribeDamage() const;
  // Makes the generation after `opened.previous_generation` the newest, if it is not yet.
  absl::Status Begin(const v1::GenerationOpened& opened);

 private:
  OwnLogs(Archive& archive, v1::StoredLog record, const core::LogId& log_id)
      : archive_(&archive), record_(std::move(record)), log_id_(log_id) {}

  absl::Status OpenNewest();

  Archive* archive_;
  v1::StoredLog record_;
  core::LogId log_id_;
  std::map<uint32_t, EventLog*> past_;
  // Also if it is damaged, but can be read.
  EventLog* newest_ = nullptr;
  std::optional<TreeHead> witnessed_;
  absl::Status damage_;
};

}  // namespace chargeledger::log
