// A disk in memory that fails as disks do: the twin of RocksDB on the system's files
// (local_directory.h) in the simulation. directory_contract_test.cc holds both to the same words.
//
// What is not synced goes when the power goes: of a store a suffix of its batches, of a file any
// sectors of 512 bytes of what was written. A damaged block of a store is DATA_LOSS for whoever
// reads a key in it, or scans over it, until the store is copied into another one.
//
// Nothing here is decided by itself: what becomes of an operation is the Fate's to say, and what
// chance there is comes in as bits. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "log/directory.h"

namespace chargeledger::log {

class SimulatedDisk {
 public:
  enum class Outcome {
    kDone,
    // The process ends before or after the operation: from then on everything fails.
    kCrashBefore,
    kCrashAfter,
    // RESOURCE_EXHAUSTED; nothing is done.
    kFull,
    // UNAVAILABLE, as after a failed sync: it is done, not synced; or not done.
    kFailedDone,
    kFailedUndone,
  };
  // What becomes of an operation that changes something. `operation` is its kind and its name.
  using Fate = std::function<Outcome(absl::string_view kind, absl::string_view name)>;
  using Bits = absl::FunctionRef<uint64_t()>;

  SimulatedDisk();
  ~SimulatedDisk();

  // What a process sees of the disk, from its start to its end. One that was mounted before is
  // dead from now on. The disk outlives it.
  std::unique_ptr<Directory> Mount(Fate fate);
  // The process that has it ends now.
  void Unmount();

  void LosePower(Bits bits);
  // Damages a block of a store's synced keys: those from `first` on, some KiB of them, or from a
  // random one on. Returns the keys; none if there are none.
  std::vector<std::string> DamageFrom(const std::string& store, absl::string_view first);
  std::vector<std::string> Damage(const std::string& store, Bits bits);
  // A compaction comes by: if anything is damaged, the store takes nothing more until it is opened
  // again. False if nothing is.
  bool Compact(const std::string& store);
  // What is there now, with all that is not synced: an image that was taken of the disk.
  std::unique_ptr<SimulatedDisk> Image() const;
  // Puts a file of `other` in the place of the own one.
  void TakeFile(const SimulatedDisk& other, const std::string& name);

  // Reads a store for whoever judges: as it is behind all damage, or as far as it can be read. Null
  // if it is not there. Valid until the next change of the disk's names.
  enum class Sight { kBehindDamage, kReadable };
  std::unique_ptr<Store> Look(const std::string& store, Sight sight) const;

 private:
  struct StoreData;
  struct FileData;
  struct MountState;
  class MountedStore;
  class MountedFile;
  class Mounted;

  std::map<std::string, std::unique_ptr<StoreData>> stores_;
  std::map<std::string, std::unique_ptr<FileData>> files_;
  std::shared_ptr<MountState> mount_;
};

}  // namespace chargeledger::log
