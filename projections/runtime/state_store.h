// Where folds' states lie in a log::Store, and the State that a fold writes to.
//
// Keys: 'w' log id (16) -> StoredFold; 's' log id (16) part (1) key -> value.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
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
  void Stage(log::WriteBatch& batch, StateDigest& digest);
  const absl::Status& status() const { return status_; }
  // Calls `visit` with every key that is to be written, after Stage.
  void ForEachChange(absl::FunctionRef<void(absl::string_view key)> visit) const;

 protected:
  google::protobuf::MessageLite* Object(absl::string_view key,
                                        const google::protobuf::MessageLite& prototype,
                                        bool create) override;

 private:
  struct Change {
    std::optional<std::string> stored;
    std::optional<std::string> now;
    // What `now` was parsed to, or will be serialised from.
    std::unique_ptr<google::protobuf::MessageLite> object;
  };
  using Changes = std::map<std::string, Change, std::less<>>;

  Change& Load(absl::string_view key) const;
  static void Serialize(Change& change);

  const log::Reader& reader_;
  const std::string prefix_;
  // Also what was only read: the next read of it is cheap, and a write knows what it replaces.
  mutable Changes changes_;
  // Where keys were found last: events come in pairs, and from a few charge points at a time.
  mutable std::array<Changes::value_type*, 256> recent_{};
  mutable absl::Status status_;
};

}  // namespace chargeledger::projections
