#include "log/event_log.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "log/memory_store.h"

namespace chargeledger::log {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");

std::string EntryKey(uint64_t sequence) {
  std::string key = absl::StrCat("e", kLog.bytes());
  AppendBigEndian32(key, 1);
  AppendBigEndian64(key, sequence);
  return key;
}

std::string Entry(uint64_t n) { return absl::StrCat("entry number ", n); }

std::unique_ptr<EventLog> Open(const Store& store) {
  auto log = EventLog::Open(store, kLog, core::Generation(1));
  EXPECT_TRUE(log.ok()) << log.status();
  return *std::move(log);
}

// Appends entries [log size, size) in batches of `step`.
void Grow(MemoryStore& store, EventLog& log, uint64_t size, uint64_t step) {
  while (log.head().size < size) {
    std::vector<std::string> bytes;
    for (uint64_t n = log.head().size; n < size && bytes.size() < step; ++n)
      bytes.push_back(Entry(n));
    std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
    std::vector<Hash> leaves;
    for (absl::string_view entry : entries) leaves.push_back(LeafHash(entry));
    WriteBatch batch;
    const TreeHead head = log.Stage(entries, leaves, batch);
    ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
    log.Publish(head);
  }
}

TEST(EventLog, ALogReopenedAtAnySizeHasTheSameHeadAndGoesOn) {
  MemoryStore once, stepwise;
  std::unique_ptr<EventLog> whole = Open(once);
  Grow(once, *whole, 1000, 1000);
  for (uint64_t size : {1, 2, 255, 256, 257, 511, 512, 700, 1000}) {
    std::unique_ptr<EventLog> log = Open(stepwise);
    Grow(stepwise, *log, size, 7);
    EXPECT_EQ(log->head().root, *whole->RootAt(size)) << size;
    EXPECT_EQ(Open(stepwise)->head(), log->head()) << size;
  }
}

TEST(EventLog, ReadersSeeOnlyWhatIsPublished) {
  MemoryStore store;
  std::unique_ptr<EventLog> log = Open(store);
  Grow(store, *log, 300, 300);
  const std::string bytes = Entry(300);
  WriteBatch batch;
  const TreeHead head = log->Stage({bytes}, {LeafHash(bytes)}, batch);
  EXPECT_EQ(log->head().size, 300u);
  EXPECT_EQ(log->RootAt(301).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(log->staged().size(), 301u);
  ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
  log->Publish(head);
  EXPECT_EQ(log->head(), head);
}

TEST(EventLog, RootsAndLeavesAreRightWhileTilesAreStagedButNotStored) {
  MemoryStore store, reference_store;
  std::unique_ptr<EventLog> reference = Open(reference_store);
  Grow(reference_store, *reference, 600, 600);
  std::unique_ptr<EventLog> log = Open(store);
  Grow(store, *log, 250, 250);
  std::vector<std::string> bytes;
  for (uint64_t n = 250; n < 600; ++n) bytes.push_back(Entry(n));
  std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
  std::vector<Hash> leaves;
  for (absl::string_view entry : entries) leaves.push_back(LeafHash(entry));
  WriteBatch batch;
  log->Stage(entries, leaves, batch);
  EXPECT_EQ(*log->RootAt(200), *reference->RootAt(200));
  EXPECT_EQ(*log->LeafHashAt(core::Sequence(520)), *reference->LeafHashAt(core::Sequence(520)));
}

TEST(EventLog, ReadGivesTheBytesAsTheyWere) {
  MemoryStore store;
  std::unique_ptr<EventLog> log = Open(store);
  Grow(store, *log, 520, 100);
  uint64_t next = 250;
  ASSERT_TRUE(log->Read(core::Sequence(250), 20,
                        [&](core::Sequence at, absl::string_view entry) {
                          EXPECT_EQ(at.value(), next);
                          EXPECT_EQ(entry, Entry(next++));
                          return true;
                        })
                  .ok());
  EXPECT_EQ(next, 270u);
  ASSERT_TRUE(log->Read(core::Sequence(519), 100,
                        [&](core::Sequence, absl::string_view) {
                          ++next;
                          return true;
                        })
                  .ok());
  EXPECT_EQ(next, 271u);
}

TEST(EventLog, DamageIsFoundAtOpenAndNamed) {
  struct Case {
    std::string what;
    std::function<void(WriteBatch&)> damage;
    std::string named;
  };
  std::string head_key = absl::StrCat("h", kLog.bytes());
  AppendBigEndian32(head_key, 1);
  for (const Case& c : std::vector<Case>{
           {"last entry gone", [](WriteBatch& b) { b.Delete(EntryKey(599)); }, "599"},
           {"entry too many", [](WriteBatch& b) { b.PutCopy(EntryKey(600), "x"); }, "601"},
           {"entry of the open tile changed", [](WriteBatch& b) { b.PutCopy(EntryKey(550), "x"); },
            "root"},
           {"entry of the open tile gone", [](WriteBatch& b) { b.Delete(EntryKey(550)); },
            "entry 550 is missing"},
           {"entry of a complete bundle changed",
            [](WriteBatch& b) { b.PutCopy(EntryKey(100), "x"); }, "root"},
           {"entry of a complete bundle gone", [](WriteBatch& b) { b.Delete(EntryKey(100)); },
            "entry 100 is missing"},
           {"head gone", [&](WriteBatch& b) { b.Delete(head_key); }, "0 entries"},
           {"head cut", [&](WriteBatch& b) { b.PutCopy(head_key, "x"); }, "head"}}) {
    MemoryStore store;
    Grow(store, *Open(store), 600, 600);
    WriteBatch batch;
    c.damage(batch);
    ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
    auto log = EventLog::Open(store, kLog, core::Generation(1));
    EXPECT_EQ(log.status().code(), absl::StatusCode::kDataLoss) << c.what;
    EXPECT_NE(log.status().message().find(c.named), absl::string_view::npos)
        << c.what << ": " << log.status();
  }
}

// Seals the oldest bundle.
void Seal(MemoryStore& store, EventLog& log) {
  WriteBatch batch;
  auto staged = log.StageSealed(1, batch);
  ASSERT_TRUE(staged.ok() && *staged) << staged.status();
  ASSERT_TRUE(store.Commit(batch, Durability::kBuffered).ok());
  log.PublishSealed(1);
}

TEST(EventLog, HoweverMuchIsSealedEverythingReadsAndProvesTheSame) {
  MemoryStore store, reference_store;
  std::unique_ptr<EventLog> reference = Open(reference_store);
  Grow(reference_store, *reference, 1000, 1000);
  std::unique_ptr<EventLog> log = Open(store);
  Grow(store, *log, 1000, 90);
  for (uint64_t sealed = 0; sealed <= 3; ++sealed) {
    EXPECT_EQ(log->sealed(), sealed);
    uint64_t next = 5;
    ASSERT_TRUE(log->Read(core::Sequence(5), 990,
                          [&](core::Sequence n, absl::string_view entry) {
                            EXPECT_EQ(n.value(), next);
                            EXPECT_EQ(entry, Entry(next++));
                            return true;
                          })
                    .ok());
    EXPECT_EQ(next, 995u);
    for (uint64_t size : {1, 255, 256, 300, 700, 1000}) {
      EXPECT_EQ(*log->RootAt(size), *reference->RootAt(size)) << size;
      EXPECT_EQ(*log->InclusionProof(core::Sequence(size / 2), size),
                *reference->InclusionProof(core::Sequence(size / 2), size));
      EXPECT_EQ(*log->ConsistencyProof(size / 3, size),
                *reference->ConsistencyProof(size / 3, size));
    }
    EXPECT_EQ(Open(store)->head(), reference->head());
    EXPECT_EQ(Open(store)->sealed(), sealed);
    if (sealed < 3) Seal(store, *log);
  }
  WriteBatch batch;
  EXPECT_FALSE(*log->StageSealed(1, batch));
}

TEST(EventLog, WhatNoLongerHashesToTheTreeIsNotSealed) {
  MemoryStore store;
  std::unique_ptr<EventLog> log = Open(store);
  Grow(store, *log, 300, 300);
  WriteBatch damage;
  damage.PutCopy(EntryKey(100), "another entry");
  ASSERT_TRUE(store.Commit(damage, Durability::kSynced).ok());
  WriteBatch batch;
  EXPECT_EQ(log->StageSealed(1, batch).status().code(), absl::StatusCode::kDataLoss);
}

TEST(EventLog, AnEntryMissingInTheMiddleIsAnErrorOfReadingAndNotAShorterAnswer) {
  MemoryStore store;
  std::unique_ptr<EventLog> log = Open(store);
  Grow(store, *log, 600, 600);
  WriteBatch batch;
  batch.Delete(EntryKey(100));
  ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
  absl::Status status =
      log->Read(core::Sequence(90), 50, [](core::Sequence, absl::string_view) { return true; });
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("entry 100"), absl::string_view::npos) << status;
}

TEST(EventLog, OfDroppedEntriesTheHashesStayAndProveAsBefore) {
  MemoryStore store;
  auto log = Open(store);
  Grow(store, *log, 2000, 100);
  WriteBatch sealed;
  ASSERT_TRUE(*log->StageSealed(7, sealed));
  ASSERT_TRUE(store.Commit(sealed, Durability::kBuffered).ok());
  log->PublishSealed(7);
  std::vector<std::vector<Hash>> proofs;
  for (uint64_t n : {0u, 300u, 1100u}) {
    proofs.push_back(*log->InclusionProof(core::Sequence(n), 2000));
  }
  WriteBatch dropped;
  ASSERT_TRUE(log->StageDropped(4, dropped).ok());
  ASSERT_TRUE(store.Commit(dropped, Durability::kSynced).ok());
  log->PublishDropped(4);
  auto reopened = Open(store);
  for (EventLog* each : {log.get(), reopened.get()}) {
    EXPECT_EQ(each->dropped(), 4u);
    EXPECT_EQ(each->head(), log->head());
    size_t i = 0;
    for (uint64_t n : {0u, 300u, 1100u}) {
      EXPECT_EQ(*each->InclusionProof(core::Sequence(n), 2000), proofs[i++]);
      EXPECT_EQ(*each->LeafHashAt(core::Sequence(n)), LeafHash(Entry(n)));
    }
    auto ignore = [](core::Sequence, absl::string_view) { return true; };
    EXPECT_EQ(each->Read(core::Sequence(1023), 1, ignore).code(), absl::StatusCode::kNotFound);
    uint64_t read = 0;
    EXPECT_TRUE(each->Read(core::Sequence(1024), 2000,
                           [&](core::Sequence, absl::string_view) {
                             ++read;
                             return true;
                           })
                    .ok());
    EXPECT_EQ(read, 2000u - 1024);
  }
}

TEST(EventLog, ALogTakenBackIsTheLogThatItWasAndGrowsAnotherWay) {
  MemoryStore store;
  auto log = Open(store);
  Grow(store, *log, 2000, 100);
  WriteBatch sealed;
  ASSERT_TRUE(*log->StageSealed(7, sealed));
  ASSERT_TRUE(store.Commit(sealed, Durability::kBuffered).ok());
  log->PublishSealed(7);
  const Hash root = *log->RootAt(512);
  WriteBatch back;
  ASSERT_TRUE(log->StageTruncate(512, back).ok());
  ASSERT_TRUE(store.Commit(back, Durability::kSynced).ok());
  ASSERT_TRUE(log->Reload().ok());
  EXPECT_EQ(log->head(), (TreeHead{512, root}));
  Grow(store, *log, 3000, 77);
  MemoryStore plain;
  auto expected = Open(plain);
  Grow(plain, *expected, 3000, 500);
  EXPECT_EQ(log->head(), expected->head());
  EXPECT_EQ(Open(store)->head(), expected->head());
}

TEST(EventLog, ASealedBundleThatIsGoneDoesNotKeepTheLogFromOpeningAndCanBePutBack) {
  MemoryStore store;
  auto log = Open(store);
  Grow(store, *log, 1000, 100);
  WriteBatch sealed;
  ASSERT_TRUE(*log->StageSealed(3, sealed));
  ASSERT_TRUE(store.Commit(sealed, Durability::kBuffered).ok());
  log->PublishSealed(3);
  const TreeHead head = log->head();
  WriteBatch hole;
  hole.Delete(LogKeys(kLog, core::Generation(1)).Bundle(1));
  ASSERT_TRUE(store.Commit(hole, Durability::kSynced).ok());
  auto reopened = Open(store);
  EXPECT_EQ(reopened->head(), head);
  auto ignore = [](core::Sequence, absl::string_view) { return true; };
  EXPECT_EQ(reopened->Read(core::Sequence(300), 1, ignore).code(), absl::StatusCode::kDataLoss);
  std::vector<std::string> bytes;
  for (uint64_t n = 256; n < 512; ++n) bytes.push_back(Entry(n));
  std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
  WriteBatch repair;
  ASSERT_TRUE(reopened->StageRepair(1, entries, repair).ok());
  ASSERT_TRUE(store.Commit(repair, Durability::kSynced).ok());
  EXPECT_TRUE(reopened->Read(core::Sequence(0), 1000, ignore).ok());
  bytes[7] = "another";
  entries.assign(bytes.begin(), bytes.end());
  WriteBatch wrong;
  EXPECT_EQ(reopened->StageRepair(1, entries, wrong).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace chargeledger::log
