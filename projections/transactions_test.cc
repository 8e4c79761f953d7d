#include "projections/transactions.h"

#include <gtest/gtest.h>

#include <string>

#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"

namespace chargeledger::projections {
namespace {

constexpr char kCredible[] = "2026-03-01T12:00:00Z";
constexpr char kStuck[] = "1970-01-01T00:00:00Z";

// The id that a start would be given after a conversation.
int64_t IdAfter(const Conversation& conversation, int connector, const std::string& meter_start,
                const std::string& time) {
  log::MemoryStore store;
  Transactions fold;
  EXPECT_TRUE(Folder(store, fold, 3).Fold(conversation.log(), "north").ok());
  StagedState state(store, StatePrefix(conversation.log().log_id(), 0));
  ocpp::v16::StartTransactionReq start;
  start.connector_id = connector;
  start.id_tag = "TAG";
  start.meter_start = meter_start;
  start.timestamp = time;
  return Transactions::IdFor(state, "CP1", start);
}

TEST(Transactions, IdsGoUpAndAStartSentAgainHasTheIdItWasGiven) {
  Conversation c;
  c.Connect("CP1");
  EXPECT_EQ(IdAfter(c, 1, "0", kCredible), 1);
  c.Start(1, 1, 0, kCredible);
  EXPECT_EQ(IdAfter(c, 1, "0", kCredible), 1);
  EXPECT_EQ(IdAfter(c, 2, "0", kCredible), 2);
  EXPECT_EQ(IdAfter(c, 1, "10", kCredible), 2);
  c.Start(2, 2, 0, kCredible);
  c.Stop(1, 50, "2026-03-01T12:10:00Z");
  EXPECT_EQ(IdAfter(c, 1, "0", kCredible), 1) << "a believable time tells transactions apart";
  EXPECT_EQ(IdAfter(c, 1, "50", "2026-03-01T12:11:00Z"), 3);
}

TEST(Transactions, WithAClockThatStandsStillAnIdThatWasUsedIsNotGivenAgain) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 1, 0, kStuck);
  EXPECT_EQ(IdAfter(c, 1, "0", kStuck), 1) << "the answer may have been lost";
  c.Meter(1, 100, kStuck);
  EXPECT_EQ(IdAfter(c, 1, "0", kStuck), 2) << "the charge point had the answer";
  c.Start(1, 2, 0, kStuck);
  EXPECT_EQ(IdAfter(c, 1, "0", kStuck), 2);
  c.Stop(2, 100, kStuck);
  EXPECT_EQ(IdAfter(c, 1, "0", kStuck), 3);
}

}  // namespace
}  // namespace chargeledger::projections
