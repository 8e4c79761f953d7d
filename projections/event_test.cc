// What a log may claim of messages and orphans in parts, and how little that costs who reads it.
#include "projections/event.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "core/orphans.h"

namespace chargeledger::projections {
namespace {

constexpr uint32_t kAbsurd = 4'000'000'000;

class Reading : public ::testing::Test {
 protected:
  std::optional<Event> Read(const v1::Entry& entry) {
    std::optional<Event> event =
        reader_.Read(core::Sequence(sequence_++), entry.SerializeAsString());
    most_pending_ = std::max(most_pending_, reader_.pending());
    return event;
  }
  std::optional<Event> ReadPart(uint32_t index, uint32_t count, std::string payload = "x") {
    return Read(Part(index, count, std::move(payload)));
  }
  std::optional<Event> ReadOrphan(uint32_t index, uint32_t count, std::string bytes) {
    v1::Entry entry;
    v1::OrphanedEntry& orphan = *entry.mutable_orphaned_entry();
    orphan.set_generation(1);
    orphan.set_sequence(7);
    orphan.set_part_index(index);
    orphan.set_part_count(count);
    orphan.set_entry(std::move(bytes));
    return Read(entry);
  }
  static v1::Entry Part(uint32_t index, uint32_t count, std::string payload) {
    v1::Entry entry;
    v1::FrameRecorded& frame = *entry.mutable_frame_recorded();
    frame.set_charge_point_id("CP1");
    frame.set_direction(v1::DIRECTION_RECEIVED);
    frame.set_part_index(index);
    frame.set_part_count(count);
    frame.set_payload(std::move(payload));
    return entry;
  }
  static bool IsBad(const std::optional<Event>& event) {
    return event.has_value() && event->kind == Event::Kind::kBadFrame;
  }

  EventReader reader_{core::LogId(), "north", core::Generation(2)};
  uint64_t sequence_ = 0;
  uint64_t most_pending_ = 0;
};

TEST_F(Reading, AMessageThatClaimsTooManyPartsIsABadFrameAtEachOfThem) {
  for (uint32_t i = 0; i < 2'000; ++i) {
    const auto event = ReadPart(i, kAbsurd);
    ASSERT_TRUE(IsBad(event)) << i;
    EXPECT_EQ(event->sequence.value(), i);
  }
  EXPECT_EQ(most_pending_, 0u);
}

TEST_F(Reading, AMessageWhosePartsClaimMoreAndMorePartsEndsAtTheBound) {
  int bad = 0;
  for (uint32_t i = 0; i < 2 * kMostFrameParts; ++i) bad += IsBad(ReadPart(i, i + 2));
  EXPECT_GT(bad, 0);
  EXPECT_LE(most_pending_, uint64_t{kMostFrameParts});
}

TEST_F(Reading, AMessageOfAsManyPartsAsAreAllowedIsReadAtItsFirstOne) {
  std::optional<Event> event;
  for (uint32_t i = 0; i < kMostFrameParts; ++i) {
    ASSERT_FALSE(event.has_value());
    event = ReadPart(i, kMostFrameParts,
                     i == 0                    ? R"([2,"m","Heartbeat",{)"
                     : i + 1 < kMostFrameParts ? " "
                                               : "}]");
  }
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, Event::Kind::kFrame);
  EXPECT_EQ(event->sequence.value(), 0u);
}

TEST_F(Reading, AMessageOfTooManyBytesIsABadFrame) {
  const std::string large(60'000, 'x');
  int bad = 0;
  for (uint32_t i = 0; i < 400; ++i) bad += IsBad(ReadPart(i, 400, large));
  EXPECT_GT(bad, 0);
  EXPECT_LE(most_pending_, kMostFrameBytes / large.size() + 1);
}

TEST_F(Reading, PartsThatNeverFollowEachOtherKeepNothingOpen) {
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(IsBad(ReadPart(5, 10)));
  EXPECT_EQ(most_pending_, 0u);
  // The same start again and again: the last one is open.
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(ReadPart(0, 10).has_value());
  EXPECT_EQ(most_pending_, 1u);
}

TEST_F(Reading, AnOrphanBeyondItsBoundsIsUnreadable) {
  EXPECT_EQ(ReadOrphan(0, kAbsurd, "x")->kind, Event::Kind::kUnreadable);
  EXPECT_EQ(ReadOrphan(3, 10, "x")->kind, Event::Kind::kUnreadable);
  EXPECT_FALSE(ReadOrphan(0, 3, std::string(60'000, 'x')).has_value());
  EXPECT_EQ(ReadOrphan(1, 3, std::string(60'000, 'x'))->kind, Event::Kind::kUnreadable);
  EXPECT_EQ(most_pending_, 1u);
}

TEST_F(Reading, AMessageInsideOrphansThatAreNeverWholeDoesNotStayOpen) {
  EXPECT_FALSE(ReadOrphan(0, 0, Part(0, 10, "x").SerializeAsString()).has_value());
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(ReadOrphan(0, 2, "x").has_value());
  EXPECT_LE(most_pending_, 2u);
}

}  // namespace
}  // namespace chargeledger::projections
