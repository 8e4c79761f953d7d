// Same log, same bytes: whatever the batches, the store, and the moments at which the process was
// restarted.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "log/memory_store.h"
#include "log/rocksdb_store.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"

namespace chargeledger::projections {
namespace {

// A few thousand entries from several charge points, dirty ones among them.
void Converse(Conversation& c, unsigned seed) {
  std::mt19937 random(seed);
  int64_t next_id = 1;
  for (int round = 0; round < 150; ++round) {
    c.Connect(absl::StrCat("CP", random() % 5));
    c.Status(1, random() % 3 ? "Charging" : "Faulted", random() % 3 ? "NoError" : "OverVoltage");
    const int64_t id = random() % 6 ? next_id++ : next_id;
    const int64_t meter = static_cast<int64_t>(random() % 100'000);
    if (random() % 8) c.Start(1 + random() % 2, id, meter, "2026-03-01T12:00:00Z");
    for (unsigned i = 0; i < random() % 5; ++i)
      c.Meter(id, meter + 100 * i, "2026-03-01T12:10:00Z");
    if (random() % 10 == 0) c.Received("[[[");
    if (random() % 10 == 0) {
      c.Call("MeterValues", R"({"connectorId":1,"transactionId":999,"meterValue":[]})", "{}");
    }
    if (random() % 10 == 0) {
      c.ReceivedInParts(R"([2,"big","DataTransfer",{"vendorId":"v"}])", 2 + random() % 4);
    }
    if (random() % 4) c.Stop(id, meter + 5000, "2026-03-01T13:00:00Z");
    if (random() % 3) c.Disconnect(v1::ConnectionClosed::REASON_LOST);
    if (random() % 20 == 0) {
      v1::Entry opened;
      opened.mutable_log_opened();
      c.Record(opened);
    }
  }
}

std::map<std::string, std::string> Everything(const log::Reader& store) {
  std::map<std::string, std::string> all;
  EXPECT_TRUE(store
                  .Scan("", "",
                        [&](absl::string_view key, absl::string_view value) {
                          all.emplace(std::string(key), std::string(value));
                          return true;
                        })
                  .ok());
  return all;
}

std::map<std::string, std::string> Rebuild(const Conversation& c, uint64_t batch) {
  log::MemoryStore store;
  Books books;
  EXPECT_TRUE(Folder(store, books, batch).Fold(c.log(), "north").ok());
  return Everything(store);
}

TEST(Determinism, EveryBatchSizeGivesTheSameBytes) {
  for (unsigned seed : {1, 2, 3}) {
    Conversation c;
    Converse(c, seed);
    const auto expected = Rebuild(c, 100'000);
    EXPECT_GT(expected.size(), 100u);
    for (uint64_t batch : {1, 2, 7, 256}) EXPECT_EQ(Rebuild(c, batch), expected) << batch;
  }
}

TEST(Determinism, AFoldThatStopsAnywhereAndGoesOnInANewProcessGivesTheSameBytes) {
  Conversation c;
  Converse(c, 4);
  std::string directory = testing::TempDir() + "/folder-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  std::mt19937 random(5);
  uint64_t size = 0;
  while (size < c.log().head().size) {
    auto store = *log::OpenRocksDbStore(directory, {log::RocksDbOptions::Use::kState});
    Books books;
    auto position =
        Folder(*store, books, 1 + random() % 50).Fold(c.log(), "north", 1 + random() % 400);
    ASSERT_TRUE(position.ok()) << position.status();
    size = position->size();
  }
  auto store = *log::OpenRocksDbStore(directory, {log::RocksDbOptions::Use::kState});
  EXPECT_EQ(Everything(*store), Rebuild(c, 4096));
}

TEST(Determinism, TheIncrementalDigestIsTheDigestOfWhatIsStored) {
  Conversation c;
  Converse(c, 6);
  log::MemoryStore store;
  Books books;
  auto position = Folder(store, books, 10).Fold(c.log(), "north");
  ASSERT_TRUE(position.ok());
  for (size_t part = 0; part < 4; ++part) {
    StateDigest digest;
    const std::string prefix = StatePrefix(c.log().log_id(), part);
    ASSERT_TRUE(store
                    .Scan(prefix, log::AfterPrefix(prefix),
                          [&](absl::string_view key, absl::string_view value) {
                            digest.Add(key.substr(prefix.size()), value);
                            return true;
                          })
                    .ok());
    EXPECT_EQ(digest.bytes(), position->parts(static_cast<int>(part)).digest()) << part;
    EXPECT_NE(digest, StateDigest());
  }
}

TEST(Determinism, AStateOfABranchThatWasGivenUpIsDroppedAndBuiltAgain) {
  Conversation first, second;
  Converse(first, 1);
  Converse(second, 2);
  log::MemoryStore store;
  Books books;
  ASSERT_TRUE(Folder(store, books).Fold(first.log(), "north").ok());
  ASSERT_TRUE(Folder(store, books).Fold(second.log(), "north").ok());
  EXPECT_EQ(Everything(store), Rebuild(second, 4096));
}

TEST(Determinism, WhereALaterGenerationHasLostEntriesTheEarlierOnesAreFoldedAgainToo) {
  Conversation first, second(Conversation::kStart, 2), shorter(Conversation::kStart, 2),
      third(Conversation::kStart, 3);
  Converse(first, 1);
  Converse(second, 2);
  shorter.Connect("CP1");
  Converse(third, 3);
  const auto fold = [](log::Store& store, const std::vector<const log::EventLog*>& logs) {
    Books books;
    Folder folder(store, books);
    ASSERT_TRUE(folder.KeepOnly(logs).ok());
    for (const log::EventLog* log : logs) ASSERT_TRUE(folder.Fold(*log, "north").ok());
  };
  log::MemoryStore store, expected;
  fold(store, {&first.log(), &second.log(), &third.log()});
  fold(store, {&first.log(), &shorter.log(), &third.log()});
  fold(expected, {&first.log(), &shorter.log(), &third.log()});
  EXPECT_EQ(Everything(store) == Everything(expected), true);
}

TEST(Determinism, EveryReaderComesByTheSamePositionsAndHasTheSameDigestsThere) {
  Conversation c;
  for (unsigned seed = 1; c.log().head().size < 10'000; ++seed) Converse(c, seed);
  std::vector<std::string> points;
  for (uint64_t batch : {100u, 1000u, 4096u, 100'000u}) {
    log::MemoryStore store;
    Books books;
    v1::StoredFold position = *Folder(store, books, batch).Fold(c.log(), "north");
    ASSERT_GE(position.points_size(), 2);
    std::string all;
    for (const auto& point : position.points()) all += point.SerializeAsString();
    points.push_back(all);
  }
  for (const std::string& each : points) EXPECT_EQ(each, points[0]);
}

TEST(Determinism, WhatWasFoldedBeforeAnEntryThatCannotBeReadStands) {
  Conversation c;
  for (unsigned seed = 1; c.log().head().size < 10'000; ++seed) Converse(c, seed);
  std::string number;
  log::AppendBigEndian64(number, 9'000);
  log::WriteBatch batch;
  for (const auto& [key, value] : Everything(c.store())) {
    if (absl::EndsWith(key, number)) batch.Delete(key);
  }
  ASSERT_FALSE(batch.operations().empty());
  ASSERT_TRUE(c.store().Commit(batch, log::Durability::kBuffered).ok());
  log::MemoryStore store;
  Books books;
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(Folder(store, books).Fold(c.log(), "north").status().code(),
              absl::StatusCode::kDataLoss);
    EXPECT_EQ(ReadPosition(store, c.log().log_id())->size(), 2 * kPointEvery);
  }
  log::MemoryStore expected;
  ASSERT_TRUE(Folder(expected, books).Fold(c.log(), "north", 2 * kPointEvery).ok());
  EXPECT_EQ(Everything(store), Everything(expected));
}

TEST(StateDigest, AddingAndRemovingInAnyOrderComesToTheSame) {
  StateDigest a, b;
  for (int i = 0; i < 100; ++i) a.Add(absl::StrCat("k", i), absl::StrCat("v", i));
  for (int i = 99; i >= 0; --i) b.Add(absl::StrCat("k", i), absl::StrCat("v", i));
  EXPECT_EQ(a, b);
  b.Add("x", "1");
  EXPECT_NE(a, b);
  b.Remove("x", "1");
  EXPECT_EQ(a, b);
  EXPECT_EQ(*StateDigest::FromBytes(a.bytes()), a);
  for (int i = 0; i < 100; ++i) a.Remove(absl::StrCat("k", i), absl::StrCat("v", i));
  EXPECT_EQ(a, StateDigest());
  StateDigest c, d;
  c.Add("ab", "c");
  d.Add("a", "bc");
  EXPECT_NE(c, d);
}

}  // namespace
}  // namespace chargeledger::projections
