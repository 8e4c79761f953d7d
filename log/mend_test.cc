#include "log/mend.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "chargeledger/v1/storage.pb.h"
#include "log/archive.h"
#include "log/simulated_disk.h"

namespace chargeledger::log {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");

TreeHead Grow(Archive& archive, int entries) {
  EventLog& log = *archive.OpenLog(kLog, core::Generation(1))->log;
  std::vector<std::string> bytes;
  for (int i = 0; i < entries; ++i) bytes.push_back("entry " + std::to_string(i));
  std::vector<absl::string_view> views(bytes.begin(), bytes.end());
  std::vector<Hash> leaves;
  for (absl::string_view view : views) leaves.push_back(LeafHash(view));
  WriteBatch batch;
  const TreeHead head = log.Stage(views, leaves, batch);
  EXPECT_TRUE(archive.Commit(batch, {{&log, head}}).ok());
  v1::StoredLog stored;
  stored.set_log_id(std::string(kLog.bytes()));
  stored.set_generation(1);
  EXPECT_TRUE(archive.PutRecord("a", stored.SerializeAsString()).ok());
  return head;
}

TEST(Mend, AHeadThatCannotBeReadIsTakenFromItsWitness) {
  SimulatedDisk disk;
  TreeHead head;
  {
    auto directory = disk.Mount({});
    auto archive = *Archive::Open(*directory, core::Threads::kNone);
    head = Grow(*archive, 300);
  }
  // The head's block, and what comes behind it.
  ASSERT_FALSE(disk.DamageFrom("log", LogKeys(kLog, core::Generation(1)).Head()).empty());
  auto directory = disk.Mount({});
  EXPECT_FALSE(Archive::Open(*directory, core::Threads::kNone).ok());
  EXPECT_TRUE(directory->Exists(Archive::kMarkName));
  auto archive = Archive::Open(*directory, core::Threads::kNone);
  ASSERT_TRUE(archive.ok()) << archive.status();
  auto opened = (*archive)->OpenLog(kLog, core::Generation(1));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->witness.ok()) << opened->witness;
  EXPECT_EQ(opened->log->head(), head);
}

}  // namespace
}  // namespace chargeledger::log
