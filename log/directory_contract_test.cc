// What directory.h and store.h promise when things go wrong, held against RocksDB on the system's
// files and against the simulation's disk: so that the twin cannot drift from the real thing.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "log/local_directory.h"
#include "log/simulated_disk.h"
#include "log/testing/fault_file_system.h"

namespace chargeledger::log {
namespace {

namespace fs = std::filesystem;

// A disk that can be made to fail, behind either implementation.
class FailingDisk {
 public:
  virtual ~FailingDisk() = default;
  // A process begins; the one before has ended.
  virtual std::unique_ptr<Directory> Mount() = 0;
  virtual void LosePower(uint64_t seed) = 0;
  virtual void FailNextSync() = 0;
  virtual void FillUp() = 0;
  // Damages stored bytes of the store "s", of which nothing is open. Everything in it is in tables.
  virtual void Damage() = 0;
};

class RealDisk final : public FailingDisk {
 public:
  RealDisk() {
    path_ = testing::TempDir() + "/directory-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~RealDisk() override { fs::remove_all(path_); }

  std::unique_ptr<Directory> Mount() override {
    files_ = std::make_shared<FaultFileSystem>(Fault());
    RocksDbOptions options;
    options.file_system = files_;
    return std::make_unique<LocalDirectory>(path_, options);
  }
  void LosePower(uint64_t seed) override { files_->LosePower(seed); }
  void FailNextSync() override { files_->StrikeNext(Fault::Kind::kFailSync); }
  void FillUp() override { files_->StrikeNext(Fault::Kind::kNoSpace); }
  void Damage() override {
    fs::path table;
    for (const auto& file : fs::directory_iterator(path_ + "/s")) {
      if (file.path().extension() != ".sst") continue;
      if (table.empty() || fs::file_size(file) > fs::file_size(table)) table = file.path();
    }
    ASSERT_FALSE(table.empty());
    std::fstream bytes(table, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(10);
    bytes.write("damage", 6);
  }

 private:
  std::string path_;
  std::shared_ptr<FaultFileSystem> files_;
};

class TwinDisk final : public FailingDisk {
 public:
  std::unique_ptr<Directory> Mount() override {
    outcome_ = SimulatedDisk::Outcome::kDone;
    return disk_.Mount([this](absl::string_view, absl::string_view) { return outcome_; });
  }
  void LosePower(uint64_t seed) override {
    std::mt19937_64 random(seed);
    disk_.LosePower([&] { return random(); });
  }
  void FailNextSync() override { outcome_ = SimulatedDisk::Outcome::kFailedDone; }
  void FillUp() override { outcome_ = SimulatedDisk::Outcome::kFull; }
  void Damage() override { EXPECT_FALSE(disk_.DamageFrom("s", "").empty()); }

 private:
  SimulatedDisk disk_;
  SimulatedDisk::Outcome outcome_ = SimulatedDisk::Outcome::kDone;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<FailingDisk>()> make;
};

class DirectoryContract : public testing::TestWithParam<Kind> {
 protected:
  static std::string Key(int i) { return absl::StrFormat("key %04d", i); }
  static absl::Status Put(Store& store, int i, Durability durability) {
    // Nothing that a table's compression would make small.
    std::mt19937_64 random(static_cast<uint64_t>(i));
    std::string value(100, '\0');
    for (char& c : value) c = static_cast<char>(random());
    WriteBatch batch;
    batch.PutCopy(Key(i), std::move(value));
    return store.Commit(batch, durability);
  }
  // How many of the keys 0, 1, … are there without a gap; -1 if there is one after a gap.
  static int Count(const Store& store) {
    int count = 0, seen = 0;
    for (int i = 0; i < 100; ++i) {
      auto found = store.Get(Key(i));
      EXPECT_TRUE(found.ok()) << found.status();
      if (!found.ok() || !found->has_value()) continue;
      ++seen;
      if (i == count) ++count;
    }
    return seen == count ? count : -1;
  }

  std::unique_ptr<FailingDisk> disk_ = GetParam().make();
};

TEST_P(DirectoryContract, WhatWasBufferedSurvivesTheEndOfTheProcess) {
  {
    auto directory = disk_->Mount();
    auto store = *directory->OpenStore("s", {});
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(Put(*store, i, Durability::kBuffered).ok());
  }
  auto directory = disk_->Mount();
  EXPECT_EQ(Count(**directory->OpenStore("s", {})), 20);
}

TEST_P(DirectoryContract, APowerLossTakesNothingFromBeforeASyncAndASuffixOfWhatCameAfter) {
  bool something_lost = false;
  StoreOptions options;
  options.up_to_damage = true;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    disk_ = GetParam().make();
    {
      auto directory = disk_->Mount();
      auto store = *directory->OpenStore("s", options);
      for (int i = 0; i < 9; ++i) ASSERT_TRUE(Put(*store, i, Durability::kBuffered).ok());
      ASSERT_TRUE(Put(*store, 9, Durability::kSynced).ok());
      for (int i = 10; i < 60; ++i) ASSERT_TRUE(Put(*store, i, Durability::kBuffered).ok());
      if (GetParam().name == "Simulated") {
        // What it does when it is closed is the process's: the power goes while it is open.
        disk_->LosePower(seed);
      }
    }
    if (GetParam().name != "Simulated") disk_->LosePower(seed);
    auto directory = disk_->Mount();
    const int left = Count(**directory->OpenStore("s", options));
    EXPECT_GE(left, 10) << "seed " << seed;
    something_lost = something_lost || left < 60;
  }
  EXPECT_TRUE(something_lost);
}

TEST_P(DirectoryContract, AfterACommitThatFailedNothingIsTakenUntilTheStoreIsOpenedAgain) {
  {
    auto directory = disk_->Mount();
    auto store = *directory->OpenStore("s", {});
    ASSERT_TRUE(Put(*store, 0, Durability::kSynced).ok());
    disk_->FailNextSync();
    EXPECT_EQ(Put(*store, 1, Durability::kSynced).code(), absl::StatusCode::kUnavailable);
    EXPECT_FALSE(Put(*store, 2, Durability::kSynced).ok());
  }
  disk_->LosePower(1);
  auto directory = disk_->Mount();
  auto store = *directory->OpenStore("s", {});
  // The one that failed may be there or not; the ones after it are not.
  EXPECT_TRUE(Count(*store) == 1 || Count(*store) == 2) << Count(*store);
  EXPECT_TRUE(Put(*store, 2, Durability::kSynced).ok());
}

TEST_P(DirectoryContract, AFullDiskIsToldAsOneAndLosesNothing) {
  {
    auto directory = disk_->Mount();
    auto store = *directory->OpenStore("s", {});
    ASSERT_TRUE(Put(*store, 0, Durability::kSynced).ok());
    disk_->FillUp();
    EXPECT_EQ(Put(*store, 1, Durability::kSynced).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(Put(*store, 2, Durability::kSynced).code(), absl::StatusCode::kResourceExhausted);
  }
  auto directory = disk_->Mount();
  auto store = *directory->OpenStore("s", {});
  EXPECT_GE(Count(*store), 1);
  EXPECT_TRUE(Put(*store, 1, Durability::kSynced).ok());
}

TEST_P(DirectoryContract, DamagedBytesAreDataLossForWhoeverReadsThemAndAreTold) {
  for (int life = 0; life < 2; ++life) {
    // Opening again writes what the write-ahead log has into a table.
    auto directory = disk_->Mount();
    auto store = *directory->OpenStore("s", {});
    for (int i = 0; life == 0 && i < 2000; ++i) {
      ASSERT_TRUE(Put(*store, i, Durability::kSynced).ok());
    }
  }
  disk_->Damage();
  auto directory = disk_->Mount();
  absl::Status told;
  StoreOptions options;
  options.damaged = [&](const absl::Status& damage) { told = damage; };
  auto store = *directory->OpenStore("s", options);
  EXPECT_EQ(store->Get(Key(0)).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(told.code(), absl::StatusCode::kDataLoss);
  int seen = 0;
  auto visit = [&](absl::string_view, absl::string_view) { return ++seen > 0; };
  EXPECT_EQ(store->Scan(Key(0), "", visit).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(seen, 0);
  EXPECT_EQ(store->ScanReverse(Key(0), "", visit).code(), absl::StatusCode::kDataLoss);
  // What is written now is read, also where the damage is; who walks over it meets it still.
  ASSERT_TRUE(Put(*store, 0, Durability::kSynced).ok());
  EXPECT_TRUE(store->Get(Key(0)).ok());
  EXPECT_EQ(store->Scan(Key(0), "", visit).code(), absl::StatusCode::kDataLoss);
}

TEST_P(DirectoryContract, AStoreOpenedForReadingTakesNothing) {
  auto directory = disk_->Mount();
  { ASSERT_TRUE(Put(**directory->OpenStore("s", {}), 0, Durability::kSynced).ok()); }
  StoreOptions options;
  options.read_only = true;
  auto store = *directory->OpenStore("s", options);
  EXPECT_EQ(Count(*store), 1);
  EXPECT_FALSE(Put(*store, 1, Durability::kSynced).ok());
}

TEST_P(DirectoryContract, AFileIsReadAsItWasWrittenAndGrowsWhereItIsExtended) {
  auto directory = disk_->Mount();
  {
    auto file = *directory->OpenFile("f");
    EXPECT_EQ(*file->Read(0, 10), "");
    ASSERT_TRUE(file->Extend(8).ok());
    ASSERT_TRUE(file->Write(2, "abc").ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  EXPECT_EQ(*(*directory->OpenFile("f"))->Read(1, 5), std::string("\0abc\0", 5));
  EXPECT_EQ((*(*directory->OpenFile("f"))->Read(0, 100)).size(), 8u);
  EXPECT_EQ((*directory->ReadFile("f")).size(), 8u);
}

TEST_P(DirectoryContract, NamesAreGivenMovedAndTakenAway) {
  auto directory = disk_->Mount();
  EXPECT_EQ(directory->ReadFile("f").status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(directory->ReplaceFile("f", "one").ok());
  ASSERT_TRUE(directory->ReplaceFile("f", "two").ok());
  EXPECT_EQ(*directory->ReadFile("f"), "two");
  ASSERT_TRUE(directory->Rename("f", "g").ok());
  EXPECT_FALSE(directory->Exists("f"));
  EXPECT_EQ(*directory->ReadFile("g"), "two");
  { ASSERT_TRUE(Put(**directory->OpenStore("s", {}), 0, Durability::kSynced).ok()); }
  ASSERT_TRUE(directory->Rename("s", "t").ok());
  EXPECT_EQ(Count(**directory->OpenStore("t", {})), 1);
  ASSERT_TRUE(directory->Remove("t").ok());
  ASSERT_TRUE(directory->Remove("t").ok());
  EXPECT_FALSE(directory->Exists("t"));
  EXPECT_EQ(directory->Rename("f", "h").code(), absl::StatusCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(
    Disks, DirectoryContract,
    testing::Values(Kind{"RocksDbOnFiles", [] { return std::make_unique<RealDisk>(); }},
                    Kind{"Simulated", [] { return std::make_unique<TwinDisk>(); }}),
    [](const auto& info) { return info.param.name; });

// The simulation's disk alone forgets what a file was not synced of: the system's would need
// another kernel.
TEST(SimulatedDisk, OfAFileAPowerLossLeavesWhatWasSyncedAndAnyPartOfTheRest) {
  bool torn = false;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SimulatedDisk disk;
    auto directory = disk.Mount({});
    auto file = *directory->OpenFile("f");
    ASSERT_TRUE(file->Extend(4096).ok());
    ASSERT_TRUE(file->Write(0, "aaaa").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->Write(508, std::string(1000, 'b')).ok());
    std::mt19937_64 random(seed);
    disk.LosePower([&] { return random(); });
    EXPECT_FALSE(file->Read(0, 8).ok());
    const std::string left = *disk.Mount({})->ReadFile("f");
    EXPECT_EQ(left.substr(0, 4), "aaaa");
    torn = torn || (left[508] == 'b' && left[1507] == '\0');
    EXPECT_EQ(left[512], left[1023]) << "a sector is whole";
  }
  EXPECT_TRUE(torn);
}

TEST(SimulatedDisk, AProcessThatCrashesAtAnOperationCanDoNothingAnyMore) {
  for (auto outcome : {SimulatedDisk::Outcome::kCrashBefore, SimulatedDisk::Outcome::kCrashAfter}) {
    SimulatedDisk disk;
    bool crash = false;
    auto directory = disk.Mount([&](absl::string_view, absl::string_view) {
      return crash ? outcome : SimulatedDisk::Outcome::kDone;
    });
    auto store = *directory->OpenStore("s", {});
    crash = true;
    WriteBatch batch;
    batch.PutCopy("k", "v");
    EXPECT_FALSE(store->Commit(batch, Durability::kSynced).ok());
    EXPECT_FALSE(store->Get("k").ok());
    EXPECT_FALSE(directory->ReplaceFile("f", "x").ok());
    auto again = disk.Mount({});
    EXPECT_EQ((*again->OpenStore("s", {}))->Get("k")->has_value(),
              outcome == SimulatedDisk::Outcome::kCrashAfter);
  }
}

}  // namespace
}  // namespace chargeledger::log
