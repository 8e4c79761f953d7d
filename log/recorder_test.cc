#include "log/recorder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "log/memory_store.h"
#include "log/rocksdb_store.h"

namespace chargeledger::log {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");
const Author kAuthor{"acme", "north"};

v1::Entry Frame(const std::string& payload) {
  v1::Entry entry;
  entry.mutable_frame_recorded()->set_charge_point_id("CP1");
  entry.mutable_frame_recorded()->set_payload(payload);
  return entry;
}

std::vector<v1::Entry> ReadAll(const EventLog& log) {
  std::vector<v1::Entry> entries;
  EXPECT_TRUE(log.Read(core::Sequence(0), ~uint64_t{0},
                       [&](core::Sequence, absl::string_view bytes) {
                         EXPECT_TRUE(
                             entries.emplace_back().ParseFromArray(bytes.data(), bytes.size()));
                         return true;
                       })
                  .ok());
  return entries;
}

TEST(Recorder, EntriesAreNumberedAndStampedInTheOrderOfTheCallsAndBootsAreCounted) {
  MemoryStore store;
  core::ManualClock clock(1'000'000);
  for (uint32_t boot = 1; boot <= 3; ++boot) {
    Archive archive(store);
    auto recorder = Recorder::Open(archive, clock, kAuthor, kLog, {});
    ASSERT_TRUE(recorder.ok()) << recorder.status();
    clock.Advance(5);
    ASSERT_TRUE((*recorder)->RecordAndWait({Frame("a"), Frame("b")}).ok());
    const std::vector<v1::Entry> entries = ReadAll((*recorder)->log());
    ASSERT_EQ(entries.size(), boot * 3u);
    for (size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].sequence(), i);
      EXPECT_EQ(entries[i].generation(), 1u);
      EXPECT_EQ(entries[i].boot(), i / 3 + 1);
      EXPECT_EQ(entries[i].has_log_opened(), i % 3 == 0);
    }
    EXPECT_EQ(entries[boot * 3 - 3].log_opened().size(), boot * 3 - 3);
    EXPECT_EQ(entries.back().wall_time_us(), 1'000'000 + 5 * boot);
  }
}

TEST(Recorder, AClockThatStepsIsRecordedBeforeWhatComesNextAndOneThatIsSlewedIsNot) {
  MemoryStore store;
  core::ManualClock clock(1'000'000'000);
  Archive archive(store);
  auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, {});
  constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
  clock.Advance(1'000'000);
  clock.StepWall(kDayUs);
  auto first = recorder->Record({Frame("a")}, [](const absl::Status&) {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->value(), 2u);
  ASSERT_TRUE(recorder->RecordAndWait({Frame("b")}).ok());
  clock.StepWall(-kDayUs);
  ASSERT_TRUE(recorder->RecordAndWait({Frame("c")}).ok());
  // Three seconds are slewed; six that grew out of them are not.
  clock.StepWall(3'000'000);
  ASSERT_TRUE(recorder->RecordAndWait({Frame("d")}).ok());
  clock.StepWall(3'000'000);
  ASSERT_TRUE(recorder->RecordAndWait({Frame("e")}).ok());
  std::vector<int64_t> steps;
  std::string order;
  for (const v1::Entry& entry : ReadAll(recorder->log())) {
    if (entry.has_clock_stepped()) steps.push_back(entry.clock_stepped().step_us());
    order += entry.has_clock_stepped() ? "!" : entry.frame_recorded().payload();
  }
  EXPECT_EQ(steps, (std::vector<int64_t>{kDayUs, -kDayUs, 6'000'000}));
  EXPECT_EQ(order, "!ab!cd!e");
}

TEST(Recorder, AcrossBootsAStepIsRecordedAsFarAsTheClocksCanTell) {
  struct Case {
    std::string os_boot_id;
    int64_t step_us;
    std::optional<v1::ClockStepped::Basis> basis;
  };
  constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
  const Case cases[] = {
      // The operating system has run on: both clocks can be compared.
      {"boot a", kHourUs, v1::ClockStepped::BASIS_SAME_OS_BOOT},
      {"boot a", -kHourUs, v1::ClockStepped::BASIS_SAME_OS_BOOT},
      {"boot a", 0, std::nullopt},
      // Forward may be time in which nothing ran.
      {"boot b", kHourUs, std::nullopt},
      {"boot b", -kHourUs, v1::ClockStepped::BASIS_WALL_CLOCK},
  };
  for (const Case& test : cases) {
    MemoryStore store;
    core::ManualClock clock(1'000'000'000'000);
    clock.Advance(1);
    Archive archive(store);
    RecorderOptions options;
    options.os_boot_id = "boot a";
    {
      auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, options);
      ASSERT_TRUE(recorder->RecordAndWait({Frame("a"), Frame("b"), Frame("c")}).ok());
    }
    clock.Advance(60'000'000);
    clock.StepWall(test.step_us);
    options.os_boot_id = test.os_boot_id;
    auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, options);
    const std::vector<v1::Entry> entries = ReadAll(recorder->log());
    ASSERT_EQ(entries.size(), test.basis.has_value() ? 6u : 5u) << test.step_us;
    if (!test.basis.has_value()) continue;
    const v1::ClockStepped& stepped = entries.back().clock_stepped();
    EXPECT_EQ(stepped.basis(), *test.basis);
    const bool both = test.basis == v1::ClockStepped::BASIS_SAME_OS_BOOT;
    EXPECT_EQ(stepped.step_us(), both ? test.step_us : test.step_us + 60'000'000);
    EXPECT_EQ(stepped.wall_back_us(), test.step_us < 0 ? test.step_us + 60'000'000 : 0);
  }
}

TEST(Recorder, DoneIsCalledOnlyAfterASyncedCommit) {
  MemoryStore store;
  core::ManualClock clock(0);
  Archive archive(store);
  auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, {});
  const int synced = store.synced_commits();
  ASSERT_TRUE(recorder->RecordAndWait({Frame("a")}).ok());
  EXPECT_GT(store.synced_commits(), synced);
  EXPECT_EQ(recorder->log().head().size, 2u);
}

TEST(Recorder, WritersFromManyThreadsShareSyncsAndLoseNothing) {
  constexpr int kThreads = 8, kEach = 500;
  std::string directory = testing::TempDir() + "/recorder-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  core::ManualClock clock(0);
  auto archive = *Archive::Open(directory, {});
  auto recorder = *Recorder::Open(*archive, clock, kAuthor, kLog, {});
  absl::BlockingCounter done(kThreads * kEach);
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        auto first = recorder->Record({Frame(std::to_string(t) + "/" + std::to_string(i))},
                                      [&](const absl::Status& status) {
                                        if (!status.ok()) ++failures;
                                        done.DecrementCount();
                                      });
        ASSERT_TRUE(first.ok()) << first.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  done.Wait();
  EXPECT_EQ(failures, 0);
  std::vector<int> next(kThreads, 0);
  for (const v1::Entry& entry : ReadAll(recorder->log())) {
    if (!entry.has_frame_recorded()) continue;
    const std::string& payload = entry.frame_recorded().payload();
    const size_t slash = payload.find('/');
    EXPECT_EQ(std::stoi(payload.substr(slash + 1)), next[std::stoi(payload.substr(0, slash))]++);
  }
  for (int count : next) EXPECT_EQ(count, kEach);
}

TEST(Recorder, AFailedCommitIsToldToAllWhoWaitAndPoisonsTheLog) {
  MemoryStore store;
  core::ManualClock clock(0);
  Archive archive(store);
  auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, {});
  store.FailCommits(absl::UnavailableError("the disk is gone"));
  EXPECT_EQ(recorder->RecordAndWait({Frame("a")}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(recorder->RecordAndWait({Frame("b")}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(recorder->log().head().size, 1u);
}

TEST(Recorder, AnEventThatDoesNotFitIsRefusedAndTheLogGoesOn) {
  MemoryStore store;
  core::ManualClock clock(0);
  Archive archive(store);
  auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, {});
  EXPECT_EQ(recorder->RecordAndWait({Frame(std::string(kMaxEventBytes, 'x'))}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(recorder->RecordAndWait({Frame(std::string(kMaxEventBytes - 100, 'x'))}).ok());
  EXPECT_EQ(recorder->log().head().size, 2u);
}

TEST(Recorder, AFullQueueIsAnAnswerAndNotAWait) {
  MemoryStore store;
  core::ManualClock clock(0);
  Archive archive(store);
  RecorderOptions options;
  options.max_queued_bytes = 1000;
  auto recorder = *Recorder::Open(archive, clock, kAuthor, kLog, options);
  EXPECT_EQ(recorder->RecordAndWait({Frame(std::string(2000, 'x'))}).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(Recorder, ADataDirectoryOfAnotherSiteIsRefusedByName) {
  MemoryStore store;
  core::ManualClock clock(0);
  Archive archive(store);
  ASSERT_TRUE(Recorder::Open(archive, clock, kAuthor, kLog, {}).ok());
  auto other = Recorder::Open(archive, clock, {"acme", "south"}, kLog, {});
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(other.status().message().find("acme/north"), absl::string_view::npos);
}

}  // namespace
}  // namespace chargeledger::log
