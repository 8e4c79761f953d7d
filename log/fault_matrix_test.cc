// What RocksDB does not see, and what it does: every way in which files of a data directory were
// lost or damaged in trials. Each must be found when the directory is opened or scrubbed, and
// named; nothing that was acknowledged may be missing without a word.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/clock.h"
#include "log/archive.h"
#include "log/fsck.h"
#include "log/local_directory.h"
#include "log/recorder.h"
#include "log/scrubber.h"

namespace chargeledger::log {
namespace {

namespace fs = std::filesystem;

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");
const Author kAuthor{"acme", "north"};

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void FlipBit(const fs::path& path, size_t at) {
  std::string bytes = ReadFile(path);
  ASSERT_LT(at, bytes.size()) << path;
  bytes[at] ^= 0x10;
  WriteFile(path, bytes);
}

class FaultMatrix : public testing::Test {
 protected:
  FaultMatrix() {
    root_ = testing::TempDir() + "/fault-matrix-XXXXXX";
    if (mkdtemp(root_.data()) == nullptr) std::abort();
    live_ = root_ + "/live";
    fs::create_directories(live_);
  }
  ~FaultMatrix() override { fs::remove_all(root_); }

  // Records `count` frames one by one in a recorder over `directory`, and then calls `then` while
  // everything is open: what is on the disk at that moment is what a crash leaves.
  void Record(
      const std::string& directory, uint64_t count,
      const std::function<void(const Recorder&)>& then,
      const std::function<void()>& after_each = [] {}) {
    core::ManualClock clock(0);
    auto archive = Archive::Open(directory, {});
    ASSERT_TRUE(archive.ok()) << archive.status();
    auto recorder = Recorder::Open(**archive, clock, kAuthor, kLog, {});
    ASSERT_TRUE(recorder.ok()) << recorder.status();
    for (uint64_t i = 0; i < count; ++i) {
      v1::Entry entry;
      entry.mutable_frame_recorded()->set_payload(absl::StrCat("frame ", i));
      const absl::Status status = (*recorder)->RecordAndWait({entry});
      ASSERT_TRUE(status.ok()) << status;
      after_each();
    }
    (*archive)->WaitUntilSealed();
    then(**recorder);
  }

  // As a crash would leave it: a copy of the open directory.
  std::string Crash() {
    const std::string copy = absl::StrCat(root_, "/crash", ++crashes_);
    fs::copy(live_, copy, fs::copy_options::recursive);
    fs::remove(copy + "/log/LOCK");
    return copy;
  }
  // A directory whose entries are in SST files.
  std::string Flushed() {
    Record(live_, 700, [](const Recorder&) {});
    // Opening writes what the log held into a table.
    Record(live_, 0, [](const Recorder&) {});
    return Crash();
  }

  static std::vector<fs::path> Files(const std::string& directory, const std::string& suffix) {
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(directory + "/log")) {
      if (absl::EndsWith(file.path().string(), suffix) && fs::file_size(file.path()) > 0) {
        files.push_back(file.path());
      }
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  static fs::path Newest(const std::string& directory, const std::string& suffix) {
    return Files(directory, suffix).back();
  }
  static fs::path Manifest(const std::string& directory) {
    for (const auto& file : fs::directory_iterator(directory + "/log")) {
      if (absl::StartsWith(file.path().filename().string(), "MANIFEST-")) return file.path();
    }
    return {};
  }

  // Why a directory does not open.
  static absl::Status OpenStatus(const std::string& directory) {
    core::ManualClock clock(0);
    auto archive = Archive::Open(directory, {});
    if (!archive.ok()) return archive.status();
    return Recorder::Open(**archive, clock, kAuthor, kLog, {}).status();
  }

  // The directory opens, says that it lost `lost` entries on, and goes on in generation 2, whose
  // second entry tells the same.
  void ExpectNewGeneration(const std::string& directory, uint64_t lost, const std::string& why) {
    core::ManualClock clock(0);
    auto archive = Archive::Open(directory, {});
    ASSERT_TRUE(archive.ok()) << archive.status();
    auto recorder = Recorder::Open(**archive, clock, kAuthor, kLog, {});
    ASSERT_TRUE(recorder.ok()) << recorder.status();
    EXPECT_EQ((*recorder)->damage().code(), absl::StatusCode::kDataLoss);
    EXPECT_TRUE(absl::StrContains((*recorder)->damage().message(), why)) << (*recorder)->damage();
    EXPECT_EQ((*recorder)->log().generation().value(), 2u);
    ASSERT_EQ((*recorder)->past().size(), 1u);
    EXPECT_EQ((*recorder)->past().at(1)->head().size, lost);
    std::vector<v1::Entry> entries;
    ASSERT_TRUE((*recorder)
                    ->log()
                    .Read(core::Sequence(0), 10,
                          [&](core::Sequence, absl::string_view bytes) {
                            EXPECT_TRUE(entries.emplace_back().ParseFromArray(
                                bytes.data(), static_cast<int>(bytes.size())));
                            return true;
                          })
                    .ok());
    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[1].generation_opened().previous_generation(), 1u);
    EXPECT_EQ(entries[1].generation_opened().previous_size(), lost);
    EXPECT_GT(entries[1].generation_opened().witnessed_size(), lost);
  }

  std::vector<std::string> FsckFindings(const std::string& directory) {
    auto report = CheckDataDirectory(directory, {}, [](const LogChecker&) {});
    EXPECT_TRUE(report.ok()) << report.status();
    std::vector<std::string> all = report->findings;
    for (const FsckLog& log : report->logs) {
      for (const CheckFinding& finding : log.findings) all.push_back(finding.detail);
    }
    return all;
  }

  std::string root_, live_;
  int crashes_ = 0;
};

TEST_F(FaultMatrix, WhatACrashLeavesOpensWholeAndIsClean) {
  std::string crashed;
  Record(live_, 700, [&](const Recorder&) { crashed = Crash(); });
  EXPECT_EQ(FsckFindings(crashed), std::vector<std::string>());
  Record(crashed, 0, [](const Recorder& recorder) {
    EXPECT_TRUE(recorder.damage().ok()) << recorder.damage();
    EXPECT_EQ(recorder.log().head().size, 702u);
  });
}

TEST_F(FaultMatrix, ADeletedLiveWriteAheadLogIsFound) {
  std::string crashed;
  Record(live_, 300, [&](const Recorder&) { crashed = Crash(); });
  fs::remove(Newest(crashed, ".log"));
  // RocksDB itself notices nothing: the directory is empty for it.
  EXPECT_EQ(OpenStatus(crashed).code(), absl::StatusCode::kDataLoss) << OpenStatus(crashed);
  EXPECT_TRUE(absl::StrContains(OpenStatus(crashed).message(), "301 entries"));
}

TEST_F(FaultMatrix, ADeletedWriteAheadLogOfALogThatHasTablesBeginsANewGeneration) {
  std::string crashed;
  Record(live_, 300, [](const Recorder&) {});
  Record(live_, 50, [&](const Recorder&) { crashed = Crash(); });
  fs::remove(Newest(crashed, ".log"));
  EXPECT_FALSE(FsckFindings(crashed).empty());
  ExpectNewGeneration(crashed, 301, "entries 301 to 351 were acknowledged and are gone");
}

TEST_F(FaultMatrix, AWriteAheadLogCutAtTheBorderOfARecordIsFound) {
  std::string crashed;
  std::vector<uintmax_t> sizes;
  Record(
      live_, 100, [&](const Recorder&) { crashed = Crash(); },
      [&] { sizes.push_back(fs::file_size(Newest(live_, ".log"))); });
  fs::resize_file(Newest(crashed, ".log"), sizes[59]);
  EXPECT_FALSE(FsckFindings(crashed).empty());
  // LogOpened and 60 frames.
  ExpectNewGeneration(crashed, 61, "entries 61 to 100 were acknowledged and are gone");
}

TEST_F(FaultMatrix, AWriteAheadLogCutInMidRecordIsFound) {
  std::string crashed;
  std::vector<uintmax_t> sizes;
  Record(
      live_, 100, [&](const Recorder&) { crashed = Crash(); },
      [&] { sizes.push_back(fs::file_size(Newest(live_, ".log"))); });
  fs::resize_file(Newest(crashed, ".log"), sizes[59] + 9);
  ExpectNewGeneration(crashed, 61, "entries 61 to 100 were acknowledged and are gone");
}

TEST_F(FaultMatrix, ABitFlippedInMidWriteAheadLogIsFound) {
  std::string crashed;
  Record(live_, 300, [&](const Recorder&) { crashed = Crash(); });
  FlipBit(Newest(crashed, ".log"), fs::file_size(Newest(crashed, ".log")) / 2);
  const absl::Status status = OpenStatus(crashed);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_FALSE(FsckFindings(crashed).empty());
}

TEST_F(FaultMatrix, ABitFlippedInATableIsFoundByFsckAndByScrubbing) {
  const std::string crashed = Flushed();
  fs::path largest;
  for (const fs::path& file : Files(crashed, ".sst")) {
    if (largest.empty() || fs::file_size(file) > fs::file_size(largest)) largest = file;
  }
  FlipBit(largest, fs::file_size(largest) / 3);
  const std::vector<std::string> findings = FsckFindings(crashed);
  ASSERT_FALSE(findings.empty());
  EXPECT_TRUE(absl::StrContains(findings[0], largest.filename().string())) << findings[0];
}

TEST_F(FaultMatrix, AScrubNamesTheFirstDamagedEntryAndGoesOnBehindIt) {
  core::ManualClock clock(0);
  Record(live_, 1000, [](const Recorder&) {});
  auto archive = *Archive::Open(live_, {});
  auto opened = *archive->OpenLog(kLog, core::Generation(1));
  archive->WaitUntilSealed();
  const LogKeys keys(kLog, core::Generation(1));
  std::string bundle = **archive->store().Get(keys.Bundle(1));
  bundle[bundle.size() / 2] ^= 1;
  WriteBatch batch;
  batch.Put(keys.Bundle(1), bundle);
  ASSERT_TRUE(archive->store().Commit(batch, Durability::kSynced).ok());
  std::vector<std::string> told;
  Scrubber scrubber(
      *archive, clock, {0, 0}, [](const EventLog&) { return std::vector<tlog::VerifierKey>(); },
      [&](const EventLog&, const CheckFinding& finding) { told.push_back(finding.detail); });
  auto findings = scrubber.ScrubNow(*opened.log, [](const LogChecker&) { return true; });
  ASSERT_TRUE(findings.ok()) << findings.status();
  ASSERT_EQ(findings->size(), 1u);
  EXPECT_GE((*findings)[0].sequence.value_or(0), 256u);
  EXPECT_LT((*findings)[0].sequence.value_or(0), 512u);
  EXPECT_EQ(told.size(), 1u);
  EXPECT_EQ(scrubber.progress()[0].checked, 1001u);
  EXPECT_EQ(scrubber.progress()[0].rounds, 1u);
}

TEST_F(FaultMatrix, TheScrubComesAroundAndFindsWhatWasDamagedMeanwhile) {
  core::ManualClock clock(7'000'000);
  Record(live_, 600, [](const Recorder&) {});
  auto archive = *Archive::Open(live_, {});
  ASSERT_TRUE(archive->OpenLog(kLog, core::Generation(1)).ok());
  archive->WaitUntilSealed();
  absl::Mutex mutex;
  std::string told;
  Scrubber scrubber(
      *archive, clock, {int64_t{1} << 40, 0},
      [](const EventLog&) { return std::vector<tlog::VerifierKey>(); },
      [&](const EventLog&, const CheckFinding& finding) {
        absl::MutexLock lock(&mutex);
        if (told.empty()) told = finding.detail;
      });
  // Whoever asks meanwhile gets the same.
  for (uint64_t rounds = 0; rounds < 3;) {
    const std::vector<ScrubProgress> progress = scrubber.progress();
    if (!progress.empty()) rounds = progress[0].rounds;
  }
  EXPECT_EQ(scrubber.progress()[0].finished_at_us, 7'000'000);
  {
    absl::MutexLock lock(&mutex);
    EXPECT_EQ(told, "");
  }
  const LogKeys keys(kLog, core::Generation(1));
  std::string bundle = **archive->store().Get(keys.Bundle(0));
  bundle.resize(bundle.size() - 40);
  WriteBatch batch;
  batch.Put(keys.Bundle(0), bundle);
  ASSERT_TRUE(archive->store().Commit(batch, Durability::kSynced).ok());
  absl::MutexLock lock(&mutex);
  auto found = [&] { return !told.empty(); };
  mutex.Await(absl::Condition(&found));
  EXPECT_TRUE(absl::StrContains(told, "is damaged (bundle 0")) << told;
}

TEST_F(FaultMatrix, AWalkThatIsPacedSlowlyEndsAtOnceWhenItIsToStop) {
  core::ManualClock clock(0);
  Record(live_, 600, [](const Recorder&) {});
  auto archive = *Archive::Open(live_, {});
  ASSERT_TRUE(archive->OpenLog(kLog, core::Generation(1)).ok());
  // A byte a second: the second piece would come in hours.
  Scrubber scrubber(
      *archive, clock, {1, 0}, [](const EventLog&) { return std::vector<tlog::VerifierKey>(); },
      [](const EventLog&, const CheckFinding&) {});
  while (scrubber.progress().empty()) {
  }
  EXPECT_EQ(scrubber.progress()[0].checked, 256u);
}

TEST_F(FaultMatrix, ADeletedTableIsFound) {
  const std::string crashed = Flushed();
  const fs::path table = Files(crashed, ".sst")[0];
  fs::remove(table);
  const absl::Status status = OpenStatus(crashed);
  EXPECT_FALSE(status.ok());
  // As it is called on disk, and with what to do.
  EXPECT_TRUE(absl::StrContains(status.message(), table.filename().string())) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "put the file back")) << status;
  EXPECT_FALSE(FsckFindings(crashed).empty());
}

TEST_F(FaultMatrix, ADamagedManifestOrCurrentIsFoundAndNothingIsDeleted) {
  const std::string good = Flushed();
  struct Case {
    std::string what;
    std::function<void(const std::string&)> damage;
  };
  for (const Case& c : std::vector<Case>{
           {"MANIFEST flipped", [](const std::string& d) { FlipBit(Manifest(d), 40); }},
           {"MANIFEST gone", [](const std::string& d) { fs::remove(Manifest(d)); }},
           {"MANIFEST empty", [](const std::string& d) { WriteFile(Manifest(d), ""); }},
           {"CURRENT garbage", [](const std::string& d) { WriteFile(d + "/log/CURRENT", "x\n"); }},
           {"CURRENT empty", [](const std::string& d) { WriteFile(d + "/log/CURRENT", ""); }},
           {"CURRENT gone", [](const std::string& d) { fs::remove(d + "/log/CURRENT"); }}}) {
    const std::string damaged = absl::StrCat(root_, "/damaged", ++crashes_);
    fs::copy(good, damaged, fs::copy_options::recursive);
    c.damage(damaged);
    const size_t tables = Files(damaged, ".sst").size();
    const absl::Status status = OpenStatus(damaged);
    EXPECT_FALSE(status.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(status.message(), "/log")) << c.what << ": " << status;
    EXPECT_EQ(Files(damaged, ".sst").size(), tables) << c.what;
    EXPECT_FALSE(FsckFindings(damaged).empty()) << c.what;
  }
}

TEST_F(FaultMatrix, ATornHeadFileSlotCostsNothing) {
  std::string crashed;
  Record(live_, 20, [&](const Recorder&) { crashed = Crash(); });
  for (size_t slot : {0, 1}) {
    const std::string torn = absl::StrCat(root_, "/torn", slot);
    fs::copy(crashed, torn, fs::copy_options::recursive);
    FlipBit(torn + "/heads", slot * 4096 + 60);
    EXPECT_TRUE(OpenStatus(torn).ok()) << slot << ": " << OpenStatus(torn);
  }
}

TEST_F(FaultMatrix, AStaleHeadFileIsWhatAPowerCutLeavesAndIsBroughtUpToDate) {
  Record(live_, 5, [](const Recorder&) {});
  const std::string stale = ReadFile(live_ + "/heads");
  Record(live_, 20, [](const Recorder&) {});
  WriteFile(live_ + "/heads", stale);
  Record(live_, 0, [](const Recorder& recorder) {
    EXPECT_TRUE(recorder.damage().ok()) << recorder.damage();
    EXPECT_EQ(recorder.log().head().size, 28u);
  });
  EXPECT_NE(ReadFile(live_ + "/heads"), stale);
}

TEST_F(FaultMatrix, AMissingHeadFileIsRefusedUntilSomebodyAcceptsWhatIsThere) {
  Record(live_, 20, [](const Recorder&) {});
  fs::remove(live_ + "/heads");
  const absl::Status status = OpenStatus(live_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "--rebuild-heads")) << status;
  // Having been tried once, it is still missing.
  EXPECT_FALSE(OpenStatus(live_).ok());
  EXPECT_FALSE(FsckFindings(live_).empty());
  ASSERT_TRUE(RebuildHeads(live_).ok());
  EXPECT_TRUE(OpenStatus(live_).ok()) << OpenStatus(live_);
}

TEST_F(FaultMatrix, AHeadFileWithBothSlotsDamagedIsAMissingOne) {
  Record(live_, 20, [](const Recorder&) {});
  FlipBit(live_ + "/heads", 60);
  FlipBit(live_ + "/heads", 4096 + 60);
  EXPECT_EQ(OpenStatus(live_).code(), absl::StatusCode::kFailedPrecondition) << OpenStatus(live_);
}

TEST_F(FaultMatrix, AnotherHistoryThanTheHeadFileRemembersBeginsANewGeneration) {
  // Two lives of one log that differ in what they recorded.
  Record(live_, 20, [](const Recorder&) {});
  const std::string copy = Crash();
  Record(live_, 3, [](const Recorder&) {});
  const std::string heads = ReadFile(live_ + "/heads");
  Record(copy, 1, [](const Recorder&) {});
  Record(copy, 5, [](const Recorder&) {});
  WriteFile(copy + "/heads", heads);
  core::ManualClock clock(0);
  auto archive = *Archive::Open(copy, {});
  auto recorder = *Recorder::Open(*archive, clock, kAuthor, kLog, {});
  EXPECT_TRUE(absl::StrContains(recorder->damage().message(), "another history"))
      << recorder->damage();
  EXPECT_EQ(recorder->log().generation().value(), 2u);
}

TEST_F(FaultMatrix, AStoreWithRottenBytesIsMendedWhenItIsOpenedAgainAndTheOldOneIsKept) {
  Record(live_, 2000, [](const Recorder&) {});
  // Opening again writes what the write-ahead log has into a table.
  Record(live_, 1, [](const Recorder&) {});
  fs::path table;
  for (const auto& file : fs::directory_iterator(live_ + "/log")) {
    if (file.path().extension() == ".sst" &&
        (table.empty() || fs::file_size(file) > fs::file_size(table))) {
      table = file.path();
    }
  }
  ASSERT_FALSE(table.empty());
  FlipBit(table, 10);
  TreeHead before;
  {
    // Whoever reads the damaged block finds it, and it is remembered.
    auto archive = Archive::Open(live_, {});
    ASSERT_TRUE(archive.ok()) << archive.status();
    absl::Status told;
    (*archive)->OnFailed([&](const absl::Status& status) { told = status; });
    (void)(*archive)->store().VerifyFiles();
    (void)(*archive)->store().Scan("", "",
                                   [](absl::string_view, absl::string_view) { return true; });
    EXPECT_TRUE((*archive)->damaged());
  }
  EXPECT_TRUE(fs::exists(live_ + "/damaged"));
  auto archive = Archive::Open(live_, {});
  ASSERT_TRUE(archive.ok()) << archive.status();
  EXPECT_FALSE(fs::exists(live_ + "/damaged"));
  EXPECT_TRUE(fs::exists(live_ + "/log.damaged-1"));
  EXPECT_TRUE((*archive)->store().VerifyFiles().ok());
  // Which log it is was in the rotten block, and in the file of records.
  EXPECT_TRUE((*archive)->store().Get("a")->has_value());
  EXPECT_FALSE((*archive)->damaged());
}

TEST_F(FaultMatrix, AFileOfRecordsThatIsDamagedIsWrittenAgainFromTheStore) {
  Record(live_, 1, [](const Recorder&) {});
  FlipBit(live_ + "/records", 5);
  EXPECT_EQ(ReadRecords(LocalDirectory(live_), "records").status().code(),
            absl::StatusCode::kDataLoss);
  Record(live_, 1, [](const Recorder&) {});
  EXPECT_TRUE(ReadRecords(LocalDirectory(live_), "records").ok());
}

}  // namespace
}  // namespace chargeledger::log
