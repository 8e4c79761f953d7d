#include "edge-agent/central_system/central_system.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "edge-agent/central_system/transaction_memory.h"
#include "log/memory_store.h"
#include "log/recorder.h"

namespace chargeledger::edge_agent {
namespace {

using nlohmann::json;

constexpr int64_t kNow = 1'772'366'400'000'000;  // 2026-03-01T12:00:00Z

class CentralSystemTest : public testing::Test {
 protected:
  // The answer's JSON, null if there is none.
  json Send(const std::string& frame, const std::string& charge_point = "CP1",
            v1::Subprotocol subprotocol = v1::SUBPROTOCOL_OCPP1_6) {
    const Peer peer{charge_point, 5, subprotocol};
    last_ = system_.OnFrame(peer, frame, false, kNow);
    return last_.answer.has_value() ? json::parse(*last_.answer) : json();
  }
  json Call(const std::string& action, const json& payload, const std::string& cp = "CP1") {
    return Send(json::array({2, "id-" + std::to_string(next_++), action, payload}).dump(), cp);
  }
  int64_t Start(int connector, const std::string& time, int meter, const std::string& cp = "CP1") {
    return Call(
        "StartTransaction",
        {{"connectorId", connector}, {"idTag", "T"}, {"meterStart", meter}, {"timestamp", time}},
        cp)[2]["transactionId"];
  }

  log::MemoryStore store_;
  TransactionMemory memory_{store_, core::LogId()};
  CentralSystem system_{memory_, 300};
  Handled last_;
  int next_ = 0;
};

TEST_F(CentralSystemTest, AnErrorHasTheNameThatThePeersProtocolGivesIt) {
  struct Case {
    std::string frame;
    std::string id, in16, in201;
  };
  const Case cases[] = {
      {"nonsense", "-1", "FormationViolation", "RpcFrameworkError"},
      {R"([2,"a","Heartbeat",1])", "a", "FormationViolation", "FormatViolation"},
      {R"([2,"b","Unheard",{}])", "b", "NotImplemented", "NotImplemented"},
      // The number fits no type, but the CALL has an id.
      {R"( [ 2 , "c" ,"MeterValues",{"connectorId":99999999999999999999999999}])", "c",
       "FormationViolation", "FormatViolation"},
      {R"([2,"d","MeterValues",{"connectorId":1e999}])", "d", "FormationViolation",
       "FormatViolation"},
  };
  for (const Case& test : cases) {
    const json in16 = Send(test.frame);
    EXPECT_EQ(in16[1], test.id) << test.frame;
    EXPECT_EQ(in16[2], test.in16) << test.frame;
    const json in201 = Send(test.frame, "CP1", v1::SUBPROTOCOL_OCPP2_0_1);
    EXPECT_EQ(in201[1], test.id) << test.frame;
    EXPECT_EQ(in201[2], test.in201) << test.frame;
  }
}

TEST_F(CentralSystemTest, EveryMessageOfAChargePointIsAnsweredAsTheStandardSays) {
  const std::vector<std::pair<std::string, std::pair<json, json>>> cases = {
      {"BootNotification",
       {{{"chargePointVendor", "v"}, {"chargePointModel", "m"}},
        {{"currentTime", "2026-03-01T12:00:00.000Z"}, {"interval", 300}, {"status", "Accepted"}}}},
      {"Heartbeat", {json::object(), {{"currentTime", "2026-03-01T12:00:00.000Z"}}}},
      {"Authorize", {{{"idTag", "T"}}, {{"idTagInfo", {{"status", "Accepted"}}}}}},
      {"MeterValues", {{{"connectorId", 1}, {"meterValue", json::array()}}, json::object()}},
      {"StatusNotification",
       {{{"connectorId", 0}, {"status", "Available"}, {"errorCode", "NoError"}}, json::object()}},
      {"DataTransfer", {{{"vendorId", "v"}}, {{"status", "UnknownVendorId"}}}},
      {"FirmwareStatusNotification", {{{"status", "Idle"}}, json::object()}},
      {"DiagnosticsStatusNotification", {{{"status", "Idle"}}, json::object()}},
      {"SecurityEventNotification", {{{"type", "t"}, {"timestamp", "t"}}, json::object()}},
  };
  for (const auto& [action, exchange] : cases) {
    const json answer = Call(action, exchange.first);
    EXPECT_EQ(answer[0], 3) << action;
    EXPECT_EQ(answer[2], exchange.second) << action;
    ASSERT_EQ(last_.entries.size(), 2u) << action;
    EXPECT_EQ(last_.entries[0].frame_recorded().direction(), v1::DIRECTION_RECEIVED);
    EXPECT_EQ(last_.entries[1].frame_recorded().payload(), *last_.answer);
  }
}

TEST_F(CentralSystemTest, AStartSentAgainGetsTheIdItWasGivenWhateverItsMessageId) {
  const int64_t first = Start(1, "2026-03-01T12:00:00Z", 10);
  EXPECT_EQ(Start(1, "2026-03-01T12:00:00Z", 10), first);
  EXPECT_NE(Start(2, "2026-03-01T12:00:00Z", 10), first);
  EXPECT_NE(Start(1, "2026-03-01T12:00:00Z", 10, "CP2"), first);
  EXPECT_NE(Start(1, "2026-03-01T12:30:00Z", 10), first);
}

TEST_F(CentralSystemTest, WhileNewTransactionsAreRefusedWhatHasBegunIsTakenAsEver) {
  const int64_t begun = Start(1, "2026-03-01T12:00:00Z", 10);
  system_.RefuseNewTransactions(true);
  EXPECT_EQ(Call("Authorize", {{"idTag", "T"}})[2]["idTagInfo"]["status"], "Blocked");
  const json start = Call("StartTransaction", {{"connectorId", 2},
                                               {"idTag", "T"},
                                               {"meterStart", 0},
                                               {"timestamp", "2026-03-01T12:00:00Z"}});
  EXPECT_EQ(start[2]["idTagInfo"]["status"], "Blocked");
  EXPECT_NE(start[2]["transactionId"], begun);
  EXPECT_EQ(
      Call("StopTransaction",
           {{"transactionId", begun}, {"meterStop", 1}, {"timestamp", "2026-03-01T12:30:00Z"}})[0],
      3);
  system_.RefuseNewTransactions(false);
  EXPECT_EQ(Call("Authorize", {{"idTag", "T"}})[2]["idTagInfo"]["status"], "Accepted");
}

TEST_F(CentralSystemTest, AStopOfAnUnknownTransactionIsAcceptedSoThatItIsNotRepeated) {
  for (const json& payload : std::vector<json>{
           {{"transactionId", 4711}, {"meterStop", 1}, {"timestamp", "2026-03-01T12:00:00Z"}},
           {{"transactionId", "none"}},
           json::object()}) {
    EXPECT_EQ(Call("StopTransaction", payload)[0], 3) << payload;
    EXPECT_EQ(last_.entries.size(), 2u);
  }
}

TEST_F(CentralSystemTest, WhatIsNoCallIsRecordedAndNeverAnswered) {
  for (const std::string frame :
       {"", "[3,\"x\",{}]", "[3,\"x\"]", "[4,\"x\",\"GenericError\",\"\",{}]",
        "[4,\"-1\",\"FormationViolation\",\"\",{}]", "[7,\"x\",{}]"}) {
    EXPECT_TRUE(Send(frame).is_null()) << frame;
    EXPECT_EQ(last_.entries.size(), 1u) << frame;
  }
}

TEST_F(CentralSystemTest, WhatCannotBeReadGetsTheRightCallError) {
  struct Case {
    std::string frame;
    std::string id;
    std::string code;
  };
  for (const Case& c :
       std::vector<Case>{{"not json", "-1", "FormationViolation"},
                         {"[2,\"7\",\"Heartbeat\"]", "7", "FormationViolation"},
                         {"[2,\"7\",\"Teleport\",{}]", "7", "NotImplemented"},
                         {"[2,\"7\",\"Authorize\",{}]", "7", "OccurenceConstraintViolation"},
                         {"[2,\"7\",\"StartTransaction\",{\"connectorId\":\"x\"}]", "7",
                          "OccurenceConstraintViolation"},
                         {"[2,\"7\",\"StatusNotification\",{\"connectorId\":1}]", "7",
                          "OccurenceConstraintViolation"}}) {
    const json answer = Send(c.frame);
    EXPECT_EQ(answer[0], 4) << c.frame;
    EXPECT_EQ(answer[1], c.id) << c.frame;
    EXPECT_EQ(answer[2], c.code) << c.frame;
    EXPECT_EQ(last_.entries[0].frame_recorded().payload(), c.frame);
  }
}

TEST_F(CentralSystemTest, AFrameTooLargeForOneEntryIsRecordedInPartsThatMakeItWhole) {
  const std::string frame =
      json::array(
          {2, "7", "DataTransfer", {{"vendorId", "v"}, {"data", std::string(200'000, 'd')}}})
          .dump();
  EXPECT_EQ(Send(frame)[0], 3);
  ASSERT_EQ(last_.entries.size(), 5u);
  std::string whole;
  for (uint32_t part = 0; part < 4; ++part) {
    const v1::FrameRecorded& recorded = last_.entries[part].frame_recorded();
    EXPECT_EQ(recorded.part_index(), part);
    EXPECT_EQ(recorded.part_count(), 4u);
    EXPECT_LE(last_.entries[part].ByteSizeLong(), log::kMaxEventBytes);
    whole += recorded.payload();
  }
  EXPECT_EQ(whole, frame);
}

TEST_F(CentralSystemTest, WhatWasDecidedIsForgottenOnlyOnceTheLogIsFoldedThatFar) {
  memory_.SetNext(core::Sequence(10));
  const int64_t id = Start(1, "2026-03-01T12:00:00Z", 10);
  memory_.Forget(core::Sequence(10));
  EXPECT_GT(memory_.size(), 0u);
  EXPECT_EQ(Start(1, "2026-03-01T12:00:00Z", 10), id);
  memory_.Forget(core::Sequence(11));
  EXPECT_EQ(memory_.size(), 0u);
}

}  // namespace
}  // namespace chargeledger::edge_agent
