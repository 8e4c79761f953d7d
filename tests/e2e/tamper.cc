// Rewrites one entry of a log at rest together with every stored hash above it, the head and the
// head file: what somebody does who has the machine and wants no trace. For tests.
//
//   tamper DATA_DIR SITE SEQUENCE
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/storage.pb.h"
#include "log/archive.h"
#include "log/event_log.h"
#include "log/head_file.h"
#include "log/local_directory.h"
#include "log/rocksdb_store.h"

namespace chargeledger::log {
namespace {

absl::Status Tamper(const std::string& directory, const std::string& site, uint64_t sequence) {
  auto store = OpenRocksDbStore(directory + "/" + Archive::kStoreName, {});
  if (!store.ok()) return store.status();
  std::string log_id;
  for (const std::string prefix : {"a", "l"}) {
    absl::Status status = (*store)->Scan(
        prefix, AfterPrefix(prefix), [&](absl::string_view, absl::string_view value) {
          v1::StoredLog stored;
          stored.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (stored.site() == site) log_id = stored.log_id();
          return true;
        });
    if (!status.ok()) return status;
  }
  const core::LogId id = *core::LogId::FromBytes(log_id);
  const core::Generation generation(1);
  const LogKeys keys(id, generation);
  std::vector<std::string> bytes;
  std::string checkpoint;
  {
    auto log = EventLog::Open(**store, id, generation);
    if (!log.ok()) return log.status();
    checkpoint = (*log)->checkpoint();
    absl::Status read = (*log)->Read(
        core::Sequence(0), ~uint64_t{0}, [&](core::Sequence at, absl::string_view entry) {
          v1::Entry parsed;
          parsed.ParseFromArray(entry.data(), static_cast<int>(entry.size()));
          if (at.value() == sequence) {
            parsed.mutable_frame_recorded()->set_payload("[2,\"1\",\"Heartbeat\",{\"forged\":1}]");
          }
          bytes.push_back(at.value() == sequence ? parsed.SerializeAsString() : std::string(entry));
          return true;
        });
    if (!read.ok()) return read;
  }
  WriteBatch gone;
  EventLog::StageTruncate(keys, TreeHead(), gone);
  absl::Status status = (*store)->Commit(gone, Durability::kSynced);
  if (!status.ok()) return status;
  auto log = EventLog::Open(**store, id, generation);
  if (!log.ok()) return log.status();
  const std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
  std::vector<Hash> leaves;
  for (const std::string& entry : bytes) leaves.push_back(LeafHash(entry));
  WriteBatch batch;
  const TreeHead head = (*log)->Stage(entries, leaves, batch);
  if (!checkpoint.empty()) batch.PutCopy(keys.Checkpoint(), checkpoint);
  status = (*store)->Commit(batch, Durability::kSynced);
  if (!status.ok()) return status;
  LocalDirectory files(directory);
  auto heads = HeadFile::Open(files, Archive::kHeadsName);
  if (!heads.ok()) return heads.status();
  return (*heads)->Write(id, generation, head);
}

}  // namespace
}  // namespace chargeledger::log

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "tamper DATA_DIR SITE SEQUENCE\n");
    return 2;
  }
  const absl::Status status =
      chargeledger::log::Tamper(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10));
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
