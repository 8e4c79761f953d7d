// A connection behind a fake stream and a fake site, driven through every order of its events up to
// a small depth.
#include "edge-agent/endpoint/connection.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace chargeledger::edge_agent {
namespace {

using Kind = Outcome::Kind;

// What the fake stream and site saw, also after the connection is gone.
struct Seen {
  // Breaches of stream.h's rules, and of the site's.
  std::vector<std::string> breaches;
  int connected = 0;
  int received = 0;
  int slowed = 0;
  int refused_frames = 0;
  std::vector<v1::ConnectionClosed> disconnected;
  std::vector<std::string> written;
  std::vector<uint16_t> closed_with;
};

class FakeStream final : public Stream {
 public:
  explicit FakeStream(Seen& seen) : seen_(seen) {}

  void Accept(Done done) override {
    Check(!accepted_ && !accept_ && !read_ && !write_ && !close_, "Accept");
    accept_ = std::move(done);
  }
  void Read(Received done) override {
    Check(accepted_ && !failed_ && !closing_ && !read_, "Read");
    read_ = std::move(done);
  }
  void Write(absl::string_view text, Done done) override {
    Check(accepted_ && !failed_ && !closing_ && !write_, "Write");
    seen_.written.emplace_back(text);
    write_ = std::move(done);
  }
  void Close(uint16_t code, absl::string_view, Done done) override {
    Check(accepted_ && !failed_ && !closing_ && !close_, "Close");
    closing_ = true;
    seen_.closed_with.push_back(code);
    close_ = std::move(done);
  }
  void Wait(int64_t us, Done done) override {
    Check(!wait_ && us > 0, "Wait");
    wait_ = std::move(done);
  }

  bool accepting() const { return static_cast<bool>(accept_); }
  bool reading() const { return static_cast<bool>(read_); }
  bool writing() const { return static_cast<bool>(write_); }
  bool closing() const { return static_cast<bool>(close_); }
  bool waiting() const { return static_cast<bool>(wait_); }

  void EndAccept(Kind kind) {
    accepted_ = kind == Kind::kOk;
    End(accept_, kind);
  }
  void EndRead(Kind kind, absl::string_view text = "m") {
    failed_ |= kind != Kind::kOk;
    auto done = std::exchange(read_, nullptr);
    done({kind, 0, ""}, text, false);
  }
  void EndWrite(Kind kind) { End(write_, kind); }
  void EndClose(Kind kind) { End(close_, kind); }
  void EndWait() { std::exchange(wait_, nullptr)({}); }

 private:
  void End(Done& done, Kind kind) {
    failed_ |= kind != Kind::kOk;
    std::exchange(done, nullptr)({kind, 0, ""});
  }
  void Check(bool held, const char* operation) {
    if (held) return;
    seen_.breaches.push_back(absl::StrCat(
        operation, " while", accept_ ? " accept" : "", read_ ? " read" : "", write_ ? " write" : "",
        closing_ ? " close" : "", failed_ ? " failed" : "", accepted_ ? "" : " not accepted"));
  }

  Seen& seen_;
  Done accept_;
  Received read_;
  Done write_;
  Done close_;
  Done wait_;
  bool accepted_ = false;
  bool closing_ = false;
  bool failed_ = false;
};

class FakeSite final : public Site {
 public:
  explicit FakeSite(Seen& seen) : seen_(seen) {}

  absl::StatusOr<Peer> Connect(const std::shared_ptr<Link>& link,
                               const v1::ConnectionOpened& opened) override {
    ++seen_.connected;
    link_ = link;
    return Peer{opened.charge_point_id(), 7, opened.subprotocol()};
  }
  void Refuse(v1::ConnectionRefused) override {}
  absl::Status Receive(const std::shared_ptr<Link>& link, const Peer&, absl::string_view,
                       bool) override {
    if (!seen_.disconnected.empty()) seen_.breaches.push_back("Receive after Disconnect");
    if (full) return absl::ResourceExhaustedError("full");
    ++seen_.received;
    unanswered_.push_back(link);
    return absl::OkStatus();
  }
  void RefuseFrame(v1::FrameRefused) override { ++seen_.refused_frames; }
  void Slow(const Peer&) override { ++seen_.slowed; }
  void Disconnect(const Peer&, v1::ConnectionClosed closed) override {
    seen_.disconnected.push_back(std::move(closed));
  }
  void Shutdown() override {}
  size_t connection_count() const override { return 0; }

  bool has_unanswered() const { return !unanswered_.empty(); }
  void Recorded(bool answer) {
    const std::shared_ptr<Link> link = std::move(unanswered_.front());
    unanswered_.erase(unanswered_.begin());
    link->OnRecorded(answer ? std::optional<std::string>("a") : std::nullopt);
  }
  // As recording_site does: who is gone hears nothing.
  std::shared_ptr<Link> registered() {
    return seen_.disconnected.empty() && !dropped ? link_.lock() : nullptr;
  }

  bool full = false;
  bool dropped = false;

 private:
  Seen& seen_;
  std::weak_ptr<Link> link_;
  std::vector<std::shared_ptr<Link>> unanswered_;
};

// One life of a connection, stepped by events.
class Life {
 public:
  explicit Life(ConnectionLimits limits) : limits_(limits) {
    auto connection = std::make_shared<Connection>(site_, clock_, limits_);
    connection_ = connection;
    v1::ConnectionOpened opened;
    opened.set_charge_point_id("CP1");
    EXPECT_TRUE(connection->Connect(opened).ok());
    auto stream = std::make_unique<FakeStream>(seen_);
    stream_ = stream.get();
    connection->Run(std::move(stream));
  }

  struct Event {
    std::string name;
    std::function<void()> happen;
  };

  bool alive() const { return !connection_.expired(); }

  // What may happen now.
  std::vector<Event> Possible() {
    std::vector<Event> events;
    if (!alive()) return events;
    const auto add = [&](const char* name, std::function<void()> happen) {
      events.push_back({name, std::move(happen)});
    };
    if (stream_->accepting()) {
      add("accepted", [this] { stream_->EndAccept(Kind::kOk); });
      add("accept lost", [this] { stream_->EndAccept(Kind::kLost); });
    }
    if (stream_->reading()) {
      add("read", [this] { stream_->EndRead(Kind::kOk); });
      add("read, recorder full", [this] {
        site_.full = true;
        stream_->EndRead(Kind::kOk);
      });
      add("read closed", [this] { stream_->EndRead(Kind::kClosedByPeer); });
      add("read bad", [this] { stream_->EndRead(Kind::kBadMessage); });
      add("read timed out", [this] { stream_->EndRead(Kind::kTimedOut); });
    }
    if (stream_->writing()) {
      add("written", [this] { stream_->EndWrite(Kind::kOk); });
      add("write lost", [this] { stream_->EndWrite(Kind::kLost); });
    }
    if (stream_->closing()) {
      add("closed", [this] { stream_->EndClose(Kind::kOk); });
      add("close timed out", [this] { stream_->EndClose(Kind::kTimedOut); });
    }
    if (stream_->waiting()) {
      add("waited", [this] {
        clock_.Advance(10'000'000);
        stream_->EndWait();
      });
    }
    if (site_.has_unanswered()) {
      add("recorded, answered", [this] { site_.Recorded(true); });
      add("recorded", [this] { site_.Recorded(false); });
    }
    if (site_.registered() != nullptr) {
      add("replaced", [this] {
        const auto link = site_.registered();
        site_.dropped = true;
        link->OnReplaced();
      });
      add("shutdown", [this] { site_.registered()->OnShutdown(); });
    }
    return events;
  }

  // The peer is lost: everything under way fails, in the order of a socket that is closed.
  void Lose() {
    while (alive()) {
      if (site_.has_unanswered()) {
        site_.Recorded(true);
      } else if (stream_->accepting()) {
        stream_->EndAccept(Kind::kLost);
      } else if (stream_->writing()) {
        stream_->EndWrite(Kind::kLost);
      } else if (stream_->reading()) {
        stream_->EndRead(Kind::kLost);
      } else if (stream_->closing()) {
        stream_->EndClose(Kind::kLost);
      } else if (stream_->waiting()) {
        clock_.Advance(10'000'000);
        stream_->EndWait();
      } else {
        break;
      }
    }
  }

  const Seen& seen() const { return seen_; }
  FakeStream& stream() { return *stream_; }
  FakeSite& site() { return site_; }
  core::ManualClock& clock() { return clock_; }

 private:
  const ConnectionLimits limits_;
  Seen seen_;
  core::ManualClock clock_{0};
  FakeSite site_{seen_};
  std::weak_ptr<Connection> connection_;
  FakeStream* stream_ = nullptr;
};

// Runs every sequence of events of at most `depth`, each followed by the loss of the peer. Returns
// how many there were.
int64_t Explore(const ConnectionLimits& limits, int depth, std::vector<size_t>& path) {
  std::vector<std::string> names;
  size_t possible = 0;
  {
    Life life(limits);
    for (size_t choice : path) {
      auto events = life.Possible();
      names.push_back(events[choice].name);
      events[choice].happen();
    }
    possible = life.Possible().size();
    life.Lose();
    const std::string told = absl::StrJoin(names, "; ");
    EXPECT_TRUE(life.seen().breaches.empty())
        << told << ": " << absl::StrJoin(life.seen().breaches, "; ");
    EXPECT_EQ(life.seen().disconnected.size(), 1u) << told;
    EXPECT_FALSE(life.alive()) << told;
    if (testing::Test::HasFailure()) return 1;
  }
  int64_t runs = 1;
  if (static_cast<int>(path.size()) == depth) return runs;
  for (size_t choice = 0; choice < possible; ++choice) {
    path.push_back(choice);
    runs += Explore(limits, depth, path);
    path.pop_back();
    if (testing::Test::HasFailure()) break;
  }
  return runs;
}

TEST(ConnectionTest, EveryOrderOfEventsKeepsTheRulesOfTheStreamAndEndsOnce) {
  ConnectionLimits limits;
  limits.max_unanswered = 2;
  limits.max_messages_per_s = 0;
  std::vector<size_t> path;
  const int64_t runs = Explore(limits, 11, path);
  RecordProperty("orders", static_cast<int>(runs));
  EXPECT_GT(runs, 100'000);
}

TEST(ConnectionTest, EveryOrderOfEventsOfASlowedConnectionKeepsTheRulesToo) {
  ConnectionLimits limits;
  limits.max_unanswered = 3;
  limits.max_messages_per_s = 1;
  limits.burst_messages = 1;
  std::vector<size_t> path;
  EXPECT_GT(Explore(limits, 10, path), 10'000);
}

TEST(ConnectionTest, OneThatIsReplacedWhileItsHandshakeIsAnsweredClosesAfterwards) {
  Life life({});
  life.site().registered()->OnReplaced();
  EXPECT_TRUE(life.seen().closed_with.empty());
  life.stream().EndAccept(Kind::kOk);
  EXPECT_EQ(life.seen().closed_with, std::vector<uint16_t>{1008});
  EXPECT_FALSE(life.stream().reading());
  life.stream().EndClose(Kind::kOk);
  ASSERT_EQ(life.seen().disconnected.size(), 1u);
  EXPECT_EQ(life.seen().disconnected[0].reason(), v1::ConnectionClosed::REASON_REPLACED);
}

TEST(ConnectionTest, AFullRecorderClosesWithTryAgainLater) {
  Life life({});
  life.stream().EndAccept(Kind::kOk);
  life.site().full = true;
  life.stream().EndRead(Kind::kOk);
  EXPECT_EQ(life.seen().closed_with, std::vector<uint16_t>{1013});
  life.Lose();
}

TEST(ConnectionTest, AFloodIsReadAtTheRateOfTheLimitAfterItsBurstAndEachMessageIsAnswered) {
  ConnectionLimits limits;
  limits.max_messages_per_s = 100;
  limits.burst_messages = 1'000;
  Life life(limits);
  life.stream().EndAccept(Kind::kOk);
  // Ten seconds of a station that always has something to say.
  const uint64_t end_us = 10'000'000;
  int64_t waits = 0;
  while (life.clock().MonotonicMicros() < end_us) {
    if (life.stream().reading()) {
      life.stream().EndRead(Kind::kOk);
      life.site().Recorded(true);
      life.stream().EndWrite(Kind::kOk);
    } else {
      ASSERT_TRUE(life.stream().waiting());
      ++waits;
      life.clock().Advance(10'000);
      life.stream().EndWait();
    }
  }
  EXPECT_GE(life.seen().received, 1'990);
  EXPECT_LE(life.seen().received, 2'010);
  EXPECT_EQ(life.seen().written.size(), static_cast<size_t>(life.seen().received));
  EXPECT_EQ(life.seen().slowed, waits);
  life.Lose();
}

}  // namespace
}  // namespace chargeledger::edge_agent
