#include "log/testing/fault_file_system.h"

#include <utility>

namespace chargeledger::log {
namespace {

class FaultFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
            FaultFileSystem& system)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), system_(system) {}

  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* context) override {
    size_t size = data.size();
    rocksdb::IOStatus fault = system_.OnWrite(size);
    rocksdb::IOStatus status =
        size == 0 ? fault
                  : FSWritableFileOwnerWrapper::Append({data.data(), size}, options, context);
    if (size > 0) system_.OnGrown(name_, size_ += size);
    return fault.ok() ? status : fault;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo&,
                           rocksdb::IODebugContext* context) override {
    return Append(data, options, context);
  }
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* context) override {
    rocksdb::IOStatus fault = system_.OnSync(name_, size_);
    return fault.ok() ? FSWritableFileOwnerWrapper::Sync(options, context) : fault;
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* context) override {
    return Sync(options, context);
  }

 private:
  const std::string name_;
  FaultFileSystem& system_;
  uint64_t size_ = 0;
};

}  // namespace

rocksdb::IOStatus FaultFileSystem::NewWritableFile(const std::string& name,
                                                   const rocksdb::FileOptions& options,
                                                   std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                   rocksdb::IODebugContext* context) {
  {
    absl::MutexLock lock(&mutex_);
    if (broken_) return Broken();
    files_[name] = {};
  }
  // What is preallocated would be taken for written.
  rocksdb::IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, context);
  if (status.ok()) *file = std::make_unique<FaultFile>(std::move(*file), name, *this);
  return status;
}

}  // namespace chargeledger::log
