// Logs of charge points that misbehave, folded in batches of every size, come to the same bytes.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "log/event_log.h"
#include "log/memory_store.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "tests/bench/traffic.h"

namespace chargeledger {
namespace {

using projections::Books;

struct Log {
  log::MemoryStore store;
  std::unique_ptr<log::EventLog> log;
};

std::unique_ptr<Log> ToLog(const std::vector<std::string>& entries) {
  auto made = std::make_unique<Log>();
  made->log = *log::EventLog::Open(made->store, *core::LogId::FromBytes("dirty traffic ab"),
                                   core::Generation(1));
  for (const std::string& bytes : entries) {
    log::WriteBatch batch;
    const log::TreeHead head = made->log->Stage({bytes}, {log::LeafHash(bytes)}, batch);
    EXPECT_TRUE(made->store.Commit(batch, log::Durability::kBuffered).ok());
    made->log->Publish(head);
  }
  return made;
}

std::map<std::string, std::string> FoldInto(const Log& log, uint64_t batch) {
  log::MemoryStore store;
  Books books;
  EXPECT_TRUE(projections::Folder(store, books, batch).Fold(*log.log, "north").ok());
  std::map<std::string, std::string> all;
  EXPECT_TRUE(store
                  .Scan("s", "t",
                        [&](absl::string_view key, absl::string_view value) {
                          all.emplace(std::string(key), std::string(value));
                          return true;
                        })
                  .ok());
  return all;
}

TEST(DirtyTraffic, EveryBatchSizeGivesTheSameBytes) {
  for (uint64_t seed : {1, 2}) {
    const auto log = ToLog(bench::RecordDirtyTraffic(5'000, seed));
    const auto expected = FoldInto(*log, 1'000'000);
    EXPECT_GT(expected.size(), 100u);
    for (uint64_t batch : {1, 7, 300}) {
      const auto got = FoldInto(*log, batch);
      ASSERT_EQ(got.size(), expected.size()) << batch;
      for (const auto& [key, value] : expected) {
        if (got.at(key) == value) continue;
        v1::Session a, b;
        if (key[18] == 's' && a.ParseFromString(value) && b.ParseFromString(got.at(key))) {
          FAIL() << "in batches of " << batch << ":\n" << a.DebugString() << b.DebugString();
        }
        FAIL() << "in batches of " << batch << ", a state of kind " << key[18];
      }
    }
  }
}

}  // namespace
}  // namespace chargeledger
