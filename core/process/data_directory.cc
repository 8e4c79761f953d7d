#include "core/process/data_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::core {
namespace {

absl::Status Failed(const std::string& what, int error) {
  const std::string message = absl::StrCat("cannot ", what, ": ", strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                            : absl::InvalidArgumentError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataDirectory>> DataDirectory::Open(const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError("no data directory was given; name one with --data-dir");
  }
  std::error_code error;
  const bool created = std::filesystem::create_directories(path, error);
  if (error) {
    return Failed(absl::StrCat("create the data directory ", path), error.value());
  }
  if (created) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  const std::string lock_path = path + "/LOCK";
  const int lock = open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return Failed(absl::StrCat("open ", lock_path), errno);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    const ssize_t read_bytes = pread(lock, holder, sizeof holder - 1, 0);
    close(lock);
    return absl::FailedPreconditionError(
        absl::StrCat("the data directory ", path, " is in use by process ",
                     read_bytes > 0 ? absl::StripAsciiWhitespace(holder) : "unknown",
                     "; stop it first or use another directory"));
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0) {
    const int failed = errno;
    close(lock);
    return Failed(absl::StrCat("write ", lock_path), failed);
  }
  return std::unique_ptr<DataDirectory>(new DataDirectory(path, lock));
}

DataDirectory::~DataDirectory() { close(lock_); }

}  // namespace chargeledger::core
