// A file system for RocksDB that forgets what was not synced, tears the last block, fails a write
// or a sync, and is full: for tests of what a store promises. Thread-safe.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace chargeledger::log {

// What goes wrong, and when. The counts are of calls from the beginning on.
struct Fault {
  enum class Kind { kNone, kFailWrite, kShortWrite, kFailSync, kNoSpace };
  Kind kind = Kind::kNone;
  int at = 0;
};

class FaultFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultFileSystem(Fault fault)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), fault_(fault) {}
  const char* Name() const override { return "FaultFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override {
    {
      absl::MutexLock lock(&mutex_);
      if (broken_) return Broken();
      auto found = files_.find(from);
      if (found != files_.end()) {
        files_[to] = found->second;
        files_.erase(from);
      }
    }
    return FileSystemWrapper::RenameFile(from, to, options, context);
  }
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* context) override {
    {
      absl::MutexLock lock(&mutex_);
      if (broken_) return Broken();
      files_.erase(name);
    }
    return FileSystemWrapper::DeleteFile(name, options, context);
  }

  // Whether this write is done; none of the later ones is after the first that was not. A short
  // one is done in part: `size` becomes smaller.
  rocksdb::IOStatus OnWrite(size_t& size) {
    absl::MutexLock lock(&mutex_);
    if (broken_) return Broken();
    ++writes_;
    if (writes_ != fault_.at) return rocksdb::IOStatus::OK();
    switch (fault_.kind) {
      case Fault::Kind::kFailWrite:
        size = 0;
        broken_ = true;
        return Broken();
      case Fault::Kind::kShortWrite:
        size /= 2;
        broken_ = true;
        return Broken();
      case Fault::Kind::kNoSpace:
        size = 0;
        broken_ = true;
        return rocksdb::IOStatus::NoSpace("the disk is full");
      default:
        return rocksdb::IOStatus::OK();
    }
  }
  rocksdb::IOStatus OnSync(const std::string& name, uint64_t size) {
    absl::MutexLock lock(&mutex_);
    if (broken_) return Broken();
    if (fault_.kind == Fault::Kind::kFailSync && ++syncs_ == fault_.at) {
      broken_ = true;
      return Broken();
    }
    files_[name].synced = size;
    return rocksdb::IOStatus::OK();
  }
  void OnGrown(const std::string& name, uint64_t size) {
    absl::MutexLock lock(&mutex_);
    files_[name].written = size;
  }

  // The power goes: of every file a random part of what was not synced is left, and its last block
  // is torn.
  void LosePower(uint64_t seed) {
    absl::MutexLock lock(&mutex_);
    std::mt19937_64 random(seed);
    for (const auto& [name, state] : files_) {
      std::error_code error;
      if (!std::filesystem::exists(name, error) || state.written <= state.synced) continue;
      const uint64_t kept = state.synced + random() % (state.written - state.synced + 1);
      std::filesystem::resize_file(name, kept, error);
      if (kept == state.synced || random() % 2 == 0) continue;
      FILE* file = fopen(name.c_str(), "r+");
      fseek(file, static_cast<long>(kept - std::min<uint64_t>(kept - state.synced, 512)), SEEK_SET);
      for (uint64_t i = std::min<uint64_t>(kept - state.synced, 512); i > 0; --i) {
        fputc(static_cast<int>(random() & 0xff), file);
      }
      fclose(file);
    }
  }
  // The next write, or sync, is the one.
  void StrikeNext(Fault::Kind kind) {
    absl::MutexLock lock(&mutex_);
    fault_ = {kind, kind == Fault::Kind::kFailSync ? 1 : writes_ + 1};
    syncs_ = 0;
  }
  int writes() const {
    absl::MutexLock lock(&mutex_);
    return writes_;
  }
  bool broken() const {
    absl::MutexLock lock(&mutex_);
    return broken_;
  }

 private:
  struct State {
    uint64_t synced = 0;
    uint64_t written = 0;
  };
  static rocksdb::IOStatus Broken() { return rocksdb::IOStatus::IOError("the device failed"); }

  mutable absl::Mutex mutex_;
  Fault fault_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, State> files_ ABSL_GUARDED_BY(mutex_);
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chargeledger::log
