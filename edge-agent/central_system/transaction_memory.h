// The state of projections::Transactions at the edge, always up to date: what was folded from the
// log and is stored, plus what was decided since. Decisions are folded from the log in the
// background; then the memory of them can go.
//
// Not thread-safe: belongs to the thread that decides. A crash loses only memory that the log gives
// again.
#pragma once

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "core/ids.h"
#include "log/store.h"
#include "projections/state.h"

namespace chargeledger::edge_agent {

class TransactionMemory final : public projections::State {
 public:
  // `store` holds the folded state of `log_id`, and outlives the memory.
  TransactionMemory(const log::Store& store, const core::LogId& log_id);

  // Decisions from now on are in the log at or after this sequence.
  void SetNext(core::Sequence next) { next_ = next; }
  // Entries below `folded` are in the stored state: forgets what was decided before.
  void Forget(core::Sequence folded);
  size_t size() const { return decided_.size(); }
  // Not OK once a read has failed: then nothing that was decided may be told, since an id could be
  // given twice.
  const absl::Status& status() const { return status_; }

  std::optional<std::string> Get(absl::string_view key) const override;
  void Put(absl::string_view key, absl::string_view value) override;
  void Delete(absl::string_view key) override;
  void Scan(absl::string_view prefix, Visitor visit) const override;

 protected:
  google::protobuf::MessageLite* Object(absl::string_view key,
                                        const google::protobuf::MessageLite& prototype,
                                        bool create) override;

 private:
  struct Decided {
    std::optional<std::string> value;
    core::Sequence at;
  };

  const log::Store& store_;
  const std::string prefix_;
  core::Sequence next_;
  mutable absl::Status status_;
  absl::btree_map<std::string, Decided> decided_;
};

}  // namespace chargeledger::edge_agent
