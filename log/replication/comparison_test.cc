#include "log/replication/comparison.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "log/memory_store.h"

namespace chargeledger::log::replication {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");

// A log of `size` small entries, of which those in `other` are not what they usually are.
class Copy {
 public:
  Copy(uint64_t size, const std::set<uint64_t>& other) {
    log_ = *EventLog::Open(store_, kLog, core::Generation(1));
    std::vector<std::string> bytes;
    for (uint64_t i = 0; i < size; ++i) {
      bytes.push_back(std::to_string(i) + (other.count(i) > 0 ? " other" : ""));
    }
    std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
    std::vector<Hash> leaves;
    for (const std::string& entry : bytes) leaves.push_back(LeafHash(entry));
    WriteBatch batch;
    const TreeHead head = log_->Stage(entries, leaves, batch);
    EXPECT_TRUE(store_.Commit(batch, Durability::kSynced).ok());
    log_->Publish(head);
  }
  EventLog& log() { return *log_; }

 private:
  MemoryStore store_;
  std::unique_ptr<EventLog> log_;
};

struct Outcome {
  std::vector<Range> ranges;
  bool exact;
  uint32_t round_trips;
  size_t bytes;
};

Outcome Compare(Copy& own, Copy& other, uint64_t size, uint64_t max_tiles = ~uint64_t{0}) {
  Comparison comparison(own.log(), size, max_tiles);
  size_t bytes = 0;
  while (true) {
    auto request = *comparison.Next();
    if (!request.has_value()) break;
    auto response = *AnswerNodes(other.log(), *request);
    bytes += request->ByteSizeLong() + response.ByteSizeLong();
    EXPECT_TRUE(comparison.OnNodes(response).ok());
  }
  return {comparison.ranges(), comparison.exact(), comparison.round_trips(), bytes};
}

TEST(Comparison, EveryDifferingRangeIsFoundAndNothingElse) {
  for (uint64_t size : {1u, 2u, 255u, 256u, 257u, 4095u, 65536u, 70001u}) {
    for (const std::set<uint64_t>& changed : std::vector<std::set<uint64_t>>{
             {}, {0}, {size - 1}, {0, size / 2, size - 1}, {size / 3, size / 3 + 1, size / 5}}) {
      Copy own(size, {}), other(size, changed);
      std::vector<Range> expected;
      for (uint64_t at : changed) {
        if (at >= size) continue;
        if (!expected.empty() && expected.back().end == at) {
          expected.back().end = at + 1;
        } else {
          expected.push_back({at, at + 1});
        }
      }
      const Outcome outcome = Compare(own, other, size);
      EXPECT_EQ(outcome.ranges, expected) << size;
      EXPECT_TRUE(outcome.exact);
    }
  }
}

TEST(Comparison, AForkIsOneRangeToTheEndOfTheSmallerSize) {
  std::set<uint64_t> suffix;
  for (uint64_t i = 3000; i < 5000; ++i) suffix.insert(i);
  Copy own(5000, {}), other(4500, suffix);
  EXPECT_EQ(Compare(own, other, 4500).ranges, (std::vector<Range>{{3000, 4500}}));
}

TEST(Comparison, WithABoundOnTilesTheRestIsToldCoarselyAndNothingIsMissed) {
  std::set<uint64_t> changed;
  for (uint64_t i = 0; i < 200; ++i) changed.insert(i * 300);
  Copy own(65'000, {}), other(65'000, changed);
  const Outcome outcome = Compare(own, other, 65'000, 20);
  EXPECT_FALSE(outcome.exact);
  for (uint64_t at : changed) {
    bool covered = false;
    for (const Range& range : outcome.ranges) {
      covered = covered || (range.first <= at && at < range.end);
    }
    EXPECT_TRUE(covered) << at;
  }
}

TEST(Comparison, OneDifferenceAmongManyTakesThreeRoundTripsAndFewBytes) {
  Copy own(200'000, {}), other(200'000, {123'456});
  const Outcome outcome = Compare(own, other, 200'000);
  EXPECT_EQ(outcome.ranges, (std::vector<Range>{{123'456, 123'457}}));
  EXPECT_LE(outcome.round_trips, 3u);
  EXPECT_LT(outcome.bytes, 48u << 10);
}

TEST(Comparison, AnAnswerOfTheWrongLengthEndsIt) {
  Copy own(10, {}), other(10, {3});
  Comparison comparison(own.log(), 10);
  auto response = *AnswerNodes(other.log(), **comparison.Next());
  response.mutable_hashes()->pop_back();
  EXPECT_EQ(comparison.OnNodes(response).code(), absl::StatusCode::kAborted);
}

TEST(Comparison, AQuestionForNodesThatAreNotThereIsRefused) {
  Copy own(10, {});
  struct Case {
    uint32_t level;
    uint64_t first;
    uint32_t count;
  };
  for (const Case& c : std::vector<Case>{
           {0, 5, 6}, {0, 11, 1}, {1, 0, 1}, {200, 0, 1}, {0, 0, 257}, {0, ~uint64_t{0}, 2}}) {
    v1::NodesRequest request;
    v1::NodeRange& range = *request.add_ranges();
    range.set_level(c.level);
    range.set_first(c.first);
    range.set_count(c.count);
    EXPECT_EQ(AnswerNodes(own.log(), request).status().code(), absl::StatusCode::kInvalidArgument)
        << c.level << " " << c.first;
  }
}

}  // namespace
}  // namespace chargeledger::log::replication
