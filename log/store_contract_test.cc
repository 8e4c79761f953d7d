// What store.h promises, held against every Store.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/memory_store.h"
#include "log/rocksdb_store.h"
#include "log/simulated_disk.h"
#include "log/store.h"

namespace chargeledger::log {
namespace {

std::string FreshDirectory() {
  std::string directory = testing::TempDir() + "/store-XXXXXX";
  EXPECT_NE(mkdtemp(directory.data()), nullptr);
  return directory;
}

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Store>()> make;
};

class StoreContract : public testing::TestWithParam<Kind> {
 protected:
  void Put(const std::string& key, const std::string& value) {
    WriteBatch batch;
    batch.Put(key, value);
    ASSERT_TRUE(store_->Commit(batch, Durability::kBuffered).ok());
  }
  std::vector<std::string> Keys(const Reader& reader, const std::string& begin,
                                const std::string& end, bool reverse = false) {
    std::vector<std::string> keys;
    auto visit = [&](absl::string_view key, absl::string_view) {
      keys.emplace_back(key);
      return true;
    };
    EXPECT_TRUE(
        (reverse ? reader.ScanReverse(begin, end, visit) : reader.Scan(begin, end, visit)).ok());
    return keys;
  }

  std::unique_ptr<Store> store_ = GetParam().make();
};

TEST_P(StoreContract, ARangeIsDeletedWithoutItsEndAndInTheOrderOfTheBatch) {
  for (const char* key : {"a", "b", "c", "d"}) Put(key, "1");
  WriteBatch batch;
  batch.Put("bb", "2");
  batch.DeleteRange("b", "d");
  batch.Put("c", "3");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_EQ(Keys(*store_, "", ""), (std::vector<std::string>{"a", "c", "d"}));
  EXPECT_EQ(store_->Get("c")->value(), "3");
}

TEST_P(StoreContract, WhatWasPutIsReadAndWhatWasDeletedIsNot) {
  Put("a", "1");
  Put("b", std::string("\0binary", 7));
  EXPECT_EQ(store_->Get("a")->value(), "1");
  EXPECT_EQ(store_->Get("b")->value(), std::string("\0binary", 7));
  EXPECT_FALSE(store_->Get("c")->has_value());
  WriteBatch batch;
  batch.Delete("a");
  batch.PutCopy("c", "3");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_FALSE(store_->Get("a")->has_value());
  EXPECT_EQ(store_->Get("c")->value(), "3");
}

TEST_P(StoreContract, LaterOperationsOfABatchWin) {
  WriteBatch batch;
  batch.PutCopy("k", "1");
  batch.Delete("k");
  batch.PutCopy("k", "2");
  ASSERT_TRUE(store_->Commit(batch, Durability::kSynced).ok());
  EXPECT_EQ(store_->Get("k")->value(), "2");
}

TEST_P(StoreContract, ScansSeeHalfOpenRangesInBothDirections) {
  for (std::string key : {"a", "b1", "b2", "b\xff", "c"}) Put(key, "x");
  EXPECT_EQ(Keys(*store_, "b", AfterPrefix("b")), (std::vector<std::string>{"b1", "b2", "b\xff"}));
  EXPECT_EQ(Keys(*store_, "b", AfterPrefix("b"), true),
            (std::vector<std::string>{"b\xff", "b2", "b1"}));
  EXPECT_EQ(Keys(*store_, "b2", ""), (std::vector<std::string>{"b2", "b\xff", "c"}));
  EXPECT_EQ(Keys(*store_, "d", ""), std::vector<std::string>{});
}

TEST_P(StoreContract, AScanStopsWhenTheVisitorSaysSo) {
  for (std::string key : {"a", "b", "c"}) Put(key, "x");
  int seen = 0;
  ASSERT_TRUE(
      store_->Scan("a", "", [&](absl::string_view, absl::string_view) { return ++seen < 2; }).ok());
  EXPECT_EQ(seen, 2);
}

TEST_P(StoreContract, ASnapshotDoesNotSeeWhatCameAfterIt) {
  Put("a", "old");
  std::unique_ptr<Reader> snapshot = store_->Snapshot();
  Put("a", "new");
  Put("b", "new");
  EXPECT_EQ(snapshot->Get("a")->value(), "old");
  EXPECT_EQ(Keys(*snapshot, "a", ""), std::vector<std::string>{"a"});
  EXPECT_EQ(store_->Get("a")->value(), "new");
}

// A store with the disk that it is on.
class SimulatedStore final : public Store {
 public:
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view key) const override {
    return store_->Get(key);
  }
  absl::Status Scan(absl::string_view begin, absl::string_view end, Visitor visit) const override {
    return store_->Scan(begin, end, visit);
  }
  absl::Status ScanReverse(absl::string_view begin, absl::string_view end,
                           Visitor visit) const override {
    return store_->ScanReverse(begin, end, visit);
  }
  absl::Status Commit(const WriteBatch& batch, Durability durability) override {
    return store_->Commit(batch, durability);
  }
  std::unique_ptr<Reader> Snapshot() const override { return store_->Snapshot(); }

 private:
  SimulatedDisk disk_;
  std::unique_ptr<Directory> directory_ = disk_.Mount({});
  std::unique_ptr<Store> store_ = *directory_->OpenStore("store", {});
};

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract,
    testing::Values(Kind{"Memory", [] { return std::make_unique<MemoryStore>(); }},
                    Kind{"RocksDb", [] { return *OpenRocksDbStore(FreshDirectory(), {}); }},
                    Kind{"Simulated", [] { return std::make_unique<SimulatedStore>(); }}),
    [](const auto& info) { return info.param.name; });

TEST(RocksDbStore, ASecondOpenOfTheSameDirectoryIsRefusedByName) {
  const std::string directory = FreshDirectory();
  auto first = OpenRocksDbStore(directory, {});
  ASSERT_TRUE(first.ok());
  auto second = OpenRocksDbStore(directory, {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
  EXPECT_NE(second.status().message().find(directory), absl::string_view::npos);
}

TEST(RocksDbStore, WhatWasCommittedIsThereAfterReopening) {
  const std::string directory = FreshDirectory();
  {
    auto store = OpenRocksDbStore(directory, {});
    WriteBatch batch;
    batch.PutCopy("k", "v");
    ASSERT_TRUE((*store)->Commit(batch, Durability::kSynced).ok());
  }
  auto store = OpenRocksDbStore(directory, {});
  EXPECT_EQ((*store)->Get("k")->value(), "v");
}

TEST(Store, BigEndianKeysOrderAsTheirNumbers) {
  for (uint64_t value : {uint64_t{0}, uint64_t{255}, uint64_t{256}, ~uint64_t{0}}) {
    std::string bytes;
    AppendBigEndian64(bytes, value);
    EXPECT_EQ(ReadBigEndian64(bytes), value);
  }
  EXPECT_EQ(AfterPrefix("a\xff"), "b");
  EXPECT_EQ(AfterPrefix("\xff"), "");
}

}  // namespace
}  // namespace chargeledger::log
