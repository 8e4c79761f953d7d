#include "log/fsck.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "log/archive.h"
#include "log/head_file.h"
#include "log/local_directory.h"
#include "log/rocksdb_store.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::log {
namespace {

constexpr size_t kHeadKeySize = 1 + core::LogId::kSize + 4;

struct Name {
  std::string operator_name;
  std::string site;
  std::string public_key;
};

std::string StorePath(const std::string& directory) {
  return absl::StrCat(directory, "/", Archive::kStoreName);
}

// What the store's own records say of the logs: 'a' this process's own, 'f' the control log that it
// follows, 'l' held ones.
absl::StatusOr<std::map<core::LogId, Name>> ReadNames(const Store& store,
                                                      const FsckOptions& options,
                                                      FsckReport& report) {
  std::map<core::LogId, Name> names;
  for (const std::string prefix : {"a", "f", "l"}) {
    CL_RETURN_IF_ERROR(
        store.Scan(prefix, AfterPrefix(prefix), [&](absl::string_view, absl::string_view value) {
          v1::StoredLog stored;
          auto log_id = stored.ParseFromArray(value.data(), static_cast<int>(value.size()))
                            ? core::LogId::FromBytes(stored.log_id())
                            : absl::DataLossError("");
          if (!log_id.ok()) {
            report.findings.push_back("a record that names a log cannot be read");
            return true;
          }
          names[*log_id] = {stored.operator_(), stored.site(),
                            prefix == "a" ? options.own_public_key : stored.author_public_key()};
          return true;
        }));
  }
  return names;
}

// Every log and generation of which the store has a head.
absl::StatusOr<std::vector<FsckLog>> FindLogs(const Store& store, FsckReport& report) {
  std::vector<FsckLog> logs;
  CL_RETURN_IF_ERROR(store.Scan("h", "i", [&](absl::string_view key, absl::string_view value) {
    auto head = DecodeHead(value);
    if (key.size() != kHeadKeySize || !head.ok()) {
      report.findings.push_back("a stored head cannot be read");
      return true;
    }
    FsckLog& log = logs.emplace_back();
    log.log_id = *core::LogId::FromBytes(key.substr(1, core::LogId::kSize));
    log.generation = core::Generation(ReadBigEndian32(key.substr(1 + core::LogId::kSize)));
    log.head = *head;
    return true;
  }));
  return logs;
}

std::vector<tlog::VerifierKey> KeysOf(const FsckLog& log, const std::string& public_key) {
  auto key = tlog::VerifierKey::Create(
      tlog::Origin(log.operator_name, log.site, log.log_id, log.generation),
      tlog::SignatureType::kEd25519, public_key);
  if (!key.ok()) return {};
  return {*std::move(key)};
}

absl::Status CheckHead(const Store& store, const HeadFile& heads, FsckLog& log) {
  const std::optional<TreeHead> witnessed = heads.Find(log.log_id, log.generation);
  if (!witnessed.has_value()) {
    CL_ASSIGN_OR_RETURN(std::optional<std::string> mark,
                        store.Get(LogKeys(log.log_id, log.generation).Witnessed()));
    if (mark.has_value()) {
      log.findings.push_back({std::nullopt, "its record in the head file is missing"});
    }
    return absl::OkStatus();
  }
  if (witnessed->size > log.head.size) {
    log.findings.push_back(
        {log.head.size,
         absl::StrCat("entries ", log.head.size, " to ", witnessed->size - 1,
                      " were acknowledged and are gone: the head file remembers ", witnessed->size,
                      " entries, the store holds ", log.head.size)});
    return absl::OkStatus();
  }
  auto opened = EventLog::Open(store, log.log_id, log.generation);
  if (!opened.ok()) {
    // Told in detail by the checker, if it is not the head itself.
    log.findings.push_back({std::nullopt, std::string(opened.status().message())});
    return absl::OkStatus();
  }
  auto root = (*opened)->RootAt(witnessed->size);
  if (root.ok() && *root != witnessed->root) {
    log.findings.push_back(
        {std::nullopt, absl::StrCat("at size ", witnessed->size, " the head file remembers root ",
                                    witnessed->root.ToHex(), ", the store's is ", root->ToHex())});
  }
  return absl::OkStatus();
}

// Logs that the head file remembers and the store does not know.
void CheckForgotten(const HeadFile& heads, FsckReport& report) {
  for (const auto& [log_id, generation] : heads.names()) {
    const TreeHead head = *heads.Find(log_id, generation);
    const bool known = absl::c_any_of(report.logs, [&](const FsckLog& log) {
      return log.log_id == log_id && log.generation == generation;
    });
    if (known || head.size == 0) continue;
    report.findings.push_back(absl::StrCat(
        "log ", log_id.ToHex(), " generation ", generation.value(), ": the head file remembers ",
        head.size, " entries, but the store has nothing of this log"));
  }
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& directory, bool read_only) {
  std::error_code error;
  if (!std::filesystem::is_directory(StorePath(directory), error)) {
    return absl::NotFoundError(
        absl::StrCat(directory, " holds no log: it has no folder `", Archive::kStoreName, "`"));
  }
  RocksDbOptions options;
  options.read_only = read_only;
  return OpenRocksDbStore(StorePath(directory), options);
}

absl::Status CheckLogs(const Store& store, const std::string& directory, const FsckOptions& options,
                       FsckProgress progress, FsckReport& report) {
  CL_ASSIGN_OR_RETURN(auto names, ReadNames(store, options, report));
  CL_ASSIGN_OR_RETURN(report.logs, FindLogs(store, report));
  LocalDirectory files(directory);
  std::unique_ptr<HeadFile> heads;
  if (files.Exists(Archive::kHeadsName)) {
    CL_ASSIGN_OR_RETURN(heads, HeadFile::Open(files, Archive::kHeadsName));
  } else {
    report.findings.push_back(absl::StrCat("the head file `", Archive::kHeadsName, "` is missing"));
  }
  if (heads != nullptr) CheckForgotten(*heads, report);
  for (FsckLog& log : report.logs) {
    const Name& name = names[log.log_id];
    log.operator_name = name.operator_name;
    log.site = name.site;
    LogChecker checker(store, log.log_id, log.generation, log.head, KeysOf(log, name.public_key));
    while (!checker.done()) {
      CL_RETURN_IF_ERROR(checker.Step().status());
      progress(checker);
    }
    log.findings = checker.findings();
    if (heads != nullptr) CL_RETURN_IF_ERROR(CheckHead(store, *heads, log));
  }
  return absl::OkStatus();
}

}  // namespace

bool FsckReport::clean() const {
  return findings.empty() && std::all_of(logs.begin(), logs.end(),
                                         [](const FsckLog& log) { return log.findings.empty(); });
}

absl::StatusOr<FsckReport> CheckDataDirectory(const std::string& directory,
                                              const FsckOptions& options, FsckProgress progress) {
  FsckReport report;
  auto store = OpenStore(directory, /*read_only=*/true);
  if (store.status().code() == absl::StatusCode::kNotFound) return store.status();
  if (!store.ok()) {
    report.findings.emplace_back(store.status().message());
    return report;
  }
  if (absl::Status status = (*store)->VerifyFiles(); !status.ok()) {
    report.findings.emplace_back(status.message());
  }
  absl::Status checked = CheckLogs(**store, directory, options, progress, report);
  // What is too damaged for the walk to go on is a finding as well.
  if (checked.code() == absl::StatusCode::kDataLoss) {
    const std::string finding(checked.message());
    if (!absl::c_linear_search(report.findings, finding)) report.findings.push_back(finding);
    checked = absl::OkStatus();
  }
  CL_RETURN_IF_ERROR(checked);
  return report;
}

absl::Status RebuildHeads(const std::string& directory) {
  CL_ASSIGN_OR_RETURN(auto store, OpenStore(directory, /*read_only=*/false));
  FsckReport report;
  CL_ASSIGN_OR_RETURN(std::vector<FsckLog> logs, FindLogs(*store, report));
  if (!report.findings.empty()) return absl::DataLossError(report.findings[0]);
  LocalDirectory files(directory);
  CL_ASSIGN_OR_RETURN(auto heads, HeadFile::Open(files, Archive::kHeadsName));
  for (const FsckLog& log : logs) {
    CL_RETURN_IF_ERROR(heads->Write(log.log_id, log.generation, log.head));
  }
  return heads->Sync();
}

}  // namespace chargeledger::log
