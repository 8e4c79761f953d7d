#include "edge-agent/central_system/transaction_memory.h"

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::edge_agent {

TransactionMemory::TransactionMemory(const log::Store& store, const core::LogId& log_id)
    : store_(store), prefix_(projections::StatePrefix(log_id, 0)) {}

void TransactionMemory::Forget(core::Sequence folded) {
  for (auto it = decided_.begin(); it != decided_.end();) {
    it = it->second.at < folded ? decided_.erase(it) : std::next(it);
  }
}

std::optional<std::string> TransactionMemory::Get(absl::string_view key) const {
  auto decided = decided_.find(key);
  if (decided != decided_.end()) return decided->second.value;
  auto stored = store_.Get(absl::StrCat(prefix_, key));
  if (stored.ok()) return *std::move(stored);
  if (status_.ok()) status_ = stored.status();
  return std::nullopt;
}

void TransactionMemory::Put(absl::string_view key, absl::string_view value) {
  decided_[std::string(key)] = {std::string(value), next_};
}

void TransactionMemory::Delete(absl::string_view key) {
  decided_[std::string(key)] = {std::nullopt, next_};
}

google::protobuf::MessageLite* TransactionMemory::Object(absl::string_view,
                                                         const google::protobuf::MessageLite&,
                                                         bool) {
  CL_CHECK(false, "decisions are kept as bytes");
}

void TransactionMemory::Scan(absl::string_view, Visitor) const {
  CL_CHECK(false, "transactions are looked up by key alone");
}

}  // namespace chargeledger::edge_agent
