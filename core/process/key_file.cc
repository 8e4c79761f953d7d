#include "core/process/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::core {
namespace {

// More than a PEM of any key has.
constexpr size_t kMaxKeyFileBytes = 16 << 10;

absl::Status Failed(absl::string_view what, const std::string& path, int error = errno) {
  const std::string message =
      absl::StrCat("cannot ", what, " the signing key ", path, ": ", strerror(error));
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                            : absl::InvalidArgumentError(message);
}

}  // namespace

absl::StatusOr<Ed25519PrivateKey> ReadKeyFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return Failed("open", path);
  struct stat status {};
  std::string pem(kMaxKeyFileBytes, '\0');
  const bool known = fstat(file, &status) == 0;
  const ssize_t size = pread(file, pem.data(), pem.size(), 0);
  close(file);
  if (!known || size < 0) return Failed("read", path);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the signing key ", path, " can be read by others; make it private with chmod 600"));
  }
  pem.resize(static_cast<size_t>(size));
  auto key = Ed25519PrivateKey::FromPem(pem);
  if (key.ok()) return key;
  return absl::InvalidArgumentError(
      absl::StrCat("the signing key ", path, ": ", key.status().message()));
}

absl::StatusOr<Ed25519PrivateKey> ReadOrCreateKeyFile(const std::string& path,
                                                      absl::string_view seed,
                                                      const std::string& log_directory) {
  if (access(path.c_str(), F_OK) == 0) return ReadKeyFile(path);
  std::error_code error;
  const std::filesystem::directory_iterator log(log_directory, error);
  if (!error && log != std::filesystem::directory_iterator()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the signing key ", path, " is missing, but ", log_directory,
        " holds a log that it has signed, and no other key is taken for that log; put the file "
        "back from a backup, or name where it is with --signing-key"));
  }
  CL_ASSIGN_OR_RETURN(Ed25519PrivateKey key, Ed25519PrivateKey::FromSeed(seed));
  const std::string pem = key.ToPem();
  // Under another name first: a crash leaves no half of a key.
  const std::string fresh = path + ".new";
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed("create", path);
  // A short write leaves no error of its own: only a full disk writes less.
  errno = ENOSPC;
  const bool written =
      write(file, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size()) && fsync(file) == 0;
  const int failed = errno;
  close(file);
  if (!written) return Failed("write", path, failed);
  if (rename(fresh.c_str(), path.c_str()) != 0) return Failed("write", path);
  const std::string parent = std::filesystem::path(path).parent_path();
  const int directory = open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_CLOEXEC);
  if (directory < 0 || fsync(directory) != 0) {
    if (directory >= 0) close(directory);
    return Failed("sync", path);
  }
  close(directory);
  return key;
}

}  // namespace chargeledger::core
