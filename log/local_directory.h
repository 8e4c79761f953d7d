// The Directory on the system's files, with RocksDB for its stores.
#pragma once

#include <string>

#include "log/directory.h"
#include "log/rocksdb_store.h"

namespace chargeledger::log {

class LocalDirectory final : public Directory {
 public:
  // `path` exists. Its stores are opened with `logs` or `states`, except for what StoreOptions say.
  explicit LocalDirectory(std::string path, const RocksDbOptions& logs = {},
                          const RocksDbOptions& states = {})
      : path_(std::move(path)), logs_(logs), states_(states) {}

  absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& name,
                                                   const StoreOptions& options) override;
  absl::StatusOr<std::unique_ptr<File>> OpenFile(const std::string& name) override;
  absl::StatusOr<std::string> ReadFile(const std::string& name) const override;
  absl::Status ReplaceFile(const std::string& name, absl::string_view bytes) override;
  bool Exists(const std::string& name) const override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& name) override;

 private:
  std::string Below(const std::string& name) const { return path_ + "/" + name; }
  // Names that were given or taken away survive a power loss.
  absl::Status SyncNames() const;

  const std::string path_;
  const RocksDbOptions logs_;
  const RocksDbOptions states_;
};

}  // namespace chargeledger::log
