#include "log/local_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path, int error = errno) {
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOENT) return absl::NotFoundError(message);
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message)
                                            : absl::UnavailableError(message);
}

class LocalFile final : public File {
 public:
  LocalFile(std::string path, int file) : path_(std::move(path)), file_(file) {}
  ~LocalFile() override { close(file_); }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t size) const override {
    std::string bytes(size, '\0');
    const ssize_t got = pread(file_, bytes.data(), size, static_cast<off_t>(offset));
    if (got < 0) return Failed("read", path_);
    bytes.resize(static_cast<size_t>(got));
    return bytes;
  }
  absl::Status Write(uint64_t offset, absl::string_view bytes) override {
    const ssize_t put = pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return put == static_cast<ssize_t>(bytes.size()) ? absl::OkStatus() : Failed("write", path_);
  }
  absl::Status Extend(uint64_t size) override {
    const int error = posix_fallocate(file_, 0, static_cast<off_t>(size));
    return error == 0 ? absl::OkStatus() : Failed("extend", path_, error);
  }
  absl::Status Sync() override {
    return fdatasync(file_) == 0 ? absl::OkStatus() : Failed("sync", path_);
  }

 private:
  const std::string path_;
  const int file_;
};

}  // namespace

absl::Status LocalDirectory::SyncNames() const {
  const int directory = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return Failed("open", path_);
  const bool synced = fsync(directory) == 0;
  const int error = errno;
  close(directory);
  return synced ? absl::OkStatus() : Failed("sync", path_, error);
}

absl::StatusOr<std::unique_ptr<Store>> LocalDirectory::OpenStore(const std::string& name,
                                                                 const StoreOptions& options) {
  RocksDbOptions store = options.use == StoreOptions::Use::kState ? states_ : logs_;
  store.use = options.use;
  store.read_only = options.read_only;
  store.up_to_damage = options.up_to_damage;
  store.damaged = options.damaged;
  return OpenRocksDbStore(Below(name), store);
}

absl::StatusOr<std::unique_ptr<File>> LocalDirectory::OpenFile(const std::string& name) {
  const int file = open(Below(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Failed("open", Below(name));
  auto opened = std::make_unique<LocalFile>(Below(name), file);
  CL_RETURN_IF_ERROR(SyncNames());
  return opened;
}

absl::StatusOr<std::string> LocalDirectory::ReadFile(const std::string& name) const {
  std::ifstream file(Below(name), std::ios::binary);
  if (!file) return Failed("read", Below(name));
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

absl::Status LocalDirectory::ReplaceFile(const std::string& name, absl::string_view bytes) {
  const std::string next = Below(name) + ".next";
  const int file = open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed("create", next);
  LocalFile written(next, file);
  CL_RETURN_IF_ERROR(written.Write(0, bytes));
  CL_RETURN_IF_ERROR(written.Sync());
  if (rename(next.c_str(), Below(name).c_str()) != 0) return Failed("replace", Below(name));
  return SyncNames();
}

bool LocalDirectory::Exists(const std::string& name) const {
  std::error_code error;
  return std::filesystem::exists(Below(name), error);
}

absl::Status LocalDirectory::Rename(const std::string& from, const std::string& to) {
  if (rename(Below(from).c_str(), Below(to).c_str()) != 0) return Failed("rename", Below(from));
  return SyncNames();
}

absl::Status LocalDirectory::Remove(const std::string& name) {
  std::error_code error;
  std::filesystem::remove_all(Below(name), error);
  if (error) return Failed("remove", Below(name), error.value());
  return SyncNames();
}

}  // namespace chargeledger::log
