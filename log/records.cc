#include "log/records.h"

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "core/sha256.h"

namespace chargeledger::log {

absl::Status WriteRecords(Directory& directory, const std::string& name, const Records& records) {
  v1::StoredRecords stored;
  for (const auto& [key, value] : records) {
    v1::StoredRecords::Record& record = *stored.add_records();
    record.set_key(key);
    record.set_value(value);
  }
  std::string bytes = stored.SerializeAsString();
  absl::StrAppend(&bytes, core::Sha256(bytes).bytes());
  return directory.ReplaceFile(name, bytes);
}

absl::StatusOr<Records> ReadRecords(const Directory& directory, const std::string& name) {
  CL_ASSIGN_OR_RETURN(const std::string bytes, directory.ReadFile(name));
  const size_t hash = core::Hash::kSize;
  v1::StoredRecords stored;
  if (bytes.size() < hash ||
      core::Sha256(bytes.substr(0, bytes.size() - hash)).bytes() !=
          absl::string_view(bytes).substr(bytes.size() - hash) ||
      !stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size() - hash))) {
    return absl::DataLossError(absl::StrCat("the file `", name, "` is damaged"));
  }
  Records records;
  for (const v1::StoredRecords::Record& record : stored.records()) {
    records[record.key()] = record.value();
  }
  return records;
}

}  // namespace chargeledger::log
