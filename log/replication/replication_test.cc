// The two state machines against each other, without a network.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "log/memory_store.h"
#include "log/replication/author.h"
#include "log/replication/comparison.h"
#include "log/replication/holder.h"

namespace chargeledger::log::replication {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");
const Author kAuthor{"acme", "north"};

std::string MakeEntry(uint64_t sequence, const std::string& payload) {
  v1::Entry entry;
  entry.set_generation(1);
  entry.set_sequence(sequence);
  entry.mutable_frame_recorded()->set_payload(payload);
  return entry.SerializeAsString();
}

// One side: a log in a store of its own.
class Side {
 public:
  Side() { Reopen(); }

  void Reopen() { log_ = *EventLog::Open(store_, kLog, core::Generation(1)); }

  void Append(uint64_t count, const std::string& payload = "frame") {
    for (uint64_t i = 0; i < count; ++i) {
      const std::string bytes = MakeEntry(log_->head().size, payload);
      Store({bytes}, {LeafHash(bytes)});
    }
  }
  void Store(absl::Span<const absl::string_view> entries, absl::Span<const Hash> leaves) {
    WriteBatch batch;
    const TreeHead head = log_->Stage(entries, leaves, batch);
    ASSERT_TRUE(store_.Commit(batch, Durability::kSynced).ok());
    log_->Publish(head);
  }
  EventLog& log() { return *log_; }

 private:
  MemoryStore store_;
  std::unique_ptr<EventLog> log_;
};

v1::ReplicateResponse Position(Side& holder) {
  v1::ReplicateResponse response;
  *response.mutable_position() = ToProto(holder.log().head());
  return response;
}

// Verifies and stores one package, as ledgerd does.
v1::ReplicateResponse Receive(Side& holder, const v1::ReplicateRequest& request) {
  auto verdict = Verify(holder.log(), request.package());
  EXPECT_TRUE(verdict.ok()) << verdict.status();
  v1::ReplicateResponse response;
  if (verdict->refusal.has_value()) {
    *response.mutable_refusal() = *verdict->refusal;
    return response;
  }
  holder.Store(verdict->entries, verdict->leaves);
  *response.mutable_held() = ToProto(holder.log().head());
  return response;
}

// One stream until nothing is left to send, cut after `packages`.
absl::Status RunStream(Side& author, Side& holder, int packages = 1'000'000) {
  AuthorStream stream(author.log(), kAuthor, {});
  EXPECT_TRUE(CheckHello(stream.Hello().hello()).ok());
  absl::Status status = stream.OnResponse(Position(holder));
  while (status.ok() && packages-- > 0) {
    auto package = stream.Next();
    EXPECT_TRUE(package.ok()) << package.status();
    if (!package->has_value()) break;
    status = stream.OnResponse(Receive(holder, **package));
  }
  return status;
}

TEST(Replication, AfterAnyNumberOfCutStreamsBothSidesHoldTheSame) {
  Side author, holder;
  for (int round = 0; round < 6; ++round) {
    author.Append(400);
    ASSERT_TRUE(RunStream(author, holder, round % 3).ok());
    holder.Reopen();
  }
  ASSERT_TRUE(RunStream(author, holder).ok());
  EXPECT_EQ(holder.log().head(), author.log().head());
}

TEST(Replication, APackageThatIsSentAgainIsAcknowledgedAndStoredOnce) {
  Side author, holder;
  author.Append(10);
  AuthorStream stream(author.log(), kAuthor, {});
  ASSERT_TRUE(stream.OnResponse(Position(holder)).ok());
  auto package = *stream.Next();
  Receive(holder, *package);
  const v1::ReplicateResponse again = Receive(holder, *package);
  ASSERT_TRUE(again.has_held()) << again.DebugString();
  EXPECT_EQ(again.held().size(), 10u);
  EXPECT_EQ(holder.log().head(), author.log().head());
}

TEST(Replication, APackageThatOverlapsAddsOnlyWhatIsNew) {
  Side author, holder;
  author.Append(10);
  ASSERT_TRUE(RunStream(author, holder).ok());
  Side empty;
  author.Append(10);
  AuthorStream stream(author.log(), kAuthor, {});
  ASSERT_TRUE(stream.OnResponse(Position(empty)).ok());
  EXPECT_TRUE(Receive(holder, **stream.Next()).has_held());
  EXPECT_EQ(holder.log().head(), author.log().head());
}

TEST(Replication, AHolderThatHasAnotherHistoryIsNeverSentAnything) {
  Side author, holder;
  author.Append(5);
  holder.Append(3, "other");
  AuthorStream stream(author.log(), kAuthor, {});
  ASSERT_TRUE(stream.OnResponse(Position(holder)).ok());
  while (true) {
    auto request = stream.Next();
    ASSERT_TRUE(request.ok());
    if (!request->has_value()) break;
    ASSERT_FALSE((*request)->has_package());
    if (!(*request)->has_nodes()) break;
    v1::ReplicateResponse response;
    *response.mutable_nodes() = *AnswerNodes(holder.log(), (*request)->nodes());
    ASSERT_TRUE(stream.OnResponse(response).ok());
  }
  ASSERT_FALSE(stream.live());
  EXPECT_EQ(stream.TakeWork()->kind, Work::Kind::kBegin);
}

TEST(Replication, AnAuthorThatMeetsAGenerationItDoesNotKnowBeginsAnotherBeforeItSendsAnything) {
  Side author, holder;
  author.Append(5);
  holder.Append(5);
  v1::ReplicateResponse position = Position(holder);
  for (uint32_t generation : {1, 2}) {
    v1::GenerationHead& head = *position.add_generations();
    head.set_generation(generation);
    *head.mutable_head() = position.position();
  }
  AuthorStream stream(author.log(), kAuthor, {});
  ASSERT_TRUE(stream.OnResponse(position).ok());
  auto work = stream.TakeWork();
  ASSERT_TRUE(work.has_value());
  EXPECT_EQ(work->kind, Work::Kind::kBegin);
  EXPECT_EQ(work->opened.previous_generation(), 1u);
  EXPECT_FALSE(stream.live());
  // Who may not be believed must show this author's own signature.
  AuthorOptions options;
  options.believe_holder = false;
  options.key = *core::Ed25519PrivateKey::FromSeed(std::string(32, 'k'));
  AuthorStream wary(author.log(), kAuthor, options);
  ASSERT_TRUE(wary.OnResponse(position).ok());
  EXPECT_FALSE(wary.TakeWork().has_value());
  EXPECT_TRUE(wary.live());
}

TEST(Replication, NothingOfABadPackageIsStored) {
  struct Case {
    std::string what;
    std::function<void(v1::EntryPackage&)> spoil;
    v1::Refusal::Reason reason;
  };
  for (const Case& c : std::vector<Case>{
           {"a bit flipped", [](v1::EntryPackage& p) { (*p.mutable_entries(3)).back() ^= 1; },
            v1::Refusal::REASON_DIVERGED},
           {"root of something else",
            [](v1::EntryPackage& p) { p.mutable_head()->mutable_root()->front() ^= 1; },
            v1::Refusal::REASON_DIVERGED},
           {"entry left out",
            [](v1::EntryPackage& p) { p.mutable_entries()->DeleteSubrange(2, 1); },
            v1::Refusal::REASON_MALFORMED},
           {"entries swapped", [](v1::EntryPackage& p) { p.mutable_entries()->SwapElements(1, 2); },
            v1::Refusal::REASON_MALFORMED},
           {"not an entry", [](v1::EntryPackage& p) { p.set_entries(0, "\xff\xff"); },
            v1::Refusal::REASON_MALFORMED},
           {"beginning beyond the end",
            [](v1::EntryPackage& p) {
              p.set_first_sequence(7);
              p.mutable_head()->set_size(17);
            },
            v1::Refusal::REASON_GAP},
           {"numbers that overflow",
            [](v1::EntryPackage& p) {
              p.set_first_sequence(~uint64_t{0} - 2);
              p.mutable_head()->set_size(7);
            },
            v1::Refusal::REASON_MALFORMED},
           {"nothing", [](v1::EntryPackage& p) { p.clear_entries(); },
            v1::Refusal::REASON_MALFORMED}}) {
    Side author, holder;
    author.Append(10);
    AuthorStream stream(author.log(), kAuthor, {});
    ASSERT_TRUE(stream.OnResponse(Position(holder)).ok());
    auto package = *stream.Next();
    if (!package->package().zstd_entries().empty()) {
      auto unpacked = *UnpackEntries(package->package());
      for (auto entry : unpacked.entries) {
        package->mutable_package()->add_entries(std::string(entry));
      }
      package->mutable_package()->clear_zstd_entries();
    }
    c.spoil(*package->mutable_package());
    const v1::ReplicateResponse response = Receive(holder, *package);
    ASSERT_TRUE(response.has_refusal()) << c.what;
    EXPECT_EQ(response.refusal().reason(), c.reason) << c.what << response.DebugString();
    EXPECT_EQ(holder.log().head().size, 0u) << c.what;
    EXPECT_EQ(holder.log().staged().size(), 0u) << c.what;
    EXPECT_FALSE(stream.OnResponse(response).ok());
  }
}

TEST(Replication, BytesInFlightAreBounded) {
  Side author, holder;
  std::mt19937 random(1);
  std::string noise(1000, ' ');
  for (int i = 0; i < 2000; ++i) {
    for (char& c : noise) c = static_cast<char>(random());
    author.Append(1, noise);
  }
  AuthorOptions options;
  options.sending.max_in_flight_bytes = 300'000;
  options.sending.first_in_flight_bytes = 300'000;
  AuthorStream stream(author.log(), kAuthor, options);
  ASSERT_TRUE(stream.OnResponse(Position(holder)).ok());
  std::vector<v1::ReplicateRequest> sent;
  while (true) {
    auto package = *stream.Next();
    if (!package.has_value()) break;
    sent.push_back(*package);
  }
  EXPECT_EQ(sent.size(), 2u);
  ASSERT_TRUE(stream.OnResponse(Receive(holder, sent[0])).ok());
  EXPECT_TRUE(stream.Next()->has_value());
}

TEST(Replication, AHolderThatClaimsMoreThanItWasSentIsNotBelieved) {
  Side author, holder;
  author.Append(10);
  AuthorStream stream(author.log(), kAuthor, {});
  ASSERT_TRUE(stream.OnResponse(Position(holder)).ok());
  v1::ReplicateResponse lie;
  *lie.mutable_held() = ToProto(author.log().head());
  EXPECT_EQ(stream.OnResponse(lie).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(stream.held().size, 0u);
}

}  // namespace
}  // namespace chargeledger::log::replication
