// A process's data directory, held by one process at a time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace chargeledger::core {

class DataDirectory {
 public:
  // Creates `path` (mode 0700) if it is not there, and locks it until the object is destroyed.
  // FAILED_PRECONDITION names the process that has it; INVALID_ARGUMENT says why it cannot be made.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Open(const std::string& path);
  ~DataDirectory();

  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string Below(const std::string& name) const { return path_ + "/" + name; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::string path_;
  const int lock_;
};

}  // namespace chargeledger::core
