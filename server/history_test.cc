#include "server/history.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "log/memory_store.h"
#include "log/replication/author.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"
#include "server/ledger.h"

namespace chargeledger::server {
namespace {

using projections::Conversation;

class HistoryTest : public testing::Test {
 protected:
  // The log of `c`, held here as a whole.
  HeldLog* Hold(const Conversation& c) {
    log::replication::AuthorStream author(c.log(), {"acme", "north"}, {});
    auto stream = ledger_->Admit(author.Hello().hello());
    EXPECT_TRUE(stream.ok()) << stream.status();
    ledger_->Release(*stream);
    log::EventLog& held = *stream->held->generations()[0];
    EXPECT_TRUE(c.log()
                    .Read(core::Sequence(0), ~uint64_t{0},
                          [&](core::Sequence, absl::string_view bytes) {
                            const std::string entry(bytes);
                            log::WriteBatch batch;
                            const auto head = held.Stage({entry}, {log::LeafHash(entry)}, batch);
                            EXPECT_TRUE(store_.Commit(batch, log::Durability::kSynced).ok());
                            held.Publish(head);
                            return true;
                          })
                    .ok());
    return stream->held;
  }
  static v1::AsOf Size(uint64_t size) {
    v1::AsOf as_of;
    as_of.add_positions()->set_site("north");
    as_of.mutable_positions(0)->set_generation(1);
    as_of.mutable_positions(0)->set_size(size);
    return as_of;
  }
  // All states as of this, from a history that has been asked other things before.
  std::map<std::string, std::string> Ask(HeldLog* held, const v1::AsOf& as_of) {
    auto past = history_.At(as_of, {held});
    EXPECT_TRUE(past.ok()) << past.status();
    std::map<std::string, std::string> all;
    EXPECT_TRUE(past->states
                    ->Scan("s", "t",
                           [&](absl::string_view key, absl::string_view value) {
                             all.emplace(std::string(key), std::string(value));
                             return true;
                           })
                    .ok());
    return all;
  }

  log::MemoryStore store_;
  log::MemoryStore past_;
  log::Archive archive_{store_};
  core::ManualClock clock_{0};
  std::unique_ptr<Ledger> ledger_ = *Ledger::Open(archive_, clock_);
  History history_{past_};
};

TEST_F(HistoryTest, EachPositionIsWhatAFoldUpToThereKnowsWhateverWasAskedBefore) {
  Conversation c;
  c.Connect("CP1");
  c.Start(1, 7, 0, "2026-03-01T12:00:00Z");
  c.Meter(7, 1000, "2026-03-01T12:10:00Z");
  c.Stop(7, 2000, "2026-03-01T12:30:00Z");
  HeldLog* held = Hold(c);
  std::map<uint64_t, std::map<std::string, std::string>> expected;
  for (uint64_t size = 0; size <= c.log().head().size; ++size) {
    log::MemoryStore fresh;
    projections::Books books;
    if (size > 0) {
      ASSERT_TRUE(projections::Folder(fresh, books).Fold(c.log(), "north", size).ok());
    }
    EXPECT_TRUE(fresh
                    .Scan("s", "t",
                          [&](absl::string_view key, absl::string_view value) {
                            expected[size].emplace(std::string(key), std::string(value));
                            return true;
                          })
                    .ok());
  }
  for (uint64_t size : {3, 5, 7, 4, 7, 1, 0, 2}) EXPECT_EQ(Ask(held, Size(size)), expected[size]);
  // By time: what was recorded up to then.
  v1::AsOf noon;
  noon.set_time_us(Conversation::kStart + 1'000'000);
  EXPECT_EQ(Ask(held, noon), expected[2]);
}

TEST_F(HistoryTest, ALogThatHasNothingButTheBeginningOfAFrameIsAnsweredToo) {
  Conversation c;
  v1::Entry entry;
  v1::FrameRecorded& frame = *entry.mutable_frame_recorded();
  frame.set_charge_point_id("CP1");
  frame.set_direction(v1::DIRECTION_RECEIVED);
  frame.set_payload("[2,");
  frame.set_part_count(2);
  c.Record(entry);
  EXPECT_TRUE(Ask(Hold(c), Size(1)).empty());
}

TEST_F(HistoryTest, APositionThatThereIsNotIsNamed) {
  Conversation c;
  c.Connect("CP1");
  HeldLog* held = Hold(c);
  EXPECT_EQ(history_.At(Size(2), {held}).status().code(), absl::StatusCode::kInvalidArgument);
  v1::AsOf other = Size(1);
  other.mutable_positions(0)->set_generation(3);
  EXPECT_EQ(history_.At(other, {held}).status().code(), absl::StatusCode::kInvalidArgument);
  other.mutable_positions(0)->set_site("south");
  EXPECT_TRUE(history_.At(other, {held})->logs.empty());
}

}  // namespace
}  // namespace chargeledger::server
