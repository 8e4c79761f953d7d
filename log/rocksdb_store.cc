#include "log/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <cstdarg>
#include <cstdio>
#include <filesystem>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

// RocksDB's own bytes in a batch, and for each operation: a tag and two lengths.
constexpr size_t kBatchHeader = 12;
constexpr size_t kMaxOperationHeader = 11;

rocksdb::Slice ToSlice(absl::string_view view) { return {view.data(), view.size()}; }

absl::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// RocksDB calls a table file that it does not find by the ending that it tried last, LevelDB's.
std::string InWords(const rocksdb::Status& status) {
  std::string text = absl::StrReplaceAll(status.ToString(), {{".ldb", ".sst"}});
  if (absl::StrContains(text, ".sst") && absl::StrContains(text, "No such file")) {
    absl::StrAppend(&text,
                    "; put the file back, or start with an empty data directory that has the same "
                    "signing_key.pem: what was replicated is on the other side");
  }
  return text;
}

// The one translation of RocksDB's statuses.
absl::Status Translate(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(what, ": ", InWords(status));
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNoSpace()) return absl::ResourceExhaustedError(message);
  if (status.IsInvalidArgument()) return absl::FailedPreconditionError(message);
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) {
    return absl::FailedPreconditionError(absl::StrCat(message, "; is another process using it?"));
  }
  return absl::UnavailableError(message);
}

class RocksDbReader : public Reader {
 public:
  using Damaged = std::function<void(const absl::Status&)>;

  RocksDbReader(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, const Damaged& damaged)
      : db_(db), snapshot_(snapshot), damaged_(damaged) {}
  ~RocksDbReader() override {
    if (snapshot_ != nullptr) db_.ReleaseSnapshot(snapshot_);
  }

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    std::string value;
    rocksdb::Status status = db_.Get(ReadOptions(), ToSlice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return Tell(Translate(status, "read"));
    return std::optional<std::string>(std::move(value));
  }

  absl::Status Scan(absl::string_view begin, absl::string_view end, Visitor visit) const override {
    rocksdb::ReadOptions options = ReadOptions();
    const rocksdb::Slice bound = ToSlice(end);
    if (!end.empty()) options.iterate_upper_bound = &bound;
    std::unique_ptr<rocksdb::Iterator> it(db_.NewIterator(options));
    for (it->Seek(ToSlice(begin)); it->Valid(); it->Next()) {
      if (!visit(ToView(it->key()), ToView(it->value()))) break;
    }
    return Tell(Translate(it->status(), "scan"));
  }

  absl::Status ScanReverse(absl::string_view begin, absl::string_view end,
                           Visitor visit) const override {
    rocksdb::ReadOptions options = ReadOptions();
    const rocksdb::Slice lower = ToSlice(begin), upper = ToSlice(end);
    options.iterate_lower_bound = &lower;
    if (!end.empty()) options.iterate_upper_bound = &upper;
    std::unique_ptr<rocksdb::Iterator> it(db_.NewIterator(options));
    for (it->SeekToLast(); it->Valid(); it->Prev()) {
      if (!visit(ToView(it->key()), ToView(it->value()))) break;
    }
    return Tell(Translate(it->status(), "reverse scan"));
  }

 private:
  rocksdb::ReadOptions ReadOptions() const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    return options;
  }

  absl::Status Tell(absl::Status status) const {
    if (status.code() == absl::StatusCode::kDataLoss && damaged_) damaged_(status);
    return status;
  }

  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
  const Damaged damaged_;
};

class RocksDbStore final : public Store {
 public:
  RocksDbStore(std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db, bool sync,
               const RocksDbReader::Damaged& damaged)
      : env_(std::move(env)),
        db_(std::move(db)),
        damaged_(damaged),
        reader_(*db_, nullptr, damaged_),
        sync_(sync) {}
  ~RocksDbStore() override { db_->Close(); }

  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    return reader_.Get(key);
  }
  absl::Status Scan(absl::string_view begin, absl::string_view end, Visitor visit) const override {
    return reader_.Scan(begin, end, visit);
  }
  absl::Status ScanReverse(absl::string_view begin, absl::string_view end,
                           Visitor visit) const override {
    return reader_.ScanReverse(begin, end, visit);
  }

  absl::Status Commit(const WriteBatch& batch, Durability durability) override {
    {
      absl::MutexLock lock(&mutex_);
      CL_RETURN_IF_ERROR(failure_);
    }
    size_t bytes = 0;
    for (const WriteBatch::Operation& operation : batch.operations()) {
      bytes += operation.key_size + operation.value.size() + kMaxOperationHeader;
    }
    // In one piece: growing it by doubling copies everything again.
    rocksdb::WriteBatch writes(bytes + kBatchHeader);
    for (const WriteBatch::Operation& operation : batch.operations()) {
      const rocksdb::Slice key = ToSlice(batch.KeyOf(operation)), value = ToSlice(operation.value);
      rocksdb::Status status;
      switch (operation.kind) {
        case WriteBatch::Kind::kPut:
          status = writes.Put(key, value);
          break;
        case WriteBatch::Kind::kDelete:
          status = writes.Delete(key);
          break;
        case WriteBatch::Kind::kDeleteRange:
          status = writes.DeleteRange(key, value);
          break;
      }
      if (!status.ok()) return Translate(status, "batch");
    }
    rocksdb::WriteOptions options;
    options.sync = sync_ && durability == Durability::kSynced;
    rocksdb::Status status = db_->Write(options, &writes);
    // After a failed write or sync nobody knows what the device holds: only opening again can tell.
    if (status.ok()) return absl::OkStatus();
    absl::MutexLock lock(&mutex_);
    if (failure_.ok()) failure_ = Translate(status, "write");
    // RocksDB writes nothing any more once it met damage behind the scenes.
    if (failure_.code() == absl::StatusCode::kDataLoss && damaged_) damaged_(failure_);
    return failure_;
  }

  std::unique_ptr<Reader> Snapshot() const override {
    return std::make_unique<RocksDbReader>(*db_, db_->GetSnapshot(), damaged_);
  }

  absl::Status VerifyFiles() override {
    return Translate(db_->VerifyChecksum(rocksdb::ReadOptions()), "verify files");
  }

 private:
  // Only of a file system that is not the system's.
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  const RocksDbReader::Damaged damaged_;
  RocksDbReader reader_;
  const bool sync_;
  absl::Mutex mutex_;
  // Of the first write that failed.
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

// RocksDB's own diary, in the file LOG. Its usual writer ends the process when the disk is full and
// two lines in a row fail; this one lets them go.
class Diary final : public rocksdb::Logger {
 public:
  explicit Diary(const std::string& directory) : Logger(rocksdb::InfoLogLevel::INFO_LEVEL) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    const std::string path = directory + "/LOG";
    std::filesystem::rename(path, path + ".old", error);
    file_.reset(std::fopen(path.c_str(), "we"));
  }

  using Logger::Logv;
  void Logv(const char* format, va_list arguments) override {
    if (file_ == nullptr) return;
    absl::MutexLock lock(&mutex_);
    std::vfprintf(file_.get(), format, arguments);
    std::fputc('\n', file_.get());
    std::fflush(file_.get());
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  absl::Mutex mutex_;
  std::unique_ptr<std::FILE, Close> file_;
};

// After a failed write only opening again can tell what the device holds: RocksDB must not go on by
// itself when there is space again.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::Options ToOptions(const RocksDbOptions& options) {
  rocksdb::Options db;
  db.create_if_missing = !options.read_only;
  db.paranoid_checks = true;
  // A tail that was cut off is what a crash leaves. A power loss may also leave blocks of the tail
  // and not those before them: what can be made again goes back to the first such place; of a log
  // it may be damage, and must not be taken for a shorter one unless somebody knows (archive.cc).
  db.wal_recovery_mode = options.use == RocksDbOptions::Use::kState || options.up_to_damage
                             ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                             : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.recycle_log_file_num = 0;
  db.track_and_verify_wals_in_manifest = true;
  db.listeners = {std::make_shared<NoRecovery>()};
  db.max_bgerror_resume_count = 0;
  db.max_open_files = 512;
  db.keep_log_file_num = 4;
  // Of a manifest some hundred bytes are ever written; by default 4 MiB of disk are taken ahead.
  db.manifest_preallocation_size = 64 << 10;
  db.max_background_jobs = 2;
  db.write_buffer_size = options.use == RocksDbOptions::Use::kLog ? 64 << 20 : 32 << 20;
  if (options.write_buffer_bytes > 0) db.write_buffer_size = options.write_buffer_bytes;
  db.compression = rocksdb::kZSTD;
  db.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.block_size = 16 << 10;
  table.checksum = rocksdb::kXXH3;
  if (options.use == RocksDbOptions::Use::kState) {
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  }
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return db;
}

// Without CURRENT, RocksDB takes the directory for a new one and deletes the files in it.
absl::Status CheckCurrent(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::exists(directory + "/CURRENT", error)) return absl::OkStatus();
  for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = file.path().filename();
    // A crash at the very first start leaves its first manifest, and nothing else, without CURRENT.
    const bool manifest = absl::StartsWith(name, "MANIFEST-") && name != "MANIFEST-000001";
    if (manifest || absl::EndsWith(name, ".sst") || absl::EndsWith(name, ".log")) {
      return absl::DataLossError(absl::StrCat(
          "cannot open ", directory, ": its file CURRENT is missing, but ", name,
          " is there; put CURRENT back (it holds the name of the newest MANIFEST file)"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksDbStore(const std::string& directory,
                                                        const RocksDbOptions& options) {
  CL_RETURN_IF_ERROR(CheckCurrent(directory));
  rocksdb::Options db_options = ToOptions(options);
  if (!options.read_only) db_options.info_log = std::make_shared<Diary>(directory);
  std::unique_ptr<rocksdb::Env> env;
  if (options.file_system != nullptr) {
    env = rocksdb::NewCompositeEnv(options.file_system);
    db_options.env = env.get();
  }
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = options.read_only
                               ? rocksdb::DB::OpenForReadOnly(db_options, directory, &db)
                               : rocksdb::DB::Open(db_options, directory, &db);
  if (!status.ok()) return Translate(status, absl::StrCat("cannot open ", directory));
  return std::unique_ptr<Store>(std::make_unique<RocksDbStore>(
      std::move(env), std::unique_ptr<rocksdb::DB>(db), options.sync, options.damaged));
}

}  // namespace chargeledger::log
