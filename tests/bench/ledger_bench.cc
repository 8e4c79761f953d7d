// The central side: how fast a log is taken in over gRPC, against RocksDB writing the same bytes
// with the same syncs, and how fast the books are built again from it.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "core/system_clock.h"
#include "edge-agent/rpc/replicator.h"
#include "log/archive.h"
#include "log/memory_store.h"
#include "log/rocksdb_store.h"
#include "log/scrubber.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "server/ledger.h"
#include "server/log_queries.h"
#include "server/queries.h"
#include "server/rpc/control_hub.h"
#include "server/rpc/server.h"
#include "tests/bench/traffic.h"

namespace chargeledger::bench {
namespace {

constexpr uint64_t kEntries = 200'000;
constexpr uint64_t kPackage = 256;

const std::vector<std::string>& Traffic() {
  static const std::vector<std::string> kTraffic = RecordTraffic(kEntries);
  return kTraffic;
}

int64_t TrafficBytes() {
  int64_t bytes = 0;
  for (const std::string& entry : Traffic()) bytes += static_cast<int64_t>(entry.size());
  return bytes;
}

// A directory that goes away with the object.
class Scratch {
 public:
  Scratch() {
    path_ = std::filesystem::temp_directory_path() / "ledger-bench-XXXXXX";
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string Below(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");

// All traffic in a log, committed in packages.
std::unique_ptr<log::EventLog> Fill(log::Store& store, log::Durability durability) {
  auto log = *log::EventLog::Open(store, kLog, core::Generation(1));
  for (size_t at = 0; at < Traffic().size(); at += kPackage) {
    std::vector<absl::string_view> entries;
    std::vector<log::Hash> leaves;
    for (size_t i = at; i < std::min<size_t>(at + kPackage, Traffic().size()); ++i) {
      entries.push_back(Traffic()[i]);
      leaves.push_back(log::LeafHash(Traffic()[i]));
    }
    log::WriteBatch batch;
    const log::TreeHead head = log->Stage(entries, leaves, batch);
    if (!store.Commit(batch, durability).ok()) std::abort();
    log->Publish(head);
  }
  return log;
}

void Report(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(Traffic().size()));
  state.SetBytesProcessed(state.iterations() * TrafficBytes());
}

// The floor: the same bytes in the same batches, synced, and nothing else.
void BM_RawRocksDb(benchmark::State& state) {
  Traffic();
  for (auto _ : state) {
    Scratch scratch;
    auto store = *log::OpenRocksDbStore(scratch.Below("raw"), {});
    for (size_t at = 0; at < Traffic().size(); at += kPackage) {
      log::WriteBatch batch;
      for (size_t i = at; i < std::min<size_t>(at + kPackage, Traffic().size()); ++i) {
        std::string key;
        log::AppendBigEndian64(key, i);
        batch.Put(std::move(key), Traffic()[i]);
      }
      if (!store->Commit(batch, log::Durability::kSynced).ok()) std::abort();
    }
  }
  Report(state);
}
BENCHMARK(BM_RawRocksDb)->Unit(benchmark::kMillisecond)->UseRealTime();

// The log without a network: tree, tiles, head, sync.
void BM_EventLog(benchmark::State& state) {
  Traffic();
  for (auto _ : state) {
    Scratch scratch;
    auto store = *log::OpenRocksDbStore(scratch.Below("log"), {});
    Fill(*store, log::Durability::kSynced);
  }
  Report(state);
}
BENCHMARK(BM_EventLog)->Unit(benchmark::kMillisecond)->UseRealTime();

// An edge agent's replicator to a ledger, over loopback.
void BM_IngestOverGrpc(benchmark::State& state) {
  log::MemoryStore author_store;
  Fill(author_store, log::Durability::kBuffered);
  log::Archive author_archive(author_store);
  core::SystemClock author_clock;
  auto recorder = *log::Recorder::Open(author_archive, author_clock, {"acme", "north"}, kLog, {});
  const uint64_t size = recorder->log().head().size;
  for (auto _ : state) {
    Scratch scratch;
    auto archive = *log::Archive::Open(scratch.Below(""), {});
    log::MemoryStore states;
    core::SystemClock clock;
    auto ledger = *server::Ledger::Open(*archive, clock);
    struct Progress {
      absl::Mutex mutex;
      uint64_t held = 0;
    } progress;
    ledger->OnGrown([&](const std::vector<server::HeldLog*>& grown) {
      absl::MutexLock lock(&progress.mutex);
      progress.held = grown[0]->generations()[0]->head().size;
    });
    server::Queries queries(*ledger, states);
    log::Scrubber scrubber(
        *archive, clock, {0, 0},
        [](const log::EventLog&) { return std::vector<log::tlog::VerifierKey>(); },
        [](const log::EventLog&, const log::CheckFinding&) {});
    server::LogQueries log_queries(*ledger, scrubber);
    server::ControlHub hub(nullptr);
    auto rpc =
        *server::RpcServer::Listen({"127.0.0.1", 0}, {*ledger, queries, log_queries, hub, {}});
    edge_agent::ReplicatorOptions options;
    options.ledger = rpc->address().ToText();
    log::replication::Errands errands;
    edge_agent::Replicator replicator(options, [&] {
      return std::make_unique<log::replication::AuthorSession>(
          author_archive, *recorder, clock, log::Author{"acme", "north"},
          log::replication::AuthorOptions(), errands, log::replication::AuthorSession::Callbacks());
    });
    {
      absl::MutexLock lock(&progress.mutex);
      auto complete = [&] { return progress.held == size; };
      progress.mutex.Await(absl::Condition(&complete));
    }
  }
  Report(state);
}
BENCHMARK(BM_IngestOverGrpc)->Unit(benchmark::kMillisecond)->UseRealTime();

// All four projections from a log on disk into a state on disk.
void BM_Rebuild(benchmark::State& state) {
  Scratch scratch;
  auto store = *log::OpenRocksDbStore(scratch.Below("log"), {});
  auto log = Fill(*store, log::Durability::kBuffered);
  projections::Books books;
  int run = 0;
  for (auto _ : state) {
    log::RocksDbOptions options;
    options.use = log::RocksDbOptions::Use::kState;
    auto states = *log::OpenRocksDbStore(scratch.Below("state" + std::to_string(run++)), options);
    if (!projections::Folder(*states, books).Fold(*log, "north").ok()) std::abort();
  }
  Report(state);
}
BENCHMARK(BM_Rebuild)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace chargeledger::bench

BENCHMARK_MAIN();
