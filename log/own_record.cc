#include "log/own_record.h"

#include <string>

#include "absl/strings/string_view.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

constexpr absl::string_view kOwnLogKey = "a";

}  // namespace

absl::StatusOr<std::optional<v1::StoredLog>> ReadOwnRecord(Archive& archive) {
  std::optional<v1::StoredLog> own;
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, archive.store().Get(kOwnLogKey));
  if (stored.has_value() && !own.emplace().ParseFromString(*stored)) {
    return absl::DataLossError("the record that names this store's own log cannot be read");
  }
  return own;
}

absl::Status StoreOwnRecord(Archive& archive, const v1::StoredLog& own) {
  return archive.PutRecord(std::string(kOwnLogKey), own.SerializeAsString());
}

}  // namespace chargeledger::log
