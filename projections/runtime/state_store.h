// Where folds' states lie in a log::Store, and the State that a fold writes to.
//
// Keys: 'w' log id (16) -> StoredFold; 's' log id (16) part (1) key -> value.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
//
// Changes are first counted into the digest and then written, as often as one likes: what was
// counted several times since the last writing is written once. What was read or written stays at
// hand, up to a bound.
class StagedState final : public State {
 public:
  // `reader` outlives the state. `empty`: nothing is stored under `prefix`.
  StagedState(const log::Reader& reader, std::string prefix, bool empty = false)
      : reader_(reader), prefix_(std::move(prefix)), empty_(empty) {}

  std::optional<std::string> Get(absl::string_view key) const override;
  void Put(absl::string_view key, absl::string_view value) override;
  void Delete(absl::string_view key) override;
  void Scan(absl::string_view prefix, Visitor visit) const override;

  // Brings `digest` up to date. Ends a batch: messages that were found must be found again.
  void Count(StateDigest& digest);
  // Adds what was counted and not yet written to `batch`, which borrows it.
  void Stage(log::WriteBatch& batch) const;
  // The batch is written: calls `visit` with every key of it.
  void Written(absl::FunctionRef<void(absl::string_view key)> visit);
  // What Stage would add, in bytes.
  size_t unwritten_bytes() const { return unwritten_bytes_; }
  const absl::Status& status() const { return status_; }

 protected:
  google::protobuf::MessageLite* Object(absl::string_view key,
                                        const google::protobuf::MessageLite& prototype,
                                        bool create) override;

 private:
  struct Value {
    // As the digest has it.
    std::optional<std::string> counted;
    // As it is now, if it was put or deleted since.
    std::optional<std::string> now;
    // What it was parsed to, or will be serialised from.
    std::unique_ptr<google::protobuf::MessageLite> object;
    // It may be another now than was counted.
    bool touched = false;
    // `now` counts, and not `counted`.
    bool put = false;
    // Counted, and not yet written.
    bool unwritten = false;
    bool stored = false;
  };
  using Values = std::map<std::string, Value, std::less<>>;

  static constexpr int kRecentBits = 12;

  static size_t PlaceOf(absl::string_view key);
  Values::value_type& Load(absl::string_view key) const;
  Value& Touch(absl::string_view key);
  std::optional<std::string> Now(const Value& value) const;

  const log::Reader& reader_;
  const std::string prefix_;
  // What is not in values_ is not stored either.
  mutable bool empty_;
  // Also what was only read: the next read of it is cheap, and a write knows what it replaces.
  mutable Values values_;
  // Where keys were found last: events come in pairs, and from a few charge points at a time.
  mutable std::array<Values::value_type*, size_t{1} << kRecentBits> recent_{};
  std::vector<Values::value_type*> touched_;
  std::vector<Values::value_type*> unwritten_;
  size_t unwritten_bytes_ = 0;
  // Read or counted since nothing was at hand.
  mutable size_t passed_bytes_ = 0;
  std::string scratch_;
  mutable absl::Status status_;
};

}  // namespace chargeledger::projections
