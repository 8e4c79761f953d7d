// The log itself: append, read, prove and open, against RocksDB writing the same bytes with the
// same syncs, and against the floor, a plain file. See docs/BENCHMARKS.md.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "core/system_clock.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/rocksdb_store.h"
#include "tests/bench/traffic.h"

namespace chargeledger::bench {
namespace {

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");

// A directory that goes away with the object.
class Scratch {
 public:
  Scratch() {
    path_ = std::filesystem::temp_directory_path() / "log-bench-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string Below(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Entries of one size, of the kind that charge points send: the same words with other numbers.
const std::vector<std::string>& Entries(size_t size) {
  static std::map<size_t, std::vector<std::string>> made;
  std::vector<std::string>& entries = made[size];
  uint64_t state = size;
  while (entries.size() < 4096) {
    std::string& entry = entries.emplace_back();
    while (entry.size() < size) {
      state = state * 6364136223846793005 + 1442695040888963407;
      absl::StrAppend(&entry, R"({"measurand":"Energy.Active.Import.Register","value":")",
                      state >> 44, R"("},)");
    }
    entry.resize(size);
  }
  return entries;
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

void Report(benchmark::State& state, int64_t batch, int64_t size) {
  state.SetItemsProcessed(state.iterations() * batch);
  state.SetBytesProcessed(state.iterations() * batch * size);
}

log::RocksDbOptions Options(bool durable) {
  log::RocksDbOptions options;
  options.sync = durable;
  return options;
}

// state: entry size, entries a commit, durable.
void BM_AppendRawRocksDb(benchmark::State& state) {
  const auto& entries = Entries(static_cast<size_t>(state.range(0)));
  const uint64_t batch_size = static_cast<uint64_t>(state.range(1));
  Scratch scratch;
  auto store = *log::OpenRocksDbStore(scratch.Below("raw"), Options(state.range(2) != 0));
  // The same bytes: the keys too.
  std::string key = log::LogKeys(kLog, core::Generation(1)).Entry(0);
  uint64_t next = 0;
  for (auto _ : state) {
    log::WriteBatch batch;
    for (uint64_t i = 0; i < batch_size; ++i, ++next) {
      log::LogKeys::SetNumber(next, key);
      batch.Put(key, entries[next % entries.size()]);
    }
    Check(store->Commit(batch, log::Durability::kSynced));
  }
  Report(state, state.range(1), state.range(0));
}

// The same through the log: leaf hashes, tree, tiles, head, head file, sealing behind it.
void BM_AppendLog(benchmark::State& state) {
  const auto& entries = Entries(static_cast<size_t>(state.range(0)));
  const uint64_t batch_size = static_cast<uint64_t>(state.range(1));
  Scratch scratch;
  auto archive = *log::Archive::Open(scratch.path(), Options(state.range(2) != 0));
  log::EventLog* log = archive->OpenLog(kLog, core::Generation(1))->log;
  uint64_t next = 0;
  for (auto _ : state) {
    std::vector<absl::string_view> views;
    std::vector<log::Hash> leaves;
    for (uint64_t i = 0; i < batch_size; ++i, ++next) {
      views.push_back(entries[next % entries.size()]);
      leaves.push_back(log::LeafHash(views.back()));
    }
    log::WriteBatch batch;
    const log::TreeHead head = log->Stage(views, leaves, batch);
    Check(archive->Commit(batch, {{log, head}}));
  }
  Report(state, state.range(1), state.range(0));
}

// What the disk alone costs: the same bytes to the end of a file, and fdatasync.
void BM_AppendPlainFile(benchmark::State& state) {
  const auto& entries = Entries(static_cast<size_t>(state.range(0)));
  const uint64_t batch_size = static_cast<uint64_t>(state.range(1));
  Scratch scratch;
  const int file = open(scratch.Below("plain").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  uint64_t next = 0;
  for (auto _ : state) {
    std::string bytes;
    for (uint64_t i = 0; i < batch_size; ++i, ++next) bytes += entries[next % entries.size()];
    if (write(file, bytes.data(), bytes.size()) < 0) std::abort();
    if (state.range(2) != 0 && fdatasync(file) != 0) std::abort();
  }
  close(file);
  Report(state, state.range(1), state.range(0));
}

void Sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"bytes", "batch", "durable"});
  for (int64_t batch : {1, 100, 1000}) {
    for (int64_t size : {100, 300, 1024, 10'240}) {
      if (size * batch <= 1 << 20) bench->Args({size, batch, 1});
    }
  }
  for (int64_t batch : {1, 100, 1000}) bench->Args({300, batch, 0});
  bench->UseRealTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK(BM_AppendRawRocksDb)->Apply(Sizes);
BENCHMARK(BM_AppendLog)->Apply(Sizes);
BENCHMARK(BM_AppendPlainFile)->Apply(Sizes);

// The author with so many writers, each of whom waits for its frame before it records the next.
// state: writers.
void BM_RecordByWriters(benchmark::State& state) {
  Scratch scratch;
  core::SystemClock clock;
  auto archive = *log::Archive::Open(scratch.path(), {});
  auto recorder = *log::Recorder::Open(*archive, clock, {"acme", "north"}, kLog, {});
  v1::Entry frame;
  frame.mutable_frame_recorded()->set_payload(Entries(250)[0]);
  const int writers = static_cast<int>(state.range(0));
  constexpr int kEach = 500;
  for (auto _ : state) {
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          Check(recorder->RecordAndWait({frame}));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  state.SetItemsProcessed(state.iterations() * writers * kEach);
}
BENCHMARK(BM_RecordByWriters)
    ->Arg(1)
    ->Arg(4)
    ->Arg(16)
    ->Arg(64)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Batches of a fixed size with two under way, as when a busy site records: while one waits for the
// disk, the next is serialised and hashed. Compare with BM_AppendRawRocksDb of 300 bytes. state:
// entries a batch.
void BM_RecordBatches(benchmark::State& state) {
  Scratch scratch;
  core::SystemClock clock;
  auto archive = *log::Archive::Open(scratch.path(), {});
  auto recorder = *log::Recorder::Open(*archive, clock, {"acme", "north"}, kLog, {});
  v1::Entry frame;
  // With the entry's own fields 300 bytes.
  frame.mutable_frame_recorded()->set_payload(Entries(268)[0]);
  const std::vector<v1::Entry> batch(static_cast<size_t>(state.range(0)), frame);
  absl::Mutex mutex;
  int under_way = 0;
  for (auto _ : state) {
    {
      absl::MutexLock lock(&mutex);
      auto room = [&] { return under_way < 2; };
      mutex.Await(absl::Condition(&room));
      ++under_way;
    }
    Check(recorder
              ->Record(batch,
                       [&](const absl::Status& status) {
                         Check(status);
                         absl::MutexLock lock(&mutex);
                         --under_way;
                       })
              .status());
  }
  absl::MutexLock lock(&mutex);
  auto done = [&] { return under_way == 0; };
  mutex.Await(absl::Condition(&done));
  Report(state, state.range(0), 300);
}
BENCHMARK(BM_RecordBatches)
    ->Arg(1)
    ->Arg(100)
    ->Arg(1000)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// A writer that does not wait: the queue decides how much goes into a commit.
void BM_RecordWithoutWaiting(benchmark::State& state) {
  Scratch scratch;
  core::SystemClock clock;
  auto archive = *log::Archive::Open(scratch.path(), {});
  auto recorder = *log::Recorder::Open(*archive, clock, {"acme", "north"}, kLog, {});
  v1::Entry frame;
  frame.mutable_frame_recorded()->set_payload(Entries(250)[0]);
  constexpr int kFrames = 100'000;
  for (auto _ : state) {
    absl::Notification all;
    std::atomic<int> left{kFrames};
    for (int i = 0; i < kFrames; ++i) {
      Check(recorder
                ->Record({frame},
                         [&](const absl::Status& status) {
                           Check(status);
                           if (--left == 0) all.Notify();
                         })
                .status());
    }
    all.WaitForNotification();
  }
  state.SetItemsProcessed(state.iterations() * kFrames);
}
BENCHMARK(BM_RecordWithoutWaiting)->UseRealTime()->Unit(benchmark::kMillisecond);

// A log of realistic traffic on disk, all of it sealed.
struct Sealed {
  explicit Sealed(uint64_t size) {
    const std::vector<std::string> traffic = RecordTraffic(200'000);
    archive = *log::Archive::Open(scratch.path(), Options(false));
    log = archive->OpenLog(kLog, core::Generation(1))->log;
    for (uint64_t next = 0; next < size;) {
      std::vector<absl::string_view> views;
      std::vector<log::Hash> leaves;
      for (uint64_t i = 0; i < 4096 && next < size; ++i, ++next) {
        views.push_back(traffic[next % traffic.size()]);
        leaves.push_back(log::LeafHash(views.back()));
      }
      log::WriteBatch batch;
      const log::TreeHead head = log->Stage(views, leaves, batch);
      Check(archive->Commit(batch, {{log, head}}));
    }
    archive->WaitUntilSealed();
  }
  void Close() {
    log = nullptr;
    archive.reset();
  }

  Scratch scratch;
  std::unique_ptr<log::Archive> archive;
  log::EventLog* log = nullptr;
};

void BM_ReadSequentially(benchmark::State& state) {
  Sealed sealed(400'000);
  uint64_t bytes = 0;
  for (auto _ : state) {
    Check(sealed.log->Read(core::Sequence(0), 400'000, [&](core::Sequence, absl::string_view e) {
      bytes += e.size();
      return true;
    }));
  }
  state.SetItemsProcessed(state.iterations() * 400'000);
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}
BENCHMARK(BM_ReadSequentially)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_InclusionProof(benchmark::State& state) {
  Sealed sealed(400'000);
  uint64_t at = 0;
  for (auto _ : state) {
    at = (at * 6364136223846793005 + 1442695040888963407) % 400'000;
    auto proof = sealed.log->InclusionProof(core::Sequence(at), 400'000);
    Check(proof.status());
    benchmark::DoNotOptimize(proof);
  }
}
BENCHMARK(BM_InclusionProof)->UseRealTime()->Unit(benchmark::kMicrosecond);

int64_t ResidentKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::stoll(line.substr(6));
  }
  return 0;
}

// What a million entries of realistic traffic take on disk once they are sealed, against the frames
// alone. The simulation's clocks tick in seconds; real ones do not, and their digits do not
// compress.
void BM_StoredBytes(benchmark::State& state) {
  std::vector<std::string> traffic = RecordTraffic(200'000);
  uint64_t noise = 1;
  for (std::string& bytes : traffic) {
    v1::Entry entry;
    if (!entry.ParseFromString(bytes)) std::abort();
    // A frame and its answer are stamped together.
    if (entry.frame_recorded().direction() == v1::DIRECTION_RECEIVED) {
      noise = noise * 6364136223846793005 + 1442695040888963407;
    }
    entry.set_wall_time_us(entry.wall_time_us() + static_cast<int64_t>(noise >> 44));
    entry.set_monotonic_us(entry.monotonic_us() + (noise >> 44));
    bytes = entry.SerializeAsString();
  }
  constexpr uint64_t kEntries = 1'000'000;
  uint64_t frame_bytes = 0, entry_bytes = 0;
  int64_t disk = 0;
  for (auto _ : state) {
    Scratch scratch;
    auto archive = *log::Archive::Open(scratch.path(), Options(false));
    log::EventLog* log = archive->OpenLog(kLog, core::Generation(1))->log;
    for (uint64_t next = 0; next < kEntries;) {
      std::vector<absl::string_view> views;
      std::vector<log::Hash> leaves;
      for (uint64_t i = 0; i < 256 && next < kEntries; ++i, ++next) {
        views.push_back(traffic[next % traffic.size()]);
        leaves.push_back(log::LeafHash(views.back()));
        v1::Entry entry;
        if (!entry.ParseFromArray(views.back().data(), static_cast<int>(views.back().size()))) {
          std::abort();
        }
        frame_bytes += entry.frame_recorded().payload().size();
        entry_bytes += views.back().size();
      }
      log::WriteBatch batch;
      const log::TreeHead head = log->Stage(views, leaves, batch);
      Check(archive->Commit(batch, {{log, head}}));
      // As with traffic that comes no faster than a network of charge points sends it.
      if (next % (64 * 256) == 0) archive->WaitUntilSealed();
    }
    archive->WaitUntilSealed();
    archive.reset();
    // Opening writes what the write-ahead log held into a table.
    log::Archive::Open(scratch.path(), {}).value().reset();
    for (const auto& file : std::filesystem::recursive_directory_iterator(scratch.path())) {
      if (file.is_regular_file()) disk += static_cast<int64_t>(file.file_size());
    }
  }
  state.counters["entry_bytes"] = static_cast<double>(entry_bytes) / kEntries;
  state.counters["frame_bytes"] = static_cast<double>(frame_bytes) / kEntries;
  state.counters["disk_bytes"] = static_cast<double>(disk) / kEntries;
  state.counters["disk_to_frames"] = static_cast<double>(disk) / static_cast<double>(frame_bytes);
}
BENCHMARK(BM_StoredBytes)->Iterations(1)->Unit(benchmark::kMillisecond);

// state: entries. Opens store, head file and log, tail and all; and what that takes of memory.
void BM_Open(benchmark::State& state) {
  Sealed sealed(static_cast<uint64_t>(state.range(0)));
  const uint64_t size = sealed.log->head().size;
  sealed.Close();
  int64_t disk = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(sealed.scratch.path())) {
    if (file.is_regular_file()) disk += static_cast<int64_t>(file.file_size());
  }
  const int64_t before = ResidentKiB();
  int64_t during = 0;
  for (auto _ : state) {
    auto archive = *log::Archive::Open(sealed.scratch.path(), {});
    auto opened = archive->OpenLog(kLog, core::Generation(1));
    Check(opened.status());
    Check(opened->witness);
    if (opened->log->head().size != size) std::abort();
    state.PauseTiming();
    during = std::max(during, ResidentKiB());
    archive.reset();
    state.ResumeTiming();
  }
  state.counters["disk_MiB"] = static_cast<double>(disk) / (1 << 20);
  state.counters["resident_MiB"] = static_cast<double>(during - before) / 1024;
}
BENCHMARK(BM_Open)
    ->Arg(100'000)
    ->Arg(10'000'000)
    ->Iterations(5)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace chargeledger::bench

BENCHMARK_MAIN();
