#include "server/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/synchronization/notification.h"
#include "log/local_directory.h"
#include "log/memory_store.h"
#include "log/replication/author.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/testing/conversation.h"
#include "server/bookkeeper.h"
#include "server/log_queries.h"
#include "server/queries.h"

namespace chargeledger::server {
namespace {

using projections::Conversation;

v1::AuthorHello Hello(const Conversation& c, const std::string& site = "north") {
  return log::replication::AuthorStream(c.log(), {"acme", site}, {}).Hello().hello();
}

// Replicates a whole conversation through the ledger.
void Replicate(Ledger& ledger, const Conversation& c, const std::string& site = "north") {
  auto stream = ledger.Admit(Hello(c, site));
  ASSERT_TRUE(stream.ok()) << stream.status();
  log::replication::AuthorStream author(c.log(), {"acme", site}, {});
  v1::ReplicateResponse response;
  *response.mutable_position() = log::replication::ToProto(stream->log->head());
  ASSERT_TRUE(author.OnResponse(response).ok());
  while (true) {
    while (author.TakeWork().has_value()) ASSERT_TRUE(author.OnWorkDone({}).ok());
    auto request = *author.Next();
    if (!request.has_value()) break;
    auto package = std::make_shared<v1::EntryPackage>(request->package());
    auto verdict = *log::replication::Verify(*stream->log, *package);
    ASSERT_FALSE(verdict.refusal.has_value()) << verdict.refusal->DebugString();
    absl::Notification done;
    ledger.Commit(*stream, stream->log, package, std::move(verdict),
                  [&](const absl::StatusOr<std::string>& status) {
                    EXPECT_TRUE(status.ok()) << status.status();
                    done.Notify();
                  });
    done.WaitForNotification();
    response.Clear();
    *response.mutable_held() = log::replication::ToProto(stream->log->head());
    ASSERT_TRUE(author.OnResponse(response).ok());
  }
  ledger.Release(*stream);
}

void Talk(Conversation& c, int sessions) {
  c.Connect("CP1");
  for (int i = 1; i <= sessions; ++i) {
    c.Start(1, i, 1000 * i, "2026-03-01T12:00:00Z");
    c.Stop(i, 1000 * i + 500, "2026-03-01T12:30:00Z");
  }
}

// Folds what the ledger holds, in the test's own thread.
void Fold(Ledger& ledger, log::Store& states) {
  projections::Books books;
  for (HeldLog* held : ledger.logs()) {
    for (log::EventLog* log : held->generations()) {
      ASSERT_TRUE(projections::Folder(states, books).Fold(*log, held->site()).ok());
    }
  }
}

TEST(Ledger, WhatWasReplicatedIsThereAfterRestarting) {
  log::MemoryStore store;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 400);
  Replicate(**Ledger::Open(archive, clock), c);
  log::Archive reopened(store);
  auto ledger = *Ledger::Open(reopened, clock);
  ASSERT_EQ(ledger->logs().size(), 1u);
  EXPECT_EQ(ledger->logs()[0]->generations()[0]->head(), c.log().head());
  EXPECT_FALSE(ledger->logs()[0]->replicating());
  Talk(c, 3);
  Replicate(*ledger, c);
  EXPECT_EQ(ledger->logs()[0]->generations()[0]->head(), c.log().head());
}

TEST(Ledger, ASecondStreamOfALogIsRefusedWhileTheFirstLives) {
  log::MemoryStore store;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  auto ledger = *Ledger::Open(archive, clock);
  auto first = ledger->Admit(Hello(c));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ledger->Admit(Hello(c)).status().code(), absl::StatusCode::kAlreadyExists);
  ledger->Release(*first);
  EXPECT_TRUE(ledger->Admit(Hello(c)).ok());
}

TEST(Ledger, ALogThatChangesItsSiteOrSkipsAGenerationIsRefusedAndLeavesNoTrace) {
  log::MemoryStore store;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  auto ledger = *Ledger::Open(archive, clock);
  v1::AuthorHello late = Hello(c);
  late.set_generation(3);
  EXPECT_EQ(ledger->Admit(late).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(ledger->logs().empty());
  ledger->Release(*ledger->Admit(Hello(c)));
  EXPECT_EQ(ledger->Admit(Hello(c, "south")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ledger->Admit(late).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(Ledger, OfADamagedLogWhatIsWholeIsKeptTheRestIsAskedForAndTheOthersGoOn) {
  log::MemoryStore store;
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 5);
  {
    log::Archive archive(store);
    auto ledger = *Ledger::Open(archive, clock);
    Replicate(*ledger, c);
    v1::AuthorHello other = Hello(c, "south");
    other.set_log_id("another log id..");
    ledger->Release(*ledger->Admit(other));
  }
  const log::LogKeys keys(c.log().log_id(), core::Generation(1));
  log::WriteBatch damage;
  damage.PutCopy(keys.Entry(3), "x");
  ASSERT_TRUE(store.Commit(damage, log::Durability::kSynced).ok());

  log::Archive archive(store);
  auto opened = Ledger::Open(archive, clock);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::vector<HeldLog*> logs = (*opened)->logs();
  ASSERT_EQ(logs.size(), 2u);
  for (const HeldLog* held : logs) {
    EXPECT_EQ(held->damage().ok(), held->site() == "south") << held->site();
  }
  log::MemoryStore states;
  v1::ListLogsResponse listed = *Queries(**opened, states).ListLogs();
  EXPECT_EQ(std::count_if(listed.logs().begin(), listed.logs().end(),
                          [](const v1::LogInfo& log) { return !log.damage().empty(); }),
            1);
  Replicate(**opened, c);
  for (const HeldLog* held : logs) EXPECT_TRUE(held->damage().ok()) << held->damage();
  for (const HeldLog* held : logs) {
    if (held->site() != "north") continue;
    EXPECT_EQ(held->generations()[0]->head(), c.log().head());
  }
}

TEST(Ledger, ALogWithAnotherHistoryThanTheHeadFileRemembersIsEvidenceAndNotBuiltOn) {
  std::string directory = testing::TempDir() + "/ledger-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 5);
  {
    auto archive = *log::Archive::Open(directory, {});
    Replicate(**Ledger::Open(*archive, clock), c);
  }
  {
    log::LocalDirectory files(directory);
    auto heads = *log::HeadFile::Open(files, "heads");
    ASSERT_TRUE(heads->Write(c.log().log_id(), core::Generation(1), {3, log::LeafHash("x")}).ok());
  }
  auto archive = *log::Archive::Open(directory, {});
  auto ledger = Ledger::Open(*archive, clock);
  ASSERT_TRUE(ledger.ok()) << ledger.status();
  EXPECT_EQ((*ledger)->logs()[0]->damage().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE((*ledger)->logs()[0]->contradicts(core::Generation(1)));
  EXPECT_TRUE((*ledger)->Admit(Hello(c))->generations.at(1).damaged);
}

TEST(Ledger, AnAuthorThatComesWithAnotherKeyIsRefusedAndTheFirstKeyStays) {
  log::MemoryStore store;
  core::ManualClock clock(0);
  log::Archive archive(store);
  Conversation c;
  auto ledger = *Ledger::Open(archive, clock);
  v1::AuthorHello hello = Hello(c);
  hello.set_public_key(std::string(32, 'a'));
  ledger->Release(*ledger->Admit(hello));
  for (const std::string& key : {std::string(32, 'b'), std::string()}) {
    hello.set_public_key(key);
    EXPECT_EQ(ledger->Admit(hello).status().code(), absl::StatusCode::kFailedPrecondition);
  }
  hello.set_public_key(std::string(32, 'a'));
  EXPECT_TRUE(ledger->Admit(hello).ok());
}

TEST(Ledger, ALogThatThisProcessWritesItselfIsOpenedByNoStreamUnderAnyName) {
  log::MemoryStore store;
  core::ManualClock clock(0);
  log::Archive archive(store);
  Conversation c;
  const core::LogId own = *core::LogId::FromBytes("the control log.");
  auto control = *log::Recorder::Open(archive, clock, {"ledger", "control"}, own, {});
  const log::TreeHead head = control->log().head();
  for (const bool shown : {false, true}) {
    auto ledger = *Ledger::Open(archive, clock);
    if (shown) ledger->ShowControl({"ledger", "control"}, *control);
    for (const auto& [operator_name, site, log_id] :
         std::vector<std::tuple<std::string, std::string, std::string>>{
             {"ledger", "control", std::string(own.bytes())},
             {"acme", "north", std::string(own.bytes())},
             {"ledger", "control", "another log id.."},
             {"acme", "control", "another log id.."}}) {
      v1::AuthorHello hello = Hello(c);
      hello.set_operator_(operator_name);
      hello.set_site(site);
      hello.set_log_id(log_id);
      EXPECT_EQ(ledger->Admit(hello).status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_TRUE(ledger->logs().empty());
    }
  }
  // A record of it from a build that admitted such streams is passed over.
  v1::StoredLog stored;
  stored.set_operator_("ledger");
  stored.set_site("control");
  stored.set_log_id(std::string(own.bytes()));
  stored.set_generation(1);
  ASSERT_TRUE(archive.PutRecord("l" + std::string(own.bytes()), stored.SerializeAsString()).ok());
  auto ledger = Ledger::Open(archive, clock);
  ASSERT_TRUE(ledger.ok()) << ledger.status();
  EXPECT_TRUE((*ledger)->logs().empty());
  EXPECT_EQ(control->log().head(), head);
}

TEST(Ledger, ManyNewLogsInOneSitesNameCostABoundedNumberOfLogsAndOneFindingEach) {
  log::MemoryStore store, control_store;
  core::ManualClock clock(0);
  log::Archive archive(store), control_archive(control_store);
  auto control = *log::Recorder::Open(control_archive, clock, {"ledger", "control"},
                                      *core::LogId::FromBytes("the control log."), {});
  Divergences divergences(control.get());
  LedgerOptions options;
  options.divergences = &divergences;
  auto ledger = *Ledger::Open(archive, clock, options);
  Conversation c;
  v1::AuthorHello hello = Hello(c);
  ledger->Release(*ledger->Admit(hello));
  const uint64_t before = control->log().head().size;
  absl::Status last;
  for (int i = 0; i < 300; ++i) {
    hello.set_log_id("stranger no. " + std::to_string(100 + i));
    auto stream = ledger->Admit(hello);
    last = stream.status();
    if (stream.ok()) ledger->Release(*stream);
  }
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted) << last;
  EXPECT_EQ(ledger->logs().size(), 24u);
  ASSERT_TRUE(control->RecordAndWait(std::vector<v1::Entry>(1)).ok());
  // A finding and its resolution for each log but the first, and the entry that was waited for.
  EXPECT_EQ(control->log().head().size, before + 2 * 23 + 1);
}

// What the ledger cosigns of a whole conversation, signed by its author.
std::string ReplicateSigned(Ledger& ledger, const Conversation& c,
                            const std::string& checkpoint = "") {
  log::replication::AuthorOptions options;
  options.key = *core::Ed25519PrivateKey::FromSeed(std::string(core::kEd25519SeedSize, 'a'));
  log::replication::AuthorStream author(c.log(), {"acme", "north"}, options);
  v1::AuthorHello hello = author.Hello().hello();
  hello.set_checkpoint(checkpoint);
  auto stream = *ledger.Admit(hello);
  log::replication::HolderStream holder(stream.generations, hello);
  std::string cosigned;
  if (!author.OnResponse(*holder.Position()).ok()) std::abort();
  while (!author.TakeWork().has_value()) {
    auto request = *author.Next();
    if (!request.has_value()) break;
    auto package = std::make_shared<v1::EntryPackage>(request->package());
    auto verdict =
        *log::replication::Verify(*stream.log, *package, &*stream.generations.at(1).author_key);
    EXPECT_FALSE(verdict.refusal.has_value()) << verdict.refusal->DebugString();
    absl::Notification done;
    ledger.Commit(stream, stream.log, package, std::move(verdict),
                  [&](const absl::StatusOr<std::string>& outcome) {
                    EXPECT_TRUE(outcome.ok()) << outcome.status();
                    if (!outcome->empty()) cosigned = *outcome;
                    done.Notify();
                  });
    done.WaitForNotification();
    (void)author.OnResponse(holder.Held(*stream.log, ""));
  }
  ledger.Release(stream);
  return cosigned;
}

LedgerOptions WithKey(log::HeadFile* signed_heads = nullptr) {
  LedgerOptions options;
  options.key = *core::Ed25519PrivateKey::FromSeed(std::string(core::kEd25519SeedSize, 'l'));
  options.signed_heads = signed_heads;
  return options;
}

TEST(Ledger, ALedgerThatWasRestoredNeverSignsAnotherRootForASizeThatItHasSigned) {
  core::ManualClock clock(0);
  Conversation first, second;
  Talk(first, 5);
  // As many entries, but others.
  second.Connect("CP2");
  while (second.log().head().size < first.log().head().size) second.Status(1, "Available");
  struct Case {
    std::string what;
    bool file, shown;
  };
  for (const Case& c : std::vector<Case>{{"the file of signed heads remembers", true, false},
                                         {"the author shows the signature", false, true}}) {
    const std::string name = std::string("signed-") + (c.file ? "file" : "shown");
    log::LocalDirectory files(testing::TempDir());
    ASSERT_TRUE(files.Remove(name).ok());
    auto heads = *log::HeadFile::Open(files, name);
    std::string cosigned;
    {
      log::MemoryStore store;
      log::Archive archive(store);
      cosigned = ReplicateSigned(
          **Ledger::Open(archive, clock, WithKey(c.file ? heads.get() : nullptr)), first);
      ASSERT_NE(cosigned, "") << c.what;
    }
    // Its store is a new one; an author comes with another history of the same size.
    log::MemoryStore store;
    log::Archive archive(store);
    auto ledger = *Ledger::Open(archive, clock, WithKey(c.file ? heads.get() : nullptr));
    EXPECT_EQ(ReplicateSigned(*ledger, second, c.shown ? cosigned : ""), "") << c.what;
    EXPECT_TRUE(ledger->logs()[0]->contradicts(core::Generation(1))) << c.what;
  }
}

TEST(Ledger, ALedgerThatWasRestoredSignsAgainWhatItHadSigned) {
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 5);
  std::string cosigned;
  {
    log::MemoryStore store;
    log::Archive archive(store);
    cosigned = ReplicateSigned(**Ledger::Open(archive, clock, WithKey()), c);
  }
  log::MemoryStore store;
  log::Archive archive(store);
  auto ledger = *Ledger::Open(archive, clock, WithKey());
  EXPECT_NE(ReplicateSigned(*ledger, c, cosigned), "");
  Talk(c, 2);
  EXPECT_NE(ReplicateSigned(*ledger, c, cosigned), "");
  EXPECT_FALSE(ledger->logs()[0]->contradicts(core::Generation(1)));
}

// Tells what it was told.
class Listener final : public LiveStream {
 public:
  void Tell(v1::ReplicateResponse response) override { told.push_back(std::move(response)); }
  void End() override { ended = true; }
  std::vector<v1::ReplicateResponse> told;
  bool ended = false;
};

TEST(Ledger, AStreamThatGivesNoSignOfLifeLosesItsPlaceAndOneThatDoesKeepsIt) {
  log::MemoryStore store;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  auto ledger = *Ledger::Open(archive, clock);
  Listener first;
  v1::AuthorHello hello = Hello(c);
  hello.set_instance("first");
  auto stream = *ledger->Admit(hello, &first);
  hello.set_instance("second");
  EXPECT_EQ(ledger->Admit(hello).status().code(), absl::StatusCode::kAlreadyExists);
  ASSERT_EQ(first.told.size(), 1u);
  EXPECT_TRUE(first.told[0].has_probe());
  ledger->OnAlive(stream);
  clock.Advance(60'000'000);
  // It has answered: it is asked again, and not ended.
  EXPECT_FALSE(ledger->Admit(hello).ok());
  EXPECT_FALSE(first.ended);
  clock.Advance(60'000'000);
  // This time it has not.
  EXPECT_FALSE(ledger->Admit(hello).ok());
  EXPECT_TRUE(first.ended);
  ledger->Release(stream);
  EXPECT_TRUE(ledger->Admit(hello).ok());
}

TEST(Ledger, AnAgentThatCallsAgainHasGivenItsOtherStreamUp) {
  log::MemoryStore store;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  auto ledger = *Ledger::Open(archive, clock);
  Listener first;
  v1::AuthorHello hello = Hello(c);
  hello.set_instance("the same");
  auto stream = *ledger->Admit(hello, &first);
  EXPECT_FALSE(ledger->Admit(hello).ok());
  EXPECT_TRUE(first.ended);
}

TEST(Ledger, AFailedCommitIsToldAndNothingIsAcknowledgedAfterwards) {
  log::MemoryStore store;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 1);
  auto ledger = *Ledger::Open(archive, clock);
  auto stream = *ledger->Admit(Hello(c));
  store.FailCommits(absl::UnavailableError("the disk is gone"));
  log::replication::AuthorStream author(c.log(), {"acme", "north"}, {});
  v1::ReplicateResponse response;
  *response.mutable_position() = log::replication::ToProto(stream.log->head());
  ASSERT_TRUE(author.OnResponse(response).ok());
  auto request = *author.Next();
  auto package = std::make_shared<v1::EntryPackage>(request->package());
  absl::Notification done;
  ledger->Commit(stream, stream.log, package, *log::replication::Verify(*stream.log, *package),
                 [&](const absl::StatusOr<std::string>& status) {
                   EXPECT_EQ(status.status().code(), absl::StatusCode::kUnavailable);
                   done.Notify();
                 });
  done.WaitForNotification();
  EXPECT_EQ(stream.log->head().size, 0u);
}

TEST(Queries, PagesGoThroughAllSessionsNewestFirstWithoutGapOrRepetition) {
  log::MemoryStore store, states;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 25);
  auto ledger = *Ledger::Open(archive, clock);
  Replicate(*ledger, c);
  Fold(*ledger, states);
  Queries queries(*ledger, states);
  for (uint32_t page_size : {1, 7, 25, 26, 1000}) {
    v1::ListSessionsRequest request;
    request.set_page_size(page_size);
    std::vector<int64_t> ids;
    do {
      auto response = queries.ListSessions(request);
      ASSERT_TRUE(response.ok()) << response.status();
      for (const v1::Session& session : response->sessions())
        ids.push_back(session.transaction_id());
      EXPECT_EQ(response->as_of(0).size(), c.log().head().size);
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
    ASSERT_EQ(ids.size(), 25u) << page_size;
    for (int i = 0; i < 25; ++i) EXPECT_EQ(ids[i], 25 - i);
  }
}

TEST(Queries, WhatIsAskedForByNameIsFoundOrNamedInTheError) {
  log::MemoryStore store, states;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 2);
  auto ledger = *Ledger::Open(archive, clock);
  Replicate(*ledger, c);
  Fold(*ledger, states);
  Queries queries(*ledger, states);
  v1::GetSessionRequest session;
  session.set_id("a1b2c3d4e5f6-1-1");
  EXPECT_EQ(queries.GetSession(session)->session().transaction_id(), 1);
  session.set_id("a1b2c3d4e5f6-1-999");
  EXPECT_EQ(queries.GetSession(session).status().code(), absl::StatusCode::kNotFound);
  for (const std::string bad : {"", "x", "a1b2c3d4e5f6-1", "a1b2c3d4e5f6-x-1", "a1b2-1-1"}) {
    session.set_id(bad);
    EXPECT_EQ(queries.GetSession(session).status().code(), absl::StatusCode::kInvalidArgument)
        << bad;
  }
  v1::GetLogHeadRequest head;
  for (const std::string name : {"north", "a1b2", "a1b2c3d4e5f6"}) {
    head.set_log(name);
    EXPECT_EQ(queries.GetLogHead(head)->head().size(), c.log().head().size) << name;
  }
  head.set_size(3);
  EXPECT_EQ(queries.GetLogHead(head)->head().root(), std::string(c.log().RootAt(3)->bytes()));
  head.set_log("south");
  EXPECT_EQ(queries.GetLogHead(head).status().code(), absl::StatusCode::kNotFound);
  v1::ListStationsRequest stations;
  stations.set_site("south");
  EXPECT_EQ(queries.ListStations(stations).status().code(), absl::StatusCode::kNotFound);
  v1::ListSessionsRequest sessions;
  sessions.set_page_size(1001);
  EXPECT_EQ(queries.ListSessions(sessions).status().code(), absl::StatusCode::kInvalidArgument);
  sessions.set_page_size(1);
  sessions.set_page_token("no hex");
  EXPECT_TRUE(queries.ListSessions(sessions).ok());
}

TEST(Queries, EntriesAreReadAsTheyWereHashed) {
  log::MemoryStore store, states;
  log::Archive archive(store);
  core::ManualClock clock(0);
  Conversation c;
  Talk(c, 5);
  auto ledger = *Ledger::Open(archive, clock);
  Replicate(*ledger, c);
  log::Scrubber scrubber(
      archive, clock, {0, 0},
      [](const log::EventLog&) { return std::vector<log::tlog::VerifierKey>(); },
      [](const log::EventLog&, const log::CheckFinding&) {});
  LogQueries queries(*ledger, scrubber);
  v1::ReadEntriesRequest request;
  request.set_log("north");
  request.set_from(3);
  request.set_count(4);
  uint64_t next = 3;
  ASSERT_TRUE(queries
                  .ReadEntries(request,
                               [&](const v1::ReadEntriesResponse& entry) {
                                 EXPECT_EQ(entry.sequence(), next++);
                                 EXPECT_EQ(entry.leaf_hash(),
                                           std::string(log::LeafHash(entry.entry()).bytes()));
                                 return true;
                               })
                  .ok());
  EXPECT_EQ(next, 7u);
}

}  // namespace
}  // namespace chargeledger::server
