// Where folds' states lie in a log::Store, and the State that a fold writes to.
//
// Keys: 'w' log id (16) -> StoredFold; 's' log id (16) part (1) key -> value.
#pragma once

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/ids.h"
#include "log/store.h"
#include "projections/runtime/digest.h"
#include "projections/state.h"

namespace chargeledger::projections {

std::string FoldKey(const core::LogId& log_id);
// Of all parts' states of one log.
std::string StatePrefix(const core::LogId& log_id);
// Of one part's state.
std::string StatePrefix(const core::LogId& log_id, size_t part);

// What is stored, plus what a fold has changed and not yet written. Not thread-safe. A read that
// fails makes status() an error, and what was folded since must be thrown away.
class StagedState final : public State {
 public:
  // `reader` outlives the state.
  StagedState(const log::Reader& reader, std::string prefix)
      : reader_(reader), prefix_(std::move(prefix)) {}

  std::optional<std::string> Get(absl::string_view key) const override;
  void Put(absl::string_view key, absl::string_view value) override;
  void Delete(absl::string_view key) override;
  void Scan(absl::string_view prefix, Visitor visit) const override;

  // Moves the changes to `batch` (which borrows them until the next change) and brings `digest` up
  // to date.
  void Stage(log::WriteBatch& batch, StateDigest& digest) const;
  void Clear() { changes_.clear(); }
  size_t change_count() const { return changes_.size(); }
  const absl::Status& status() const { return status_; }

 private:
  struct Change {
    std::optional<std::string> stored;
    std::optional<std::string> now;
  };

  Change& Load(absl::string_view key) const;

  const log::Reader& reader_;
  const std::string prefix_;
  // Also what was only read: the next read of it is cheap, and a write knows what it replaces.
  mutable absl::btree_map<std::string, Change> changes_;
  mutable absl::Status status_;
};

}  // namespace chargeledger::projections
