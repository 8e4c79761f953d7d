#include "log/mend.h"

#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "log/archive.h"
#include "log/head_file.h"
#include "log/log_keys.h"
#include "log/merkle.h"
#include "log/records.h"

namespace chargeledger::log {
namespace {

// What is copied in one batch.
constexpr size_t kBatchOperations = 512;

class Copier {
 public:
  Copier(const Store& from, Store& to) : from_(from), to_(to) {}

  // Copies what is at `key`; true if it is there and can be read.
  absl::StatusOr<bool> Copy(const std::string& key) {
    auto value = from_.Get(key);
    if (value.status().code() == absl::StatusCode::kDataLoss) {
      ++report_.lost;
      return false;
    }
    CL_RETURN_IF_ERROR(value.status());
    if (!value->has_value()) return false;
    batch_.PutCopy(key, **std::move(value));
    ++report_.copied;
    if (batch_.operations().size() >= kBatchOperations) CL_RETURN_IF_ERROR(Flush());
    return true;
  }
  // In the place of something that cannot be read.
  void Put(const std::string& key, std::string value) { batch_.PutCopy(key, std::move(value)); }
  absl::Status Flush(Durability durability = Durability::kBuffered) {
    CL_RETURN_IF_ERROR(to_.Commit(batch_, durability));
    batch_ = WriteBatch();
    return absl::OkStatus();
  }
  MendReport& report() { return report_; }

 private:
  const Store& from_;
  Store& to_;
  WriteBatch batch_;
  MendReport report_;
};

// How many entries the generation may have, by the head, or by the witness of it.
absl::StatusOr<uint64_t> SizeOf(const Store& store, const HeadFile& heads,
                                const core::LogId& log_id, core::Generation generation) {
  uint64_t size = 0;
  if (auto witnessed = heads.Find(log_id, generation)) size = witnessed->size;
  auto stored = store.Get(LogKeys(log_id, generation).Head());
  if (stored.ok() && stored->has_value()) {
    auto head = DecodeHead(**stored);
    if (head.ok()) size = std::max(size, head->size);
  } else if (!stored.ok() && stored.status().code() != absl::StatusCode::kDataLoss) {
    return stored.status();
  }
  return size;
}

absl::Status CopyGeneration(const Store& from, const HeadFile& heads, const core::LogId& log_id,
                            core::Generation generation, Copier& copier) {
  const LogKeys keys(log_id, generation);
  CL_ASSIGN_OR_RETURN(uint64_t size, SizeOf(from, heads, log_id, generation));
  for (const std::string& key : {keys.Checkpoint(), keys.Witnessed(), keys.Dropped()}) {
    CL_RETURN_IF_ERROR(copier.Copy(key).status());
  }
  CL_ASSIGN_OR_RETURN(bool headed, copier.Copy(keys.Head()));
  // The witness says what it was; whether the entries agree is found when the log is opened.
  const auto witnessed = heads.Find(log_id, generation);
  if (!headed && witnessed.has_value()) copier.Put(keys.Head(), EncodeHead(*witnessed));
  for (uint64_t index = 0; index * kTileWidth < size; ++index) {
    CL_RETURN_IF_ERROR(copier.Copy(keys.BundleRoot(index)).status());
    CL_ASSIGN_OR_RETURN(bool sealed, copier.Copy(keys.Bundle(index)));
    if (sealed) continue;
    CL_ASSIGN_OR_RETURN(bool dropped, copier.Copy(keys.Tile({0, index})));
    if (dropped) continue;
    for (uint64_t i = index * kTileWidth; i < std::min(size, (index + 1) * kTileWidth); ++i) {
      CL_RETURN_IF_ERROR(copier.Copy(keys.Entry(i)).status());
    }
  }
  for (int level = 1; size >> (level * kTileHeight) > 0; ++level) {
    for (uint64_t index = 0; index < size >> ((level + 1) * kTileHeight); ++index) {
      CL_RETURN_IF_ERROR(copier.Copy(keys.Tile({level, index})).status());
    }
  }
  return absl::OkStatus();
}

// A tile of level 1 whose 256 bundle roots are there is made again from them, and so on upwards.
absl::Status RemakeTiles(Store& store, const core::LogId& log_id, core::Generation generation) {
  const LogKeys keys(log_id, generation);
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store.Get(keys.Head()));
  if (!stored.has_value()) return absl::OkStatus();
  CL_ASSIGN_OR_RETURN(TreeHead head, DecodeHead(*stored));
  for (int level = 1; head.size >> ((level + 1) * kTileHeight) > 0; ++level) {
    for (uint64_t index = 0; index < head.size >> ((level + 1) * kTileHeight); ++index) {
      CL_ASSIGN_OR_RETURN(std::optional<std::string> tile, store.Get(keys.Tile({level, index})));
      if (tile.has_value()) continue;
      std::string hashes;
      for (uint64_t i = index * kTileWidth; i < (index + 1) * kTileWidth; ++i) {
        if (level == 1) {
          CL_ASSIGN_OR_RETURN(std::optional<std::string> root, store.Get(keys.BundleRoot(i)));
          hashes += root.value_or("");
          continue;
        }
        CL_ASSIGN_OR_RETURN(std::optional<std::string> below, store.Get(keys.Tile({level - 1, i})));
        if (!below.has_value()) break;
        std::vector<Hash> nodes;
        for (size_t at = 0; at + Hash::kSize <= below->size(); at += Hash::kSize) {
          nodes.push_back(*Hash::FromBytes(below->substr(at, Hash::kSize)));
        }
        if (nodes.size() == kTileWidth)
          absl::StrAppend(&hashes, CompleteSubtreeRoot(nodes).bytes());
      }
      if (hashes.size() != kTileWidth * Hash::kSize) continue;
      WriteBatch batch;
      batch.PutCopy(keys.Tile({level, index}), std::move(hashes));
      CL_RETURN_IF_ERROR(store.Commit(batch, Durability::kBuffered));
    }
  }
  return absl::OkStatus();
}

absl::Status CopyAll(const Store& from, Store& to, const HeadFile& heads, const Records& kept,
                     MendReport& report) {
  Copier copier(from, to);
  // Of the store's own records, those that cannot be read there are in their file.
  for (const auto& [key, value] : kept) {
    WriteBatch batch;
    batch.PutCopy(key, value);
    CL_RETURN_IF_ERROR(to.Commit(batch, Durability::kBuffered));
  }
  std::vector<v1::StoredLog> logs;
  bool readable = true;
  for (char kind : Archive::kRecordKinds) {
    const std::string prefix(1, kind);
    absl::Status scanned =
        from.Scan(prefix, AfterPrefix(prefix), [&](absl::string_view key, absl::string_view) {
          readable = readable && copier.Copy(std::string(key)).ok();
          return readable;
        });
    if (scanned.code() == absl::StatusCode::kDataLoss && !kept.empty()) continue;
    CL_RETURN_IF_ERROR(scanned);
  }
  CL_RETURN_IF_ERROR(copier.Flush());
  for (char kind : Archive::kRecordKinds) {
    const std::string prefix(1, kind);
    CL_RETURN_IF_ERROR(
        to.Scan(prefix, AfterPrefix(prefix), [&](absl::string_view, absl::string_view value) {
          readable = readable && logs.emplace_back().ParseFromArray(value.data(),
                                                                    static_cast<int>(value.size()));
          return readable;
        }));
  }
  if (!readable) return absl::DataLossError("the records of which logs there are cannot be read");
  for (const v1::StoredLog& log : logs) {
    CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(log.log_id()));
    for (uint32_t generation = 1; generation <= log.generation(); ++generation) {
      CL_RETURN_IF_ERROR(CopyGeneration(from, heads, log_id, core::Generation(generation), copier));
    }
  }
  CL_RETURN_IF_ERROR(copier.Flush());
  for (const v1::StoredLog& log : logs) {
    CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(log.log_id()));
    for (uint32_t generation = 1; generation <= log.generation(); ++generation) {
      CL_RETURN_IF_ERROR(RemakeTiles(to, log_id, core::Generation(generation)));
    }
  }
  // A record is written once more, so that there is something to sync behind all the rest.
  for (const v1::StoredLog& log : logs) {
    CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(log.log_id()));
    CL_RETURN_IF_ERROR(copier.Copy(LogKeys(log_id, core::Generation(1)).Head()).status());
  }
  CL_RETURN_IF_ERROR(copier.Flush(Durability::kSynced));
  report = copier.report();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MendReport> MendStore(Directory& directory) {
  const std::string name = Archive::kStoreName;
  const std::string mended = name + ".mended";
  MendReport report;
  int number = 1;
  while (directory.Exists(absl::StrCat(name, ".damaged-", number))) ++number;
  const std::string kept_in = absl::StrCat(name, ".damaged-", number);
  // A crash between the two renames left the new store ready.
  if (directory.Exists(name)) {
    CL_RETURN_IF_ERROR(directory.Remove(mended));
    {
      StoreOptions read_only;
      read_only.read_only = true;
      CL_ASSIGN_OR_RETURN(auto from, directory.OpenStore(name, read_only));
      CL_ASSIGN_OR_RETURN(auto to, directory.OpenStore(mended, {}));
      CL_ASSIGN_OR_RETURN(auto heads,
                          HeadFile::Open(directory, Archive::kHeadsName, core::Threads::kNone));
      auto kept = ReadRecords(directory, Archive::kRecordsName);
      CL_RETURN_IF_ERROR(CopyAll(*from, *to, *heads, kept.ok() ? *kept : Records(), report));
    }
    CL_RETURN_IF_ERROR(directory.Rename(name, kept_in));
  }
  report.kept_in = kept_in;
  CL_RETURN_IF_ERROR(directory.Rename(mended, name));
  return report;
}

}  // namespace chargeledger::log
