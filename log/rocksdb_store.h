// The Store on RocksDB. RocksDB's types and statuses stay inside rocksdb_store.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "log/directory.h"
#include "log/store.h"

namespace rocksdb {
class FileSystem;
}

namespace chargeledger::log {

struct RocksDbOptions {
  using Use = StoreOptions::Use;
  Use use = Use::kLog;
  // Block cache in bytes.
  size_t cache_bytes = 64 << 20;
  // What is written before it goes into a table; RocksDB takes so much disk ahead. 0: 64 MiB for a
  // log, 32 MiB for a state.
  size_t write_buffer_bytes = 0;
  // Nothing is written, not even what recovery would write; Commit fails.
  bool read_only = false;
  // Of a log too, what was written last is given up from the first damage on.
  bool up_to_damage = false;
  // Stands for the system's files in tests of faults; null otherwise.
  std::shared_ptr<rocksdb::FileSystem> file_system;
  // Called, on any thread and perhaps often, when stored bytes are found that are not those which
  // were written.
  std::function<void(const absl::Status&)> damaged;
  // False turns kSynced into kBuffered: to measure what durability costs, and for nothing else.
  bool sync = true;
};

// Opens or creates `directory`. FAILED_PRECONDITION if another process has it open; DATA_LOSS if
// what is there is damaged; both name the directory.
absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const std::string& directory,
                                                        const RocksDbOptions& options);

}  // namespace chargeledger::log
