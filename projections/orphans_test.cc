// What becomes of sessions and bills when a branch of the log was given up and its entries were
// carried over: each is counted once, and what cannot be told apart is flagged.
#include "core/orphans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"
#include "projections/testing/tariffs.h"

namespace chargeledger::projections {
namespace {

// Carries everything that `branch` has into `log`, in parts if the carrier is too small.
void CarryOver(const Conversation& branch, Conversation& log) {
  std::vector<v1::Entry> events;
  ASSERT_TRUE(branch.log()
                  .Read(core::Sequence(0), ~uint64_t{0},
                        [&](core::Sequence sequence, absl::string_view bytes) {
                          core::AppendOrphan(core::Generation(1), sequence, bytes, events);
                          return true;
                        })
                  .ok());
  for (const v1::Entry& event : events) log.Record(event);
}

struct Folded {
  std::vector<v1::Session> sessions;
  std::vector<v1::Cdr> cdrs;
  std::vector<v1::Station> stations;
};

template <typename Message>
std::vector<Message> All(const log::Reader& store, const core::LogId& log_id, size_t part,
                         char kind) {
  std::vector<Message> all;
  const std::string prefix = StatePrefix(log_id, part) + kind;
  EXPECT_TRUE(store
                  .Scan(prefix, log::AfterPrefix(prefix),
                        [&](absl::string_view, absl::string_view value) {
                          all.emplace_back().ParseFromArray(value.data(),
                                                            static_cast<int>(value.size()));
                          return true;
                        })
                  .ok());
  return all;
}

Folded Fold(Conversation& c, uint64_t batch = 4096) {
  KnowTariff(FlatTariff(), c);
  log::MemoryStore store;
  Books books;
  EXPECT_TRUE(Folder(store, books, batch).Fold(c.log(), "north").ok());
  const core::LogId& id = c.log().log_id();
  return {All<v1::Session>(store, id, Books::kSessions, kSessionKind),
          All<v1::Cdr>(store, id, Books::kBilling, kCdrKind),
          All<v1::Station>(store, id, Books::kStations, kStationKind)};
}

bool Conflicts(const v1::Session& session) {
  return std::count(session.flags().begin(), session.flags().end(),
                    v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID) > 0;
}

TEST(Orphans, ASessionThatBothBranchesHaveIsOneAndBilledOnce) {
  // In the other branch the same start was given the same id, or another one.
  for (int id : {7, 12}) {
    Conversation log, branch;
    log.Connect("CP1");
    log.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
    log.Stop(7, 2000, "2026-03-01T12:30:00Z");
    branch.Connect("CP1");
    branch.Start(1, id, 1000, "2026-03-01T12:00:00Z");
    branch.Stop(id, 2000, "2026-03-01T12:30:00Z");
    CarryOver(branch, log);
    const Folded folded = Fold(log);
    ASSERT_EQ(folded.sessions.size(), 1u) << id;
    EXPECT_EQ(folded.sessions[0].energy_mwh(), 1'000'000);
    EXPECT_EQ(folded.cdrs.size(), 1u);
    EXPECT_FALSE(Conflicts(folded.sessions[0]));
  }
}

TEST(Orphans, TwoSessionsThatWereGivenOneIdAreTwoAndBothFlagged) {
  Conversation log, branch;
  log.Connect("CP1");
  KnowTariff(FlatTariff(), log);
  log.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
  log.Stop(7, 2000, "2026-03-01T12:30:00Z");
  branch.Connect("CP1");
  branch.Start(1, 7, 5000, "2026-03-01T15:00:00Z");
  branch.Stop(7, 8000, "2026-03-01T15:30:00Z");
  CarryOver(branch, log);
  const Folded folded = Fold(log);
  ASSERT_EQ(folded.sessions.size(), 2u);
  EXPECT_TRUE(Conflicts(folded.sessions[0]));
  EXPECT_TRUE(Conflicts(folded.sessions[1]));
  EXPECT_EQ(folded.sessions[0].energy_mwh(), 1'000'000);
  EXPECT_EQ(folded.sessions[1].energy_mwh(), 3'000'000);
  // The first was billed before it was known that its id is in doubt; the second is held.
  EXPECT_EQ(folded.cdrs.size(), 1u);
  EXPECT_TRUE(folded.sessions[1].held());
}

TEST(Orphans, AnIdThatIsGivenAgainForAnotherSessionIsNeverMerged) {
  Conversation log;
  log.Connect("CP1");
  KnowTariff(FlatTariff(), log);
  log.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
  log.Stop(7, 2000, "2026-03-01T12:30:00Z");
  // The agent was restored from an old copy.
  log.Start(1, 7, 5000, "2026-03-01T15:00:00Z");
  log.Stop(7, 8000, "2026-03-01T15:30:00Z");
  const Folded folded = Fold(log);
  ASSERT_EQ(folded.sessions.size(), 2u);
  EXPECT_TRUE(Conflicts(folded.sessions[0]));
  EXPECT_TRUE(Conflicts(folded.sessions[1]));
  EXPECT_EQ(folded.sessions[1].energy_mwh(), 3'000'000);
  // The first was billed before it was known that its id is in doubt; the second is held.
  EXPECT_EQ(folded.cdrs.size(), 1u);
  EXPECT_TRUE(folded.sessions[1].held());
}

TEST(Orphans, ASessionOfTheBranchGoesOnAfterIt) {
  Conversation log, branch;
  log.Connect("CP1");
  branch.Connect("CP1");
  branch.Start(1, 3, 1000, "2026-03-01T12:00:00Z");
  CarryOver(branch, log);
  log.Connect("CP1");
  log.Stop(3, 4000, "2026-03-01T12:30:00Z");
  const Folded folded = Fold(log);
  ASSERT_EQ(folded.sessions.size(), 1u);
  EXPECT_EQ(folded.sessions[0].state(), v1::SESSION_STATE_CLOSED);
  EXPECT_EQ(folded.sessions[0].energy_mwh(), 3'000'000);
}

TEST(Orphans, ConnectionsOfTwoBranchesAreNotTakenForEachOther) {
  // Both branches number their connection 0; the close of the one says nothing about the other.
  Conversation log, branch;
  branch.Connect("CP1");
  branch.Disconnect(v1::ConnectionClosed::REASON_LOST);
  log.Connect("CP2");
  log.Connect("CP1");
  std::vector<v1::Entry> events;
  EXPECT_TRUE(branch.log()
                  .Read(core::Sequence(1), 1,
                        [&](core::Sequence sequence, absl::string_view bytes) {
                          v1::Entry closed;
                          closed.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
                          closed.mutable_connection_closed()->set_connection(1);
                          core::AppendOrphan(core::Generation(1), sequence,
                                             closed.SerializeAsString(), events);
                          return true;
                        })
                  .ok());
  log.Record(events[0]);
  for (const v1::Station& station : Fold(log).stations) EXPECT_TRUE(station.connected());
}

TEST(Orphans, WhatIsCarriedOverTwiceIsReadAsWhatItFirstWas) {
  Conversation first, second, third;
  first.Connect("CP1");
  first.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
  first.Stop(7, 1500, "2026-03-01T12:30:00Z");
  CarryOver(first, second);
  CarryOver(second, third);
  const Folded folded = Fold(third);
  ASSERT_EQ(folded.sessions.size(), 1u);
  EXPECT_EQ(folded.sessions[0].energy_mwh(), 500'000);
  EXPECT_EQ(folded.cdrs.size(), 1u);
}

TEST(Orphans, AFrameInPartsInsideOrphansInPartsIsReadWhateverTheBatches) {
  Conversation log, branch;
  log.Connect("CP1");
  branch.Connect("CP1");
  // Larger than one carrier takes.
  branch.Call(
      "StartTransaction",
      absl::StrCat(R"({"connectorId":1,"idTag":"T","meterStart":0,"timestamp":)",
                   R"("2026-03-01T12:00:00Z","padding":")", std::string(63'000, 'x'), "\"}"),
      R"({"transactionId":5,"idTagInfo":{"status":"Accepted"}})");
  CarryOver(branch, log);
  log.Stop(5, 1000, "2026-03-01T12:30:00Z");
  for (uint64_t batch : {1u, 2u, 3u, 4096u}) {
    const Folded folded = Fold(log, batch);
    ASSERT_EQ(folded.sessions.size(), 1u) << batch;
    EXPECT_EQ(folded.sessions[0].energy_mwh(), 1'000'000);
  }
}

TEST(Orphans, EntriesOfAnotherLogThatAreKeptAsideAreNoEvents) {
  Conversation log, branch;
  branch.Connect("CP1");
  branch.Start(1, 3, 1000, "2026-03-01T12:00:00Z");
  std::vector<v1::Entry> events;
  EXPECT_TRUE(branch.log()
                  .Read(core::Sequence(0), 10,
                        [&](core::Sequence sequence, absl::string_view bytes) {
                          core::AppendOrphan(core::Generation(1), sequence, bytes, events);
                          events.back().mutable_orphaned_entry()->set_log_id("another log id..");
                          return true;
                        })
                  .ok());
  for (const v1::Entry& event : events) log.Record(event);
  EXPECT_TRUE(Fold(log).sessions.empty());
}

}  // namespace
}  // namespace chargeledger::projections
