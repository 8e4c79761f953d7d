#include "tools/chargesim/charge_point.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace chargeledger::chargesim {
namespace {

using nlohmann::json;

constexpr int64_t kStart = 1'772'366'400'000'000;
constexpr int64_t kMinute = 60'000'000;

Behaviour Busy() {
  Behaviour behaviour;
  behaviour.arrivals_per_hour = 20;
  behaviour.drops_per_hour = 0;
  return behaviour;
}

// A central system that answers everything.
std::string AnswerTo(const std::string& frame, int64_t& next_id) {
  const json call = json::parse(frame);
  json payload = json::object();
  if (call[2] == "StartTransaction") payload["transactionId"] = next_id++;
  if (call[2] == "BootNotification") payload["interval"] = 600;
  return json::array({3, call[1], payload}).dump();
}

// Everything said in `minutes`, with every call answered at once.
std::vector<std::string> Live(ChargePoint& point, int minutes) {
  std::vector<std::string> frames;
  int64_t next_id = 1;
  for (int minute = 0; minute <= minutes; ++minute) {
    point.Advance(kStart + minute * kMinute);
    while (auto frame = point.NextFrame()) {
      frames.push_back(*frame);
      point.OnMessage(AnswerTo(*frame, next_id));
    }
  }
  return frames;
}

TEST(ChargePoint, TheSameSeedSaysTheSameAndAnotherSeedDoesNot) {
  std::vector<std::vector<std::string>> runs;
  for (uint64_t seed : {1, 1, 2}) {
    ChargePoint point("CP", 0, seed, Busy(), kStart);
    point.OnConnected();
    runs.push_back(Live(point, 300));
  }
  EXPECT_GT(runs[0].size(), 100u);
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST(ChargePoint, TransactionsEndAtTheRegisterThatTheirStopTellsAndNeverGoBack) {
  for (int profile = 0; profile < 5; ++profile) {
    ChargePoint point("CP", profile, 3, Busy(), kStart);
    point.OnConnected();
    std::map<int64_t, int64_t> stops;
    for (const std::string& frame : Live(point, 600)) {
      const json call = json::parse(frame);
      if (call[2] == "StopTransaction") stops[call[3]["transactionId"]] = call[3]["meterStop"];
    }
    EXPECT_GT(stops.size(), 3u);
    for (const Transaction& transaction : point.transactions()) {
      if (!transaction.settled) continue;
      EXPECT_EQ(stops.at(transaction.transaction_id), transaction.meter_stop_wh);
      EXPECT_GE(transaction.meter_stop_wh, transaction.meter_start_wh);
    }
  }
}

TEST(ChargePoint, AStartWhoseAnswerWasLostIsSentAgainWithTheSameContentAndANewMessageId) {
  ChargePoint point("CP", 0, 5, Busy(), kStart);
  point.OnConnected();
  json first;
  int64_t next_id = 1;
  for (int minute = 0; first.is_null(); ++minute) {
    ASSERT_LT(minute, 1000);
    point.Advance(kStart + minute * kMinute);
    while (auto frame = point.NextFrame()) {
      if (json::parse(*frame)[2] == "StartTransaction") {
        first = json::parse(*frame);
        break;
      }
      point.OnMessage(AnswerTo(*frame, next_id));
    }
  }
  point.OnDisconnected();
  EXPECT_FALSE(point.NextFrame().has_value());
  point.OnConnected();
  const json again = json::parse(*point.NextFrame());
  EXPECT_EQ(again[2], "StartTransaction");
  EXPECT_EQ(again[3], first[3]);
  EXPECT_NE(again[1], first[1]);
}

TEST(ChargePoint, WhatIsQueuedOfflineIsBoundedAndStopsAreNotLost) {
  ChargePoint point("CP", 0, 7, Busy(), kStart);
  point.OnConnected();
  int64_t next_id = 1;
  while (auto frame = point.NextFrame()) point.OnMessage(AnswerTo(*frame, next_id));
  point.OnDisconnected();
  point.Advance(kStart + 24 * 60 * kMinute);
  EXPECT_GT(point.lost_messages(), 0u);
  point.OnConnected();
  point.Finish();
  size_t delivered = 0;
  while (auto frame = point.NextFrame()) {
    ++delivered;
    point.OnMessage(AnswerTo(*frame, next_id));
  }
  EXPECT_LE(delivered, Outbox::kMost + 10);
  EXPECT_TRUE(point.Settled());
}

}  // namespace
}  // namespace chargeledger::chargesim
