// What an archive stands in: named stores and small files beside them, on one disk.
//
// Behind it are the system's files (local_directory.h) and the simulation's disk
// (tests/simulation/disk.h); directory_contract_test.cc holds both to what is said here.
// Thread-safe, except that a name is opened by one at a time.
//
//  1. What is written to a File is read at once, survives the process, and, from the next Sync that
//  returns OK on, a power loss. Without it, a power loss may leave any sectors of it, each whole.
//  2. ReplaceFile is all or nothing, and durable when it returns OK. So are Rename and Remove.
//
// Errors are RESOURCE_EXHAUSTED if the disk is full, UNAVAILABLE with what the system said
// otherwise; NOT_FOUND where a name is not there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "log/store.h"

namespace chargeledger::log {

struct StoreOptions {
  // What is kept is mostly read once, in order (a log), or again and again (a projection's state).
  enum class Use { kLog, kState };
  Use use = Use::kLog;
  // Nothing is written, not even what recovery would write; Commit fails.
  bool read_only = false;
  // What was written last, and is in no table yet, is given up from the first damage on. Otherwise
  // such damage of a log is DATA_LOSS.
  bool up_to_damage = false;
  // Called, on any thread and perhaps often, when stored bytes are found that are not those which
  // were written.
  std::function<void(const absl::Status&)> damaged;
};

class File {
 public:
  virtual ~File() = default;
  // At most `size` bytes from `offset` on; fewer where the file ends.
  virtual absl::StatusOr<std::string> Read(uint64_t offset, size_t size) const = 0;
  virtual absl::Status Write(uint64_t offset, absl::string_view bytes) = 0;
  // The file has at least `size` bytes, with their space: writing there needs no more.
  virtual absl::Status Extend(uint64_t size) = 0;
  virtual absl::Status Sync() = 0;
};

class Directory {
 public:
  virtual ~Directory() = default;

  // Opens or creates a store, which does not outlive the directory.
  virtual absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& name,
                                                           const StoreOptions& options) = 0;
  // Opens or creates a file, whose name is durable then; it does not outlive the directory.
  virtual absl::StatusOr<std::unique_ptr<File>> OpenFile(const std::string& name) = 0;
  virtual absl::StatusOr<std::string> ReadFile(const std::string& name) const = 0;
  virtual absl::Status ReplaceFile(const std::string& name, absl::string_view bytes) = 0;
  virtual bool Exists(const std::string& name) const = 0;
  // `to` is not there yet.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // OK if it is not there.
  virtual absl::Status Remove(const std::string& name) = 0;
};

}  // namespace chargeledger::log
