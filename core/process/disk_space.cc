#include "core/process/disk_space.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace chargeledger::core {
namespace {

// How much is written to see whether anything can be.
constexpr uint64_t kTried = 1 << 20;

}  // namespace

absl::StatusOr<uint64_t> FreeBytes(const std::string& directory) {
  struct statvfs status {};
  if (statvfs(directory.c_str(), &status) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot ask for the free space of ", directory, ": ", strerror(errno)));
  }
  return uint64_t{status.f_bavail} * status.f_frsize;
}

bool HasSpace(const std::string& directory, uint64_t bytes) {
  const auto free_bytes = FreeBytes(directory);
  if (!free_bytes.ok() || *free_bytes < bytes) return false;
  const std::string path = directory + "/space.probe";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const std::string block(1 << 16, 'x');
  bool written = true;
  for (uint64_t done = 0; written && done < kTried; done += block.size()) {
    written = write(file, block.data(), block.size()) == static_cast<ssize_t>(block.size());
  }
  written = written && fsync(file) == 0;
  close(file);
  unlink(path.c_str());
  return written;
}

}  // namespace chargeledger::core
