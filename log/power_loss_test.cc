// Crashes and faults of the disk at every point of a log's life: a file system that forgets what
// was not synced, tears the last block, fails the n-th write or sync, and is full.
//
// The model has a pending state: what was acknowledged must be there afterwards, byte for byte;
// what was in flight may be there or not, whole; nothing else may be.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "log/archive.h"
#include "log/testing/fault_file_system.h"

namespace chargeledger::log {
namespace {

namespace fs = std::filesystem;

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");

std::string Payload(uint64_t n) { return absl::StrCat("entry ", n, std::string(n % 300, 'x')); }

class PowerLoss : public testing::Test {
 protected:
  PowerLoss() {
    root_ = testing::TempDir() + "/power-loss-XXXXXX";
    if (mkdtemp(root_.data()) == nullptr) std::abort();
  }
  ~PowerLoss() override { fs::remove_all(root_); }

  std::string Fresh() {
    const std::string directory = absl::StrCat(root_, "/", ++runs_);
    fs::create_directories(directory);
    return directory;
  }

  struct Model {
    // Entries that Commit returned OK for, and one commit more that was in flight.
    uint64_t acknowledged = 0;
    uint64_t pending = 0;
    absl::Status failure;
  };

  // Appends until the fault strikes or `commits` are done; sizes of commits vary.
  static Model Live(const std::string& directory, const std::shared_ptr<FaultFileSystem>& system,
                    int commits) {
    RocksDbOptions options;
    options.file_system = system;
    Model model;
    auto archive = Archive::Open(directory, options);
    if (!archive.ok()) {
      model.failure = archive.status();
      return model;
    }
    auto opened = (*archive)->OpenLog(kLog, core::Generation(1));
    if (!opened.ok()) {
      model.failure = opened.status();
      return model;
    }
    EventLog& log = *opened->log;
    model.acknowledged = log.head().size;
    for (int i = 0; i < commits; ++i) {
      const uint64_t count = 1 + static_cast<uint64_t>(i) * 7 % 40;
      std::vector<std::string> bytes;
      for (uint64_t n = 0; n < count; ++n) bytes.push_back(Payload(model.acknowledged + n));
      std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
      std::vector<Hash> leaves;
      for (absl::string_view entry : entries) leaves.push_back(LeafHash(entry));
      WriteBatch batch;
      const TreeHead head = log.Stage(entries, leaves, batch);
      model.pending = count;
      model.failure = (*archive)->Commit(batch, {{&log, head}});
      if (!model.failure.ok()) {
        // Poisoned until it is opened again.
        WriteBatch another;
        another.PutCopy("x", "y");
        EXPECT_FALSE((*archive)->store().Commit(another, Durability::kSynced).ok());
        return model;
      }
      model.acknowledged += count;
      model.pending = 0;
    }
    return model;
  }

  // Opens what is left on a disk that works, and holds it against the model.
  static void ExpectNothingLost(const std::string& directory, const Model& model,
                                const std::string& what) {
    auto archive = Archive::Open(directory, {});
    ASSERT_TRUE(archive.ok()) << what << ": " << archive.status();
    auto opened = (*archive)->OpenLog(kLog, core::Generation(1));
    ASSERT_TRUE(opened.ok()) << what << ": " << opened.status();
    EXPECT_TRUE(opened->witness.ok()) << what << ": " << opened->witness;
    const uint64_t size = opened->log->head().size;
    EXPECT_TRUE(size == model.acknowledged || size == model.acknowledged + model.pending)
        << what << ": " << size << " entries; acknowledged " << model.acknowledged << ", in flight "
        << model.pending;
    Frontier frontier;
    ASSERT_TRUE(opened->log
                    ->Read(core::Sequence(0), size,
                           [&](core::Sequence n, absl::string_view entry) {
                             EXPECT_EQ(entry, Payload(n.value())) << what;
                             frontier.Append(LeafHash(entry));
                             return true;
                           })
                    .ok());
    EXPECT_EQ(frontier.Head(), opened->log->head()) << what;
  }

  std::string root_;
  int runs_ = 0;
};

TEST_F(PowerLoss, WhateverWriteOrSyncFailsNothingAcknowledgedIsLostAndTheLogGoesOn) {
  auto counting = std::make_shared<FaultFileSystem>(Fault{});
  const std::string whole = Fresh();
  const Model undisturbed = Live(whole, counting, 40);
  ASSERT_TRUE(undisturbed.failure.ok()) << undisturbed.failure;
  ASSERT_GT(undisturbed.acknowledged, 700u);
  ExpectNothingLost(whole, undisturbed, "no fault");
  int struck = 0;
  for (Fault::Kind kind : {Fault::Kind::kFailWrite, Fault::Kind::kShortWrite,
                           Fault::Kind::kFailSync, Fault::Kind::kNoSpace}) {
    for (int at = 1; at <= counting->writes(); at += 1 + at / 12) {
      const std::string what = absl::StrCat("fault ", static_cast<int>(kind), " at ", at);
      const std::string directory = Fresh();
      auto system = std::make_shared<FaultFileSystem>(Fault{kind, at});
      Model model = Live(directory, system, 40);
      struck += system->broken() ? 1 : 0;
      system->LosePower(static_cast<uint64_t>(at));
      ExpectNothingLost(directory, model, what);
      // And it goes on where it stands.
      model = Live(directory, std::make_shared<FaultFileSystem>(Fault{}), 5);
      EXPECT_TRUE(model.failure.ok()) << what << ": " << model.failure;
      ExpectNothingLost(directory, model, what);
      fs::remove_all(directory);
    }
  }
  EXPECT_GT(struck, 50);
}

// Bit rot, anywhere in the store's files: it is told, or it changed nothing that counts.
TEST_F(PowerLoss, NoBitCanFlipSoThatOtherEntriesOrFewerAreReadWithoutAWord) {
  int told = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    std::mt19937_64 random(seed);
    const std::string directory = Fresh();
    const Model model = Live(directory, std::make_shared<FaultFileSystem>(Fault{}), 12);
    ASSERT_TRUE(model.failure.ok());
    // Half of them with everything in tables, as after another start.
    if (seed % 2 == 0) Live(directory, std::make_shared<FaultFileSystem>(Fault{}), 0);
    std::vector<fs::path> files;
    for (const auto& file : fs::recursive_directory_iterator(directory)) {
      if (file.is_regular_file() && file.file_size() > 0 &&
          file.path().filename().string().rfind("LOG", 0) != 0) {
        files.push_back(file.path());
      }
    }
    std::sort(files.begin(), files.end());
    const fs::path file = files[random() % files.size()];
    FILE* bytes = fopen(file.c_str(), "r+");
    const long at = static_cast<long>(random() % fs::file_size(file));
    fseek(bytes, at, SEEK_SET);
    const int byte = fgetc(bytes);
    fseek(bytes, at, SEEK_SET);
    fputc(byte ^ 1 << random() % 8, bytes);
    fclose(bytes);

    auto archive = Archive::Open(directory, {});
    absl::Status status = archive.status();
    uint64_t read = 0;
    if (status.ok()) {
      auto opened = (*archive)->OpenLog(kLog, core::Generation(1));
      status = opened.ok() ? opened->witness : opened.status();
      if (status.ok()) {
        status = opened->log->Read(core::Sequence(0), ~uint64_t{0},
                                   [&](core::Sequence n, absl::string_view entry) {
                                     EXPECT_EQ(n.value(), read++);
                                     EXPECT_EQ(entry, Payload(n.value())) << file << " at " << at;
                                     return true;
                                   });
      }
    }
    if (status.ok()) {
      EXPECT_EQ(read, model.acknowledged) << file << " at " << at;
    }
    told += status.ok() ? 0 : 1;
    fs::remove_all(directory);
  }
  EXPECT_GT(told, 20);
}

// Writes that nobody waited for (sealing, checkpoints) reach the disk in any order.
TEST_F(PowerLoss, ATornTailOfWhatWasNotSyncedIsGivenUpIfNothingAcknowledgedIsInIt) {
  int torn = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::string directory = Fresh();
    auto system = std::make_shared<FaultFileSystem>(Fault{});
    Model model = Live(directory, system, 10);
    {
      RocksDbOptions options;
      options.file_system = system = std::make_shared<FaultFileSystem>(Fault{});
      auto archive = *Archive::Open(directory, options);
      EventLog& log = *archive->OpenLog(kLog, core::Generation(1))->log;
      for (int i = 0; i < 30; ++i) {
        ASSERT_TRUE(archive->KeepCheckpoint(log, std::string(200, static_cast<char>(i))).ok());
      }
    }
    system->LosePower(seed);
    RocksDbOptions strict;
    torn += OpenRocksDbStore(directory + "/log", strict).ok() ? 0 : 1;
    ExpectNothingLost(directory, model, absl::StrCat("seed ", seed));
  }
  EXPECT_GT(torn, 0);
}

TEST_F(PowerLoss, AFullDiskIsToldAsOne) {
  const std::string directory = Fresh();
  auto counting = std::make_shared<FaultFileSystem>(Fault{});
  Live(directory, counting, 3);
  auto full =
      std::make_shared<FaultFileSystem>(Fault{Fault::Kind::kNoSpace, counting->writes() + 3});
  const Model model = Live(Fresh(), full, 40);
  EXPECT_EQ(model.failure.code(), absl::StatusCode::kResourceExhausted) << model.failure;
}

TEST_F(PowerLoss, AfterManyPowerCutsInARowTheLogIsWhole) {
  const std::string directory = Fresh();
  Model model;
  for (uint64_t round = 1; round <= 40; ++round) {
    std::mt19937_64 random(round);
    const auto kind = static_cast<Fault::Kind>(1 + random() % 4);
    auto system =
        std::make_shared<FaultFileSystem>(Fault{kind, static_cast<int>(1 + random() % 60)});
    const uint64_t before = model.acknowledged;
    const Model next = Live(directory, system, 20);
    // A life that could not even open the log knows nothing of it.
    if (next.acknowledged >= before) model = next;
    system->LosePower(round);
    ExpectNothingLost(directory, model, absl::StrCat("round ", round));
  }
  EXPECT_GT(model.acknowledged, 1000u);
}

}  // namespace
}  // namespace chargeledger::log
