// One case a row of the table in docs/replication.md: two sides that came apart in a certain way
// are brought together by the machines alone, over stores in memory.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/orphans.h"
#include "log/memory_store.h"
#include "log/replication/author.h"
#include "log/replication/holder.h"
#include "log/replication/worker.h"

namespace chargeledger::log::replication {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");
const Author kAuthor{"acme", "north"};

core::Ed25519PrivateKey Key(char fill) {
  return *core::Ed25519PrivateKey::FromSeed(std::string(core::kEd25519SeedSize, fill));
}

v1::Entry Frame(const std::string& payload) {
  v1::Entry entry;
  entry.mutable_frame_recorded()->set_payload(payload);
  return entry;
}

// An author: a store, and one life after another over it.
class AuthorSide {
 public:
  AuthorSide() { Open(); }

  void Open(std::optional<RecorderOptions::Begin> begin = std::nullopt) {
    recorder_.reset();
    archive_ = std::make_unique<Archive>(*store_);
    RecorderOptions options;
    options.begin = std::move(begin);
    recorder_ = *Recorder::Open(*archive_, clock_, kAuthor, kLog, options);
  }
  void Append(int count, const std::string& what = "frame") {
    std::vector<v1::Entry> events;
    for (int i = 0; i < count; ++i) {
      events.push_back(Frame(what + " " + std::to_string(i)));
      said_.insert(events.back().frame_recorded().payload());
    }
    ASSERT_TRUE(recorder_->RecordAndWait(std::move(events)).ok());
  }
  std::unique_ptr<MemoryStore> Image() const { return store_->Copy(); }
  // Starts over an image of its disk; `ask` is what it does before it numbers anything.
  using Ask = std::function<std::optional<RecorderOptions::Begin>(const OwnLogs&)>;
  void Restore(std::unique_ptr<MemoryStore> image, const Ask& ask = {}) {
    recorder_.reset();
    archive_.reset();
    store_ = std::move(image);
    std::optional<RecorderOptions::Begin> begin;
    if (ask) {
      Archive archive(*store_);
      begin = ask(*OwnLogs::Open(archive, kAuthor, kLog));
    }
    Open(std::move(begin));
  }

  AuthorLogs logs() { return {&recorder_->log(), recorder_->past(), &told_}; }
  Recorder& recorder() { return *recorder_; }
  Archive& archive() { return *archive_; }
  MemoryStore& store() { return *store_; }
  // Every payload that was ever acknowledged.
  const std::set<std::string>& said() const { return said_; }

 private:
  core::ManualClock clock_{0};
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
  std::unique_ptr<Archive> archive_;
  std::unique_ptr<Recorder> recorder_;
  std::set<std::string> said_;
  std::set<std::string> told_;
};

class HolderSide {
 public:
  HolderSide() { Open(); }

  void Open() {
    archive_ = std::make_unique<Archive>(*store_);
    generations_.clear();
    for (uint32_t generation = 1; generation <= newest_; ++generation) Add(generation);
  }
  void Add(uint32_t generation) {
    newest_ = std::max(newest_, generation);
    if (generations_.count(generation) > 0) return;
    auto opened = archive_->OpenLog(kLog, core::Generation(generation));
    ASSERT_TRUE(opened.ok()) << opened.status();
    generations_[generation] = {
        opened->log, false,
        *tlog::VerifierKey::Create(
            tlog::Origin("acme", "north", kLog, core::Generation(generation)),
            tlog::SignatureType::kEd25519, Key('a').public_key())};
  }
  std::unique_ptr<MemoryStore> Image() const { return store_->Copy(); }
  void Restore(std::unique_ptr<MemoryStore> image, uint32_t newest = 1) {
    store_ = std::move(image);
    newest_ = newest;
    Open();
  }
  HeldGenerations& generations() { return generations_; }
  Archive& archive() { return *archive_; }
  MemoryStore& store() { return *store_; }

  // Does what ledgerd does about a reply; false if the stream is over.
  std::vector<v1::ReplicateResponse> Do(const HolderStream& stream, Reply& reply) {
    if (reply.kind == Reply::Kind::kSend || reply.kind == Reply::Kind::kRefuse) {
      return {reply.response};
    }
    if (reply.kind == Reply::Kind::kStore) {
      EXPECT_TRUE(AppendTo(*archive_, *reply.log, reply.verdict.entries).ok());
      std::string checkpoint;
      if (reply.verdict.checkpoint.has_value()) {
        tlog::Note note = *reply.verdict.checkpoint;
        auto signer =
            *tlog::NoteSigner::Create("ledger", tlog::SignatureType::kCosignature, Key('h'));
        note.signatures.push_back(signer.Sign(note.text, 1));
        checkpoint = note.Serialize();
        EXPECT_TRUE(archive_->KeepCheckpoint(*reply.log, checkpoint).ok());
      }
      return {stream.Held(*reply.log, checkpoint)};
    }
    if (reply.kind == Reply::Kind::kRepair) {
      repairs_.push_back(archive_->Repair(*reply.log, reply.bundle, reply.verdict.entries));
    }
    if (reply.kind == Reply::Kind::kReport) ++reports_;
    return {};
  }
  std::vector<absl::Status> repairs_;
  int reports_ = 0;

 private:
  std::unique_ptr<MemoryStore> store_ = std::make_unique<MemoryStore>();
  std::unique_ptr<Archive> archive_;
  HeldGenerations generations_;
  uint32_t newest_ = 1;
};

AuthorOptions Options() {
  AuthorOptions options;
  options.key = Key('a');
  return options;
}

// One stream until nothing more happens; the work that ended it, or why it ended.
struct Ended {
  absl::Status status;
  std::optional<Work> begin;
  std::vector<v1::ComparisonReport> reports;
};
Ended RunStream(AuthorSide& author, HolderSide& holder, const AuthorOptions& options = Options(),
                const std::function<void(AuthorStream&, HolderStream&)>& live = {},
                int steps = 1'000'000) {
  AuthorStream machine(author.logs(), kAuthor, options);
  Worker worker(author.archive(), author.recorder());
  const v1::ReplicateRequest hello = machine.Hello();
  EXPECT_TRUE(CheckHello(hello.hello()).ok());
  for (uint32_t g = 1; g <= hello.hello().generation(); ++g) holder.Add(g);
  HolderStream stream(holder.generations(), hello.hello());
  Ended ended;
  ended.status = machine.OnResponse(*stream.Position());
  bool told = false;
  while (ended.status.ok() && steps-- > 0) {
    if (std::optional<Work> work = machine.TakeWork()) {
      if (work->kind == Work::Kind::kBegin) {
        ended.begin = std::move(work);
        return ended;
      }
      ended.status = machine.OnWorkDone(worker.Do(*work));
      continue;
    }
    if (machine.live() && !told && live) {
      told = true;
      live(machine, stream);
    }
    auto request = machine.Next();
    if (!request.ok()) {
      ended.status = request.status();
      break;
    }
    if (!request->has_value() && machine.has_work()) continue;
    if (!request->has_value()) break;
    auto reply = stream.OnRequest(**request);
    EXPECT_TRUE(reply.ok()) << reply.status();
    if (reply->kind == Reply::Kind::kReport) ended.reports.push_back((*request)->report());
    for (const v1::ReplicateResponse& response : holder.Do(stream, *reply)) {
      ended.status = machine.OnResponse(response);
      if (!ended.status.ok()) break;
    }
  }
  return ended;
}

// Streams and lives until both sides are level.
void Settle(AuthorSide& author, HolderSide& holder) {
  for (int life = 0; life < 5; ++life) {
    Ended ended = RunStream(author, holder);
    ASSERT_TRUE(ended.status.ok()) << ended.status;
    if (!ended.begin.has_value()) return;
    author.Open(RecorderOptions::Begin{ended.begin->opened, ended.begin->events});
  }
  FAIL() << "the two sides do not settle";
}

std::vector<v1::Entry> EntriesOf(const EventLog& log) {
  std::vector<v1::Entry> entries;
  EXPECT_TRUE(log.Read(core::Sequence(0), ~uint64_t{0},
                       [&](core::Sequence, absl::string_view bytes) {
                         entries.emplace_back().ParseFromArray(bytes.data(),
                                                               static_cast<int>(bytes.size()));
                         return true;
                       })
                  .ok());
  return entries;
}

// The payloads that one side has, in whatever generation, as they stand or as orphans.
std::set<std::string> Payloads(HolderSide& holder) {
  std::set<std::string> payloads;
  for (auto& [generation, held] : holder.generations()) {
    core::OrphanReader orphans;
    for (const v1::Entry& entry : EntriesOf(*held.log)) {
      if (entry.has_frame_recorded()) payloads.insert(entry.frame_recorded().payload());
      if (!entry.has_orphaned_entry()) continue;
      auto orphan = orphans.Add(entry.orphaned_entry());
      if (!orphan.has_value()) continue;
      v1::Entry inner;
      inner.ParseFromArray(orphan->bytes.data(), static_cast<int>(orphan->bytes.size()));
      if (inner.has_frame_recorded()) payloads.insert(inner.frame_recorded().payload());
    }
  }
  return payloads;
}

void ExpectLevel(AuthorSide& author, HolderSide& holder) {
  AuthorLogs logs = author.logs();
  const uint32_t newest = logs.current->generation().value();
  for (uint32_t g = 1; g <= newest; ++g) {
    const EventLog* own = g == newest ? logs.current : logs.past[g];
    ASSERT_NE(own, nullptr) << g;
    EXPECT_EQ(own->head(), holder.generations().at(g).log->head()) << "generation " << g;
  }
  const std::set<std::string> held = Payloads(holder);
  for (const std::string& payload : author.said()) {
    EXPECT_EQ(held.count(payload), 1u) << payload;
  }
}

struct Told {
  std::vector<v1::DivergenceFound> found;
  std::vector<v1::DivergenceResolved> resolved;
};
Told WhatWasTold(HolderSide& holder) {
  Told told;
  for (auto& [generation, held] : holder.generations()) {
    for (const v1::Entry& entry : EntriesOf(*held.log)) {
      if (entry.has_divergence_found()) told.found.push_back(entry.divergence_found());
      if (entry.has_divergence_resolved()) told.resolved.push_back(entry.divergence_resolved());
    }
  }
  return told;
}

void ExpectTold(HolderSide& holder, v1::DivergenceKind kind, v1::DivergenceSide side,
                uint64_t recovered) {
  const Told told = WhatWasTold(holder);
  ASSERT_EQ(told.found.size(), 1u);
  EXPECT_EQ(told.found[0].kind(), kind) << told.found[0].DebugString();
  EXPECT_EQ(told.found[0].side(), side);
  ASSERT_EQ(told.resolved.size(), 1u);
  EXPECT_EQ(told.resolved[0].id(), told.found[0].id());
  EXPECT_EQ(told.resolved[0].entries_recovered(), recovered);
}

TEST(Divergence, LagIsSentAndLeavesNoEntry) {
  AuthorSide author;
  HolderSide holder;
  for (int round = 0; round < 3; ++round) {
    author.Append(700, "round " + std::to_string(round));
    Settle(author, holder);
    ExpectLevel(author, holder);
  }
  EXPECT_TRUE(WhatWasTold(holder).found.empty());
}

// What an agent asks at its start.
std::optional<RecorderOptions::Begin> AskHolder(HolderSide& holder, const OwnLogs& own) {
  AuthorOptions options = Options();
  options.only_ask = true;
  AuthorStream machine(AuthorLogs{own.current(), own.past(), nullptr}, kAuthor, options);
  HolderStream stream(holder.generations(), machine.Hello().hello());
  absl::Status status = machine.OnResponse(*stream.Position());
  while (status.ok()) {
    if (std::optional<Work> work = machine.TakeWork()) {
      EXPECT_EQ(work->kind, Work::Kind::kBegin);
      return RecorderOptions::Begin{work->opened, work->events};
    }
    auto request = *machine.Next();
    if (!request.has_value()) break;
    status = machine.OnResponse(stream.OnRequest(*request)->response);
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  return std::nullopt;
}

TEST(Divergence, AStaleAuthorThatAsksFirstGetsItsEntriesBackAndGoesOnInANewGeneration) {
  AuthorSide author;
  HolderSide holder;
  author.Append(300, "before");
  auto image = author.Image();
  author.Append(500, "after");
  Settle(author, holder);
  const TreeHead held = holder.generations().at(1).log->head();
  author.Restore(std::move(image), [&](const OwnLogs& own) { return AskHolder(holder, own); });
  author.Append(10, "new");
  Settle(author, holder);
  ExpectLevel(author, holder);
  EXPECT_EQ(author.recorder().log().generation().value(), 2u);
  EXPECT_EQ(holder.generations().at(1).log->head(), held);
  ExpectTold(holder, v1::DIVERGENCE_KIND_STALE_AUTHOR, v1::DIVERGENCE_SIDE_AUTHOR, 500);
}

TEST(Divergence, AnAuthorThatIsLevelIsToldSoAndNumbersOn) {
  AuthorSide author;
  HolderSide holder;
  author.Append(300);
  Settle(author, holder);
  author.Restore(author.Image(), [&](const OwnLogs& own) { return AskHolder(holder, own); });
  Settle(author, holder);
  EXPECT_EQ(author.recorder().log().generation().value(), 1u);
  ExpectLevel(author, holder);
}

struct ForkCase {
  std::string what;
  int before, holders, authors;
};

TEST(Divergence, AForkIsSealedAtTheHoldersBranchAndTheOtherIsCarriedOver) {
  for (const ForkCase& c : std::vector<ForkCase>{{"at the beginning", 0, 3, 2},
                                                 {"in the middle of a bundle", 300, 500, 100},
                                                 {"the author's branch is longer", 300, 10, 900},
                                                 {"at the border of a bundle", 255, 256, 256},
                                                 {"of thousands of entries", 2000, 3000, 5000}}) {
    SCOPED_TRACE(c.what);
    AuthorSide author;
    HolderSide holder;
    author.Append(c.before, "common");
    auto image = author.Image();
    author.Append(c.holders, "holder's");
    Settle(author, holder);
    const TreeHead sealed = holder.generations().at(1).log->head();
    // The old image numbers on without asking: a fork.
    author.Restore(std::move(image));
    author.Append(c.authors, "author's");
    const TreeHead own = author.recorder().log().head();
    Settle(author, holder);
    author.Append(20, "new");
    Settle(author, holder);
    ExpectLevel(author, holder);
    EXPECT_EQ(holder.generations().at(1).log->head(), sealed);
    const Told told = WhatWasTold(holder);
    ASSERT_EQ(told.found.size(), 1u);
    EXPECT_EQ(told.found[0].kind(), v1::DIVERGENCE_KIND_FORK);
    EXPECT_EQ(told.found[0].first_difference(), static_cast<uint64_t>(c.before + 1));
    ASSERT_EQ(told.resolved.size(), 1u);
    EXPECT_EQ(told.resolved[0].id(), told.found[0].id());
    // Of the author's branch, with its LogOpened, and of the holder's.
    EXPECT_EQ(told.resolved[0].entries_recovered(),
              static_cast<uint64_t>(c.authors + 1 + c.holders));
    // The branch that was given up can be computed again: its entries are there, verbatim.
    Frontier branch;
    const EventLog& first = *holder.generations().at(1).log;
    EXPECT_TRUE(first
                    .Read(core::Sequence(0), told.found[0].first_difference(),
                          [&](core::Sequence, absl::string_view bytes) {
                            branch.Append(LeafHash(bytes));
                            return true;
                          })
                    .ok());
    core::OrphanReader reader;
    for (const v1::Entry& entry : EntriesOf(*holder.generations().at(2).log)) {
      if (!entry.has_orphaned_entry()) continue;
      auto orphan = reader.Add(entry.orphaned_entry());
      ASSERT_TRUE(orphan.has_value());
      EXPECT_EQ(orphan->sequence, branch.size());
      branch.Append(LeafHash(orphan->bytes));
    }
    EXPECT_EQ(branch.Head(), own);
    // Both heads are signed: together they prove the fork.
    EXPECT_EQ(HeadOf(told.found[0].author_checkpoint()), own);
    EXPECT_EQ(HeadOf(told.found[0].holder_checkpoint()), sealed);
  }
}

TEST(Divergence, AReconciliationThatIsCutAnywhereGoesOnInTheNextStreamAndCarriesNothingTwice) {
  for (int steps = 0; steps < 60; ++steps) {
    AuthorSide author;
    HolderSide holder;
    author.Append(300, "common");
    auto image = author.Image();
    author.Append(700, "holder's");
    Settle(author, holder);
    author.Restore(std::move(image));
    author.Append(800, "author's");
    Ended ended = RunStream(author, holder);
    ASSERT_TRUE(ended.begin.has_value());
    author.Open(RecorderOptions::Begin{ended.begin->opened, ended.begin->events});
    (void)RunStream(author, holder, Options(), {}, steps);
    // Killed, and started again.
    author.Open();
    Settle(author, holder);
    ExpectLevel(author, holder);
    std::set<uint64_t> carried;
    for (const v1::Entry& entry : EntriesOf(*holder.generations().at(2).log)) {
      if (!entry.has_orphaned_entry()) continue;
      EXPECT_TRUE(carried.insert(entry.orphaned_entry().sequence()).second);
    }
    EXPECT_EQ(carried.size(), 801u);
  }
}

TEST(Divergence, AHolderThatWasRestoredIsSentAgainWhatItHadCosigned) {
  AuthorSide author;
  HolderSide holder;
  author.Append(300, "before");
  Settle(author, holder);
  auto yesterday = holder.Image();
  author.Append(600, "after");
  Settle(author, holder);
  holder.Restore(std::move(yesterday));
  author.Append(5, "new");
  Settle(author, holder);
  ExpectLevel(author, holder);
  Settle(author, holder);
  ExpectTold(holder, v1::DIVERGENCE_KIND_HOLDER_LOST, v1::DIVERGENCE_SIDE_HOLDER, 600);
}

TEST(Divergence, AHolderThatLostEverythingGetsEveryGenerationAgain) {
  AuthorSide author;
  HolderSide holder;
  author.Append(300, "common");
  auto image = author.Image();
  author.Append(100, "holder's");
  Settle(author, holder);
  author.Restore(std::move(image));
  author.Append(200, "author's");
  Settle(author, holder);
  holder.Restore(std::make_unique<MemoryStore>());
  Settle(author, holder);
  Settle(author, holder);
  ExpectLevel(author, holder);
}

// Deletes, or overwrites, what stands under one key.
void Spoil(MemoryStore& store, const std::string& key, std::optional<std::string> value) {
  WriteBatch batch;
  if (value.has_value()) {
    batch.PutCopy(key, *value);
  } else {
    batch.Delete(key);
  }
  ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
}

TEST(Divergence, AGapOrRotAtTheAuthorIsFilledFromTheHolder) {
  for (bool gap : {true, false}) {
    AuthorSide author;
    HolderSide holder;
    // Large ones: a bundle is more than one package.
    author.Append(1000, std::string(20'000, 'x'));
    Settle(author, holder);
    const LogKeys keys(kLog, core::Generation(1));
    Spoil(author.store(), keys.Entry(600),
          gap ? std::nullopt : std::optional<std::string>("rotten"));
    Ended ended = RunStream(author, holder, Options(), [](AuthorStream& machine, HolderStream&) {
      machine.RepairOwn(core::Generation(1), 2, "entry 600 is damaged");
    });
    ASSERT_TRUE(ended.status.ok()) << ended.status;
    Settle(author, holder);
    ExpectLevel(author, holder);
    EXPECT_EQ(EntriesOf(author.recorder().log()).size(), author.recorder().log().head().size);
    EXPECT_EQ(*author.recorder().log().LeafHashAt(core::Sequence(600)),
              *holder.generations().at(1).log->LeafHashAt(core::Sequence(600)));
    ExpectTold(holder, v1::DIVERGENCE_KIND_DAMAGED, v1::DIVERGENCE_SIDE_AUTHOR, 256);
  }
}

TEST(Divergence, AGapOrRotAtTheHolderIsFilledFromTheAuthor) {
  for (bool gap : {true, false}) {
    AuthorSide author;
    HolderSide holder;
    // Large ones: a bundle is more than one package.
    author.Append(1000, std::string(20'000, 'x'));
    Settle(author, holder);
    const LogKeys keys(kLog, core::Generation(1));
    Spoil(holder.store(), keys.Entry(600),
          gap ? std::nullopt : std::optional<std::string>("rotten"));
    Ended ended = RunStream(author, holder, Options(), [](AuthorStream& machine, HolderStream&) {
      v1::ReplicateResponse wanted;
      wanted.mutable_wanted()->set_generation(1);
      wanted.mutable_wanted()->set_first(512);
      wanted.mutable_wanted()->set_end(768);
      ASSERT_TRUE(machine.OnResponse(wanted).ok());
    });
    ASSERT_TRUE(ended.status.ok());
    ASSERT_EQ(holder.repairs_.size(), 1u);
    EXPECT_TRUE(holder.repairs_[0].ok()) << holder.repairs_[0];
    EXPECT_EQ(EntriesOf(*holder.generations().at(1).log).size(),
              author.recorder().log().head().size);
    ExpectLevel(author, holder);
  }
}

TEST(Divergence, ARepairWithOtherEntriesThanTheTreeHasIsRefused) {
  AuthorSide author;
  HolderSide holder;
  author.Append(1000);
  Settle(author, holder);
  std::vector<std::string> other(256, "another");
  const std::vector<absl::string_view> entries(other.begin(), other.end());
  EXPECT_EQ(holder.archive().Repair(*holder.generations().at(1).log, 1, entries).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Divergence, AnAuthorWhoseLogNoLongerOpensGetsItBackAndLosesNothingThatCanBeRead) {
  AuthorSide author;
  HolderSide holder;
  author.Append(700, "held");
  Settle(author, holder);
  author.Append(300, "not yet held");
  // The last entry but some is gone: the log does not open.
  Spoil(author.store(), LogKeys(kLog, core::Generation(1)).Entry(999), std::nullopt);
  author.Open();
  EXPECT_FALSE(author.recorder().damage().ok());
  ASSERT_EQ(author.recorder().log().generation().value(), 2u);
  Settle(author, holder);
  AuthorLogs logs = author.logs();
  EXPECT_EQ(logs.past[1], nullptr);
  author.Open();
  ASSERT_NE(author.logs().past[1], nullptr);
  EXPECT_EQ(author.logs().past[1]->head(), holder.generations().at(1).log->head());
  const std::set<std::string> held = Payloads(holder);
  size_t lost = 0;
  for (const std::string& payload : author.said()) lost += held.count(payload) == 0;
  EXPECT_EQ(lost, 1u) << "only the entry that is gone";
  const Told told = WhatWasTold(holder);
  ASSERT_EQ(told.found.size(), 1u);
  EXPECT_EQ(told.found[0].kind(), v1::DIVERGENCE_KIND_DAMAGED);
  EXPECT_EQ(told.resolved.size(), 1u);
}

TEST(Divergence, WhatNeitherSideHasAnyMoreEndsTheGenerationAndTheRestIsCarriedOver) {
  AuthorSide author;
  HolderSide holder;
  author.Append(1000, "old");
  Settle(author, holder);
  // The author keeps only hashes of its first 512 entries, and then the holder loses everything.
  EventLog& log = *author.archive().OpenLog(kLog, core::Generation(1))->log;
  WriteBatch sealed;
  ASSERT_TRUE(*log.StageSealed(3, sealed));
  ASSERT_TRUE(author.store().Commit(sealed, Durability::kBuffered).ok());
  log.PublishSealed(3);
  ASSERT_TRUE(author.archive().Drop(log, 2).ok());
  holder.Restore(std::make_unique<MemoryStore>());
  author.Append(100, "new");
  Settle(author, holder);
  Settle(author, holder);
  AuthorLogs logs = author.logs();
  EXPECT_EQ(logs.current->generation().value(), 2u);
  EXPECT_EQ(logs.current->head(), holder.generations().at(2).log->head());
  const std::set<std::string> held = Payloads(holder);
  for (int i = 511; i < 1000; ++i) EXPECT_EQ(held.count("old " + std::to_string(i)), 1u) << i;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(held.count("new " + std::to_string(i)), 1u) << i;
  bool told = false;
  for (const v1::DivergenceFound& found : WhatWasTold(holder).found) {
    told = told || found.kind() == v1::DIVERGENCE_KIND_DAMAGED;
  }
  EXPECT_TRUE(told);
}

TEST(Divergence, AnEntryThatRotsBeforeTheHolderHasItEndsTheGenerationAndNothingElseIsLost) {
  AuthorSide author;
  HolderSide holder;
  author.Append(300, "held");
  Settle(author, holder);
  author.Append(600, "new");
  Spoil(author.store(), LogKeys(kLog, core::Generation(1)).Entry(600), std::nullopt);
  Settle(author, holder);
  Settle(author, holder);
  EXPECT_EQ(author.recorder().log().generation().value(), 2u);
  const std::set<std::string> held = Payloads(holder);
  size_t lost = 0;
  for (const std::string& payload : author.said()) lost += held.count(payload) == 0;
  EXPECT_EQ(lost, 1u);
}

TEST(Divergence, AGapAroundWhereTheHolderStandsEndsTheGenerationAndNothingElseIsLost) {
  AuthorSide author;
  HolderSide holder;
  author.Append(300, "held");
  Settle(author, holder);
  author.Append(600, "new");
  EventLog& log = *author.archive().OpenLog(kLog, core::Generation(1))->log;
  WriteBatch sealed;
  ASSERT_TRUE(*log.StageSealed(3, sealed));
  ASSERT_TRUE(author.store().Commit(sealed, Durability::kBuffered).ok());
  log.PublishSealed(3);
  // Not even the root that the holder has can be told any more.
  Spoil(author.store(), LogKeys(kLog, core::Generation(1)).Bundle(1), std::nullopt);
  for (int i = 0; i < 3; ++i) Settle(author, holder);
  EXPECT_EQ(author.recorder().log().generation().value(), 2u);
  const std::set<std::string> held = Payloads(holder);
  size_t lost = 0;
  for (const std::string& payload : author.said()) lost += held.count(payload) == 0;
  EXPECT_LE(lost, 512u - 300u);
}

// Rewrites an entry of `store` together with all hashes above it and the head: what somebody does
// who wants no trace.
void Tamper(MemoryStore& store, uint64_t sequence) {
  auto log = *EventLog::Open(store, kLog, core::Generation(1));
  std::vector<std::string> bytes;
  ASSERT_TRUE(log->Read(core::Sequence(0), ~uint64_t{0},
                        [&](core::Sequence at, absl::string_view entry) {
                          v1::Entry parsed;
                          parsed.ParseFromArray(entry.data(), static_cast<int>(entry.size()));
                          if (at.value() == sequence) {
                            parsed.mutable_frame_recorded()->set_payload("never said");
                          }
                          bytes.push_back(at.value() == sequence ? parsed.SerializeAsString()
                                                                 : std::string(entry));
                          return true;
                        })
                  .ok());
  const std::string checkpoint = log->checkpoint();
  WriteBatch gone;
  EventLog::StageTruncate(LogKeys(kLog, core::Generation(1)), TreeHead(), gone);
  ASSERT_TRUE(store.Commit(gone, Durability::kSynced).ok());
  auto again = *EventLog::Open(store, kLog, core::Generation(1));
  std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
  std::vector<Hash> leaves;
  for (const std::string& entry : bytes) leaves.push_back(LeafHash(entry));
  WriteBatch batch;
  again->Stage(entries, leaves, batch);
  batch.PutCopy(LogKeys(kLog, core::Generation(1)).Checkpoint(), checkpoint);
  ASSERT_TRUE(store.Commit(batch, Durability::kSynced).ok());
}

TEST(Divergence, AnAuthorThatWasTamperedWithGivesWayToWhatItHadSigned) {
  AuthorSide author;
  HolderSide holder;
  author.Append(1000);
  Settle(author, holder);
  Tamper(author.store(), 400);
  author.Open();
  Settle(author, holder);
  ExpectLevel(author, holder);
  const Told told = WhatWasTold(holder);
  ASSERT_EQ(told.found.size(), 1u);
  EXPECT_EQ(told.found[0].kind(), v1::DIVERGENCE_KIND_TAMPERED);
  EXPECT_EQ(told.found[0].side(), v1::DIVERGENCE_SIDE_AUTHOR);
  EXPECT_EQ(told.found[0].first_difference(), 400u);
  ASSERT_EQ(told.resolved.size(), 1u);
  // The forged one and the true one; and the LogOpened of the start that followed.
  EXPECT_EQ(told.resolved[0].entries_recovered(), 3u);
  // The forged entry is kept, as evidence.
  EXPECT_EQ(Payloads(holder).count("never said"), 1u);
}

TEST(Divergence, AHolderThatWasTamperedWithIsNamedAndNothingOfItIsTouched) {
  AuthorSide author;
  HolderSide holder;
  author.Append(1000);
  Settle(author, holder);
  const TreeHead own = author.recorder().log().head();
  Tamper(holder.store(), 400);
  holder.Open();
  const TreeHead forged = holder.generations().at(1).log->head();
  Settle(author, holder);
  author.Append(50, "goes on");
  Settle(author, holder);
  EXPECT_EQ(holder.generations().at(1).log->head(), forged);
  EXPECT_EQ(author.logs().past[1]->head(), own);
  // Everything since is in the next generation, at both sides.
  EXPECT_EQ(author.recorder().log().head(), holder.generations().at(2).log->head());
  Told told = WhatWasTold(holder);
  ASSERT_EQ(told.found.size(), 1u);
  EXPECT_EQ(told.found[0].kind(), v1::DIVERGENCE_KIND_TAMPERED);
  EXPECT_EQ(told.found[0].side(), v1::DIVERGENCE_SIDE_HOLDER);
  EXPECT_EQ(HeadOf(told.found[0].author_checkpoint()), own) << "the broken signature";
  EXPECT_TRUE(told.resolved.empty());
  // Somebody decides for the author's copy.
  ASSERT_TRUE(holder.archive().Truncate(*holder.generations().at(1).log, 256).ok());
  Settle(author, holder);
  ExpectLevel(author, holder);
  told = WhatWasTold(holder);
  ASSERT_EQ(told.found.size(), 2u);
  EXPECT_EQ(told.resolved.size(), 2u);
}

TEST(Divergence, ADamagedGenerationOfTheHolderIsNeverBuiltOn) {
  AuthorSide author;
  HolderSide holder;
  author.Append(10);
  Settle(author, holder);
  holder.generations().at(1).damaged = true;
  author.Append(10, "more");
  Settle(author, holder);
  EXPECT_EQ(author.recorder().log().generation().value(), 2u);
  EXPECT_EQ(Payloads(holder).count("more 3"), 0u) << "it stands in the first generation";
  EXPECT_EQ(author.recorder().log().head(), holder.generations().at(2).log->head());
}

TEST(Divergence, AHolderThatInventsHistoryIsNotBelievedWithoutASignature) {
  AuthorSide author;
  HolderSide holder;
  author.Append(100);
  Settle(author, holder);
  // The holder adds what the author never wrote.
  v1::Entry invented = Frame("invented");
  invented.set_generation(1);
  invented.set_sequence(holder.generations().at(1).log->head().size);
  const std::string bytes = invented.SerializeAsString();
  ASSERT_TRUE(AppendTo(holder.archive(), *holder.generations().at(1).log, {bytes}).ok());
  AuthorOptions options = Options();
  options.believe_holder = false;
  Ended ended = RunStream(author, holder, options);
  // What it can prove is what the author has; more is not asked for.
  EXPECT_FALSE(ended.begin.has_value());
  EXPECT_EQ(author.recorder().log().generation().value(), 1u);
}

TEST(Divergence, AComparisonTellsBothSidesAndTheFirstDifference) {
  AuthorSide author;
  HolderSide holder;
  author.Append(1000);
  Settle(author, holder);
  Tamper(holder.store(), 400);
  holder.Open();
  Settle(author, holder);
  int told = 0;
  Ended ended =
      RunStream(author, holder, Options(), [&](AuthorStream& machine, HolderStream& stream) {
        v1::ReplicateResponse command;
        command.mutable_compare()->set_id(7);
        const std::vector<v1::GenerationHead> heads = *stream.Heads();
        for (const v1::GenerationHead& head : heads) {
          *command.mutable_compare()->add_generations() = head;
        }
        ASSERT_TRUE(machine.OnResponse(command).ok());
        ++told;
      });
  ASSERT_TRUE(ended.status.ok()) << ended.status;
  ASSERT_EQ(ended.reports.size(), 1u);
  const v1::ComparisonReport& report = ended.reports[0];
  EXPECT_EQ(report.id(), 7u);
  ASSERT_EQ(report.generations_size(), 2);
  EXPECT_EQ(report.generations(0).kind(), v1::DIVERGENCE_KIND_TAMPERED);
  ASSERT_EQ(report.generations(0).differing_size(), 1);
  EXPECT_EQ(report.generations(0).differing(0).first(), 400u);
  EXPECT_EQ(report.generations(0).differing(0).end(), 401u);
  EXPECT_LE(report.generations(0).round_trips(), 4u);
  EXPECT_EQ(report.generations(1).kind(), v1::DIVERGENCE_KIND_UNSPECIFIED);
  EXPECT_EQ(report.generations(1).round_trips(), 1u);
  EXPECT_LT(report.generations(1).bytes(), 1024u);
}

TEST(Divergence, ASignOfLifeIsGivenToWhoAsks) {
  AuthorSide author;
  HolderSide holder;
  AuthorStream machine(author.logs(), kAuthor, Options());
  v1::ReplicateResponse probe;
  probe.mutable_probe()->set_id(9);
  ASSERT_TRUE(machine.OnResponse(probe).ok());
  auto answer = *machine.Next();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->alive().id(), 9u);
}

}  // namespace
}  // namespace chargeledger::log::replication
