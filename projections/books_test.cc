#include "projections/books.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"
#include "projections/testing/tariffs.h"

namespace chargeledger::projections {
namespace {

// The state of all four projections after a conversation.
class Folded {
 public:
  explicit Folded(Conversation& conversation) : log_id_(conversation.log().log_id()) {
    // Last, so that the conversation's entries keep their numbers.
    KnowTariff(FlatTariff(), conversation);
    Books books;
    auto position = Folder(store_, books).Fold(conversation.log(), "north");
    EXPECT_TRUE(position.ok()) << position.status();
    EXPECT_EQ(position->size(), conversation.log().head().size);
  }

  template <typename Message>
  std::vector<Message> All(size_t part, char kind) const {
    std::vector<Message> all;
    const std::string prefix = StatePrefix(log_id_, part) + kind;
    EXPECT_TRUE(store_
                    .Scan(prefix, log::AfterPrefix(prefix),
                          [&](absl::string_view, absl::string_view value) {
                            EXPECT_TRUE(
                                all.emplace_back().ParseFromArray(value.data(), value.size()));
                            return true;
                          })
                    .ok());
    return all;
  }
  std::vector<v1::Session> sessions() const {
    return All<v1::Session>(Books::kSessions, kSessionKind);
  }
  std::vector<v1::Cdr> cdrs() const { return All<v1::Cdr>(Books::kBilling, kCdrKind); }
  std::vector<v1::Station> stations() const {
    return All<v1::Station>(Books::kStations, kStationKind);
  }
  std::vector<v1::Connector> connectors() const {
    return All<v1::Connector>(Books::kStations, kConnectorKind);
  }
  std::vector<v1::Fault> faults() const { return All<v1::Fault>(Books::kFaults, kFaultKind); }

 private:
  log::MemoryStore store_;
  core::LogId log_id_;
};

bool Has(const v1::Session& session, v1::SessionFlag flag) {
  return std::find(session.flags().begin(), session.flags().end(), flag) != session.flags().end();
}

TEST(Books, AWholeTransactionIsOneClosedSessionAndOneCdr) {
  Conversation c;
  c.Connect("CP1");
  c.Start(2, 7, 1000, "2026-03-01T12:00:00Z");
  c.Meter(7, 6000, "2026-03-01T12:10:00Z");
  c.Stop(7, 11500, "2026-03-01T12:30:00Z");
  const Folded folded(c);
  ASSERT_EQ(folded.sessions().size(), 1u);
  const v1::Session session = folded.sessions()[0];
  EXPECT_EQ(session.id(), "a1b2c3d4e5f6-1-1");
  EXPECT_EQ(session.state(), v1::SESSION_STATE_CLOSED);
  EXPECT_EQ(session.connector_id(), 2u);
  EXPECT_EQ(session.energy_mwh(), 10'500'000);
  EXPECT_EQ(session.max_power_mw(), 11'000'000);
  EXPECT_EQ(session.stop_reason(), "EVDisconnected");
  EXPECT_EQ(session.stopped_at_us() - session.started_at_us(), 1800 * int64_t{1'000'000});
  EXPECT_EQ(session.flags_size(), 0);
  ASSERT_EQ(folded.cdrs().size(), 1u);
  // 10.5 kWh at 0.45 is 4.725, so 4.73; the fee is 0.35.
  EXPECT_EQ(folded.cdrs()[0].total_energy_cost().incl_vat_e4(), 47'300);
  EXPECT_EQ(folded.cdrs()[0].total_cost().incl_vat_e4(), 50'800);
  EXPECT_EQ(folded.cdrs()[0].session_id(), session.id());
}

TEST(Books, AStartSentAgainIsTheSameSession) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
  c.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
  c.Stop(7, 2000, "2026-03-01T12:30:00Z");
  c.Stop(7, 2000, "2026-03-01T12:30:00Z");
  const Folded folded(c);
  ASSERT_EQ(folded.sessions().size(), 1u);
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_DUPLICATE_START));
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_DUPLICATE_STOP));
  EXPECT_FALSE(Has(folded.sessions()[0], v1::SESSION_FLAG_CONFLICTING_STOP));
  EXPECT_EQ(folded.cdrs().size(), 1u);
}

TEST(Books, AStopOfAnUnknownTransactionIsASessionWithoutEnergyThatIsHeldAndNotBilled) {
  Conversation c;
  c.Connect("CP1");
  c.Stop(99, 500'000, "2026-03-01T12:30:00Z");
  c.Stop(99, 500'000, "2026-03-01T12:30:00Z");
  c.Stop(99, 900'000, "2026-03-01T14:30:00Z");
  const Folded folded(c);
  ASSERT_EQ(folded.sessions().size(), 2u);
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_MISSING_START));
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_DUPLICATE_STOP));
  EXPECT_EQ(folded.sessions()[1].energy_mwh(), 0);
  EXPECT_TRUE(folded.sessions()[0].held());
  EXPECT_TRUE(folded.sessions()[1].held());
  EXPECT_TRUE(folded.cdrs().empty());
}

TEST(Books, ASecondStopWithOtherNumbersChangesNothingButIsFlagged) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 7, 0, "2026-03-01T12:00:00Z");
  c.Stop(7, 2000, "2026-03-01T12:30:00Z");
  c.Stop(7, 9000, "2026-03-01T12:30:00Z");
  const Folded folded(c);
  EXPECT_EQ(folded.sessions()[0].energy_mwh(), 2'000'000);
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_CONFLICTING_STOP));
}

TEST(Books, ANewTransactionOnTheConnectorEndsTheOneThatNeverStopped) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 7, 0, "2026-03-01T12:00:00Z");
  c.Start(2, 8, 0, "2026-03-01T12:01:00Z");
  c.Start(1, 9, 0, "2026-03-01T13:00:00Z");
  const Folded folded(c);
  ASSERT_EQ(folded.sessions().size(), 3u);
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_MISSING_STOP));
  EXPECT_EQ(folded.sessions()[0].state(), v1::SESSION_STATE_CLOSED);
  EXPECT_EQ(folded.sessions()[0].end(), v1::SESSION_END_NEXT_START);
  EXPECT_TRUE(folded.sessions()[0].held());
  EXPECT_EQ(folded.sessions()[1].flags_size(), 0);
  EXPECT_TRUE(folded.cdrs().empty());
}

TEST(Books, AnOpenSessionShowsTheEnergySoFarAndALateSampleDoesNotMoveItBack) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
  c.Meter(7, 6000, "2026-03-01T12:10:00Z");
  c.Meter(7, 3000, "2026-03-01T12:05:00Z");
  const Folded folded(c);
  EXPECT_EQ(folded.sessions()[0].energy_mwh(), 5'000'000);
  EXPECT_EQ(folded.sessions()[0].meter_value_count(), 2u);
}

TEST(Books, ARegisterThatWentBackIsFlaggedAndNotBilled) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 7, 9000, "2026-03-01T12:00:00Z");
  c.Stop(7, 5000, "2026-03-01T12:30:00Z");
  const Folded folded(c);
  EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_REGISTER_BACKWARD));
  EXPECT_EQ(folded.sessions()[0].energy_mwh(), 0);
  EXPECT_TRUE(folded.sessions()[0].held());
  EXPECT_TRUE(folded.cdrs().empty());
}

TEST(Books, NumbersBeyondAnyMeterAreFlaggedAndOverflowNothing) {
  for (const std::string value :
       {"9223372036854775807", "-9223372036854775808", "1e300", "\"x\""}) {
    Conversation c;
    c.Connect("CP1");
    c.Call("StartTransaction",
           R"({"connectorId":1,"idTag":"T","meterStart":-1,"timestamp":"2026-03-01T12:00:00Z"})",
           R"({"transactionId":1})");
    c.Call("MeterValues",
           R"({"transactionId":1,"meterValue":[{"sampledValue":[{"value":)" + value +
               R"(},{"measurand":"SoC","value":)" + value +
               R"(},{"measurand":"Power.Active.Import","value":)" + value + "}]}]}",
           "{}");
    c.Call("StopTransaction",
           R"({"transactionId":1,"timestamp":"never","meterStop":)" + value + "}", "{}");
    const Folded folded(c);
    EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_UNREADABLE_METER_VALUE)) << value;
    EXPECT_TRUE(Has(folded.sessions()[0], v1::SESSION_FLAG_TIME_IMPLAUSIBLE)) << value;
    EXPECT_EQ(folded.sessions()[0].energy_mwh(), 0) << value;
    EXPECT_TRUE(folded.cdrs().empty()) << value;
  }
}

TEST(Books, StationsShowWhoTheyAreAndWhetherTheyAreConnected) {
  Conversation c;
  c.Connect("CP1");
  c.Call("BootNotification",
         R"({"chargePointVendor":"Volt","chargePointModel":"M1","firmwareVersion":"1.2"})", "{}");
  c.Status(1, "Charging");
  c.Status(1, "Parked");
  Folded folded(c);
  ASSERT_EQ(folded.stations().size(), 1u);
  EXPECT_EQ(folded.stations()[0].vendor(), "Volt");
  EXPECT_TRUE(folded.stations()[0].connected());
  EXPECT_EQ(folded.stations()[0].frames_received(), 3u);
  ASSERT_EQ(folded.connectors().size(), 1u);
  EXPECT_EQ(folded.connectors()[0].state(), v1::CONNECTOR_STATE_UNKNOWN);
  EXPECT_EQ(folded.connectors()[0].raw_status(), "Parked");
  v1::Entry opened;
  opened.mutable_log_opened();
  c.Record(opened);
  EXPECT_FALSE(Folded(c).stations()[0].connected());
}

TEST(Books, TheLateCloseOfAReplacedConnectionDoesNotDisturbTheNewOne) {
  Conversation c;
  c.Connect("CP1");
  v1::Entry late;
  late.mutable_connection_closed()->set_charge_point_id("CP1");
  late.mutable_connection_closed()->set_connection(0);
  late.mutable_connection_closed()->set_reason(v1::ConnectionClosed::REASON_REPLACED);
  c.Connect("CP1");
  c.Record(late);
  EXPECT_TRUE(Folded(c).stations()[0].connected());
  c.Disconnect(v1::ConnectionClosed::REASON_LOST);
  EXPECT_FALSE(Folded(c).stations()[0].connected());
}

TEST(Books, AConnectorFaultLastsUntilAnotherCodeIsReported) {
  Conversation c;
  c.Connect("CP1");
  c.Status(1, "Faulted", "GroundFailure");
  c.Status(1, "Faulted", "GroundFailure");
  c.Status(2, "Available");
  Folded during(c);
  ASSERT_EQ(during.faults().size(), 1u);
  EXPECT_TRUE(during.faults()[0].active());
  EXPECT_EQ(during.faults()[0].repeats(), 1u);
  c.Status(1, "Available");
  Folded after(c);
  EXPECT_FALSE(after.faults()[0].active());
  EXPECT_GT(after.faults()[0].ended_at_us(), after.faults()[0].began_at_us());
}

TEST(Books, ALongTextInAnyScriptIsCutWithoutBreakingItsCharacters) {
  std::string info;
  for (int i = 0; i < 200; ++i) info += "\u20ac";
  for (const std::string pad : {"", "x", "xx"}) {
    Conversation c;
    c.Connect("CP1");
    c.Call("StatusNotification",
           R"({"connectorId":1,"status":"Faulted","errorCode":"OtherError","info":")" + pad + info +
               "\"}",
           "{}");
    ASSERT_EQ(Folded(c).faults().size(), 1u);
    EXPECT_GE(Folded(c).faults()[0].detail().size(), 252u);
  }
}

TEST(Books, WhatIsNoOcppIsAFaultOfItsChargePoint) {
  Conversation c;
  c.Connect("CP1");
  c.Received("not json");
  c.Sent(R"([4,"-1","FormationViolation","not JSON",{}])");
  c.Received(R"([2,"x","Teleport",{}])");
  c.Sent(R"([4,"x","NotImplemented","Teleport",{}])");
  c.Call("FirmwareStatusNotification", R"({"status":"InstallationFailed"})", "{}");
  c.Call("SecurityEventNotification", R"({"type":"TamperDetectionActivated","timestamp":"t"})",
         "{}");
  c.Disconnect(v1::ConnectionClosed::REASON_LOST);
  std::map<std::string, int> codes;
  for (const v1::Fault& fault : Folded(c).faults()) ++codes[fault.code()];
  EXPECT_EQ(codes, (std::map<std::string, int>{{"FormationViolation", 1},
                                               {"NotImplemented", 1},
                                               {"InstallationFailed", 1},
                                               {"TamperDetectionActivated", 1},
                                               {"ConnectionLost", 1}}));
}

TEST(Books, AFrameInPartsIsReadAsOne) {
  Conversation c;
  c.Connect("CP1");
  c.ReceivedInParts(
      R"([2,"m","StartTransaction",{"connectorId":1,"idTag":"T","meterStart":5,"timestamp":"2026-03-01T12:00:00Z"}])",
      3);
  c.Sent(R"([3,"m",{"transactionId":1}])");
  const Folded folded(c);
  ASSERT_EQ(folded.sessions().size(), 1u);
  EXPECT_EQ(folded.sessions()[0].start_sequence(), 1u);
}

}  // namespace
}  // namespace chargeledger::projections
