// An ordered key-value store with atomic batches: what the event log and the projections' state
// stand on.
//
// Behind it are RocksDB (rocksdb_store.h) and memory (memory_store.h); store_contract_test.cc holds
// both to what is said here. Thread-safe, except that a WriteBatch belongs to one thread.
//
//  1. A batch is applied whole or not at all, also across a crash.
//  2. When Commit returns OK with kSynced, the batch and every batch committed before it survive a
//  power loss.
//  3. When Commit returns OK with kBuffered, the batch survives the end of the process, not a power
//  loss.
//  4. After a failed Commit nothing is known of the batch until the store is opened again: every
//  later Commit fails too.
//  5. A Snapshot sees exactly the batches committed before it was taken.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::log {

enum class Durability { kSynced, kBuffered };

// Changes in the order in which they are applied. Keys are copied. Values are borrowed until Commit
// returns, unless put with PutCopy: an entry's bytes are not copied on their way to the disk more
// often than must be.
class WriteBatch {
 public:
  enum class Kind : uint8_t { kPut, kDelete, kDeleteRange };
  struct Operation {
    Kind kind;
    // Where the key stands among all keys: many small strings would cost more than the rest.
    size_t key_at;
    size_t key_size;
    // kPut: the value. kDeleteRange: the key before which it ends.
    absl::string_view value;
  };

  void Put(absl::string_view key, absl::string_view borrowed_value) {
    Add(Kind::kPut, key, borrowed_value);
  }
  void PutCopy(absl::string_view key, std::string value) {
    copies_.push_back(std::move(value));
    Add(Kind::kPut, key, copies_.back());
  }
  void Delete(absl::string_view key) { Add(Kind::kDelete, key, {}); }
  // Deletes the keys in [begin, end): one operation, however many they are.
  void DeleteRange(absl::string_view begin, std::string end) {
    copies_.push_back(std::move(end));
    Add(Kind::kDeleteRange, begin, copies_.back());
  }

  const std::vector<Operation>& operations() const { return operations_; }
  // Valid until the next change.
  absl::string_view KeyOf(const Operation& operation) const {
    return absl::string_view(keys_).substr(operation.key_at, operation.key_size);
  }

 private:
  void Add(Kind kind, absl::string_view key, absl::string_view value) {
    operations_.push_back({kind, keys_.size(), key.size(), value});
    keys_.append(key.data(), key.size());
  }

  std::vector<Operation> operations_;
  std::string keys_;
  std::deque<std::string> copies_;
};

// Reading. Errors are DATA_LOSS if stored bytes are damaged, UNAVAILABLE if the device failed.
class Reader {
 public:
  // Returns false to stop.
  using Visitor = absl::FunctionRef<bool(absl::string_view key, absl::string_view value)>;

  virtual ~Reader() = default;

  virtual absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const = 0;
  // Keys in [begin, end), ascending.
  virtual absl::Status Scan(absl::string_view begin, absl::string_view end,
                            Visitor visit) const = 0;
  // Keys in [begin, end), descending.
  virtual absl::Status ScanReverse(absl::string_view begin, absl::string_view end,
                                   Visitor visit) const = 0;
};

class Store : public Reader {
 public:
  virtual absl::Status Commit(const WriteBatch& batch, Durability durability) = 0;
  // Must not outlive the store.
  virtual std::unique_ptr<Reader> Snapshot() const = 0;
  // Reads all files and checks their own checksums, as far as the store has such. DATA_LOSS names
  // the file.
  virtual absl::Status VerifyFiles() { return absl::OkStatus(); }
};

// The first key after all keys that begin with `prefix`; empty (no bound) if there is none.
std::string AfterPrefix(absl::string_view prefix);

// Big-endian, so that keys order as numbers do.
void AppendBigEndian32(std::string& out, uint32_t value);
void AppendBigEndian64(std::string& out, uint64_t value);
// `bytes` are exactly 8.
uint64_t ReadBigEndian64(absl::string_view bytes);
uint32_t ReadBigEndian32(absl::string_view bytes);

}  // namespace chargeledger::log
