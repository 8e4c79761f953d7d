#include "tools/chargesim/csv_replay.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace chargeledger::chargesim {
namespace {

constexpr char kHeader[] =
    "Session,CCS,Arrival,Departure,Stay (min),Energy (Wh),Pmax (W),\"Controlled (0, 1)\",SOC "
    "arrival,SOC departure\n";

TEST(ParseSessionsCsv, FractionsOfAWattHourAreCarriedSoThatAllAddUp) {
  auto sessions =
      ParseSessionsCsv(std::string(kHeader) +
                       "2,A,2022-01-01 10:00:00,2022-01-01 10:04:00,5,1000.4,50000,1,20.6,30\n"
                       "1,A,2022-01-01 09:00:00,2022-01-01 09:04:00,5,1000.4,50000,1,20,30\n"
                       "3,B,2022-01-01 11:00:00,2022-01-01 11:04:00,5,1000.4,50000,1,20,30\n");
  ASSERT_TRUE(sessions.ok()) << sessions.status();
  ASSERT_EQ(sessions->size(), 3u);
  EXPECT_LT((*sessions)[0].arrival_us, (*sessions)[1].arrival_us);
  EXPECT_EQ((*sessions)[0].energy_wh, 1000);
  EXPECT_EQ((*sessions)[1].energy_wh, 1001);
  EXPECT_EQ((*sessions)[2].energy_wh, 1000);
  EXPECT_EQ((*sessions)[1].soc_arrival, 21);
  EXPECT_EQ((*sessions)[2].plug, "B");
}

TEST(ParseSessionsCsv, WhatCannotBeReadIsNamedByLineAndColumn) {
  const auto error = [](const std::string& text) {
    return std::string(ParseSessionsCsv(text).status().message());
  };
  EXPECT_EQ(error("CCS,Arrival\nA,2022-01-01 10:00:00\n"),
            "line 2: \"Stay (min)\" is not among the columns of the first line");
  EXPECT_EQ(error(std::string(kHeader) + "1,A,noon,x,5,1,1,1,1,1\n"),
            "line 2: \"Arrival\" is \"noon\"; it must be as 2022-08-11 23:33:00");
  EXPECT_EQ(error(std::string(kHeader) + "1,A,2022-01-01 10:00:00,x,5,-3,1,1,1,1\n"),
            "line 2: \"Energy (Wh)\" is \"-3\"; it must be a number, not negative");
  EXPECT_EQ(error(kHeader), "the file has no sessions");
}

TEST(CsvReplay, SaysEachSessionInOrderAndEndsWhenTheLastIsAnswered) {
  for (auto protocol : {CsvReplay::Protocol::k16, CsvReplay::Protocol::k201}) {
    auto sessions =
        ParseSessionsCsv(std::string(kHeader) +
                         "1,A,2022-01-01 09:00:00,2022-01-01 09:04:00,5,1000,50000,1,20,30\n"
                         "2,A,2022-01-01 10:00:00,2022-01-01 10:01:00,2,500,50000,1,20,30\n");
    CsvReplay replay("EPFL-A", protocol, *sessions, 60, 1'700'000'000'000'000);
    replay.OnConnected();
    int frames = 0;
    while (auto frame = replay.NextFrame()) {
      ++frames;
      const auto message = nlohmann::json::parse(*frame);
      replay.OnMessage(
          nlohmann::json::array({3, message[1], {{"transactionId", 100 + frames}}}).dump());
    }
    EXPECT_TRUE(replay.Settled());
    // A start and a stop each, and a value at every full minute between.
    EXPECT_EQ(frames, 2 + 4 + 2 + 1);
    ASSERT_EQ(replay.transactions().size(), 2u);
    EXPECT_EQ(replay.transactions()[1].meter_stop_wh, 1500);
    EXPECT_TRUE(replay.transactions()[1].settled);
    EXPECT_EQ(replay.transactions()[1].stopped_at_us, 1'700'000'000'000'000 - 60'000'000);
  }
}

}  // namespace
}  // namespace chargeledger::chargesim
