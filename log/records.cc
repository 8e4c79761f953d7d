#include "log/records.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/sha256.h"

namespace chargeledger::log {
namespace {

absl::Status Failed(const std::string& path, absl::string_view what) {
  const int error = errno;
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  return error == ENOSPC ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

absl::Status SyncName(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path();
  const int directory = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Failed(parent, "open");
  const bool synced = fsync(directory) == 0;
  close(directory);
  return synced ? absl::OkStatus() : Failed(parent, "sync");
}

}  // namespace

absl::Status WriteRecords(const std::string& path, const Records& records) {
  v1::StoredRecords stored;
  for (const auto& [key, value] : records) {
    v1::StoredRecords::Record& record = *stored.add_records();
    record.set_key(key);
    record.set_value(value);
  }
  std::string bytes = stored.SerializeAsString();
  absl::StrAppend(&bytes, core::Sha256(bytes).bytes());
  const std::string next = path + ".next";
  const int file = open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed(next, "create");
  const bool written =
      write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      fdatasync(file) == 0;
  absl::Status status = written ? absl::OkStatus() : Failed(next, "write");
  close(file);
  if (!status.ok()) return status;
  if (rename(next.c_str(), path.c_str()) != 0) return Failed(path, "replace");
  return SyncName(path);
}

absl::StatusOr<Records> ReadRecords(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, " is not there"));
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const size_t hash = core::Hash::kSize;
  v1::StoredRecords stored;
  if (bytes.size() < hash ||
      core::Sha256(bytes.substr(0, bytes.size() - hash)).bytes() !=
          absl::string_view(bytes).substr(bytes.size() - hash) ||
      !stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size() - hash))) {
    return absl::DataLossError(absl::StrCat(path, " is damaged"));
  }
  Records records;
  for (const v1::StoredRecords::Record& record : stored.records()) {
    records[record.key()] = record.value();
  }
  return records;
}

}  // namespace chargeledger::log
