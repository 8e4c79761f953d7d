#include "edge-agent/agent.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/ed25519.h"
#include "core/process/data_directory.h"
#include "core/process/disk_space.h"
#include "core/process/key_file.h"
#include "core/process/metrics.h"
#include "core/process/termination.h"
#include "core/system_clock.h"
#include "edge-agent/central_system/central_system.h"
#include "edge-agent/central_system/transaction_memory.h"
#include "edge-agent/endpoint/recording_site.h"
#include "edge-agent/rpc/control_follower.h"
#include "edge-agent/rpc/replicator.h"
#include "edge-agent/version.h"
#include "log/archive.h"
#include "log/log_metrics.h"
#include "log/replication/finding.h"
#include "log/rocksdb_store.h"
#include "log/salvage.h"
#include "log/scrubber.h"
#include "log/tlog/checkpoint.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/transactions.h"

namespace chargeledger::edge_agent {
namespace {

namespace asio = boost::asio;

constexpr absl::Duration kWatchEvery = absl::Seconds(1);
// How often the decisions of the last while are folded from the log, so that the memory of them
// stays small.
constexpr int kFoldEveryTicks = 10;
// For what was lost here to come back before charge points are answered.
constexpr int64_t kLongestWaitMs = 15'000;
constexpr int64_t kLookEveryMs = 20;
// Bundles that are looked at, and dropped, each time.
constexpr uint64_t kDroppedAtOnce = 64;
// How long the agent waits for closing handshakes when it stops: 100 × 20 ms.
constexpr int kGoodbyeRounds = 100;
constexpr std::chrono::milliseconds kGoodbyeRound(20);

class RunningAgent final : public Agent {
 public:
  RunningAgent(core::Clock& clock, const AgentOptions& options)
      : clock_(clock),
        options_(options),
        work_(asio::make_work_guard(io_)),
        books_(*options.tariff) {}
  ~RunningAgent() override { Stop(); }

  absl::Status Start();
  core::Address address() const override { return endpoint_->address(); }
  std::optional<log::RecorderOptions::Begin> next() const override {
    absl::MutexLock lock(&mutex_);
    return next_;
  }
  std::optional<core::Address> metrics_address() const override {
    return metrics_ == nullptr ? std::nullopt : std::optional(metrics_->address());
  }

 private:
  absl::Status OpenKey();
  absl::Status OpenLog();
  // Asks the ledger whether there is more of the log than here.
  absl::StatusOr<std::optional<log::RecorderOptions::Begin>> AskWhetherBehind();
  // Folds what there is to fold; entries that cannot be read are asked of the ledger, and waited
  // for some seconds: a site must come up all the same.
  absl::Status FoldOrMend();
  // Waits until `over`, or some seconds have passed.
  void WaitFor(const std::function<bool()>& over);
  // Waits, for some seconds at most, until the generations before the newest are as the ledger has
  // them, so that no transaction id is given that was given in what was lost here.
  absl::Status WaitForThePast();
  log::replication::AuthorOptions ToAuthorOptions() const;
  void StartReplicating();
  absl::Status RecordGap();
  absl::Status StartScrubbing();
  std::vector<core::Metric> CollectMetrics() const;
  std::vector<const log::EventLog*> Past() const;
  absl::Status FoldTransactions();
  // Folds the ledger's projections over this site's log too, and tells the ledger what came out.
  absl::Status FoldBooks();
  // Drops old entries that the ledger has cosigned, some at a time.
  absl::Status DropOld();
  absl::StatusOr<uint64_t> OldBundles(const log::EventLog& log) const;
  // Until the agent stops: watches the disk's free space, and folds.
  void KeepHouse();
  void WatchSpace();
  void Stop();

  core::Clock& clock_;
  const AgentOptions options_;
  std::unique_ptr<core::DataDirectory> directory_;
  std::optional<core::Ed25519PrivateKey> key_;
  std::unique_ptr<log::Archive> archive_;
  std::unique_ptr<log::Store> state_store_;
  std::unique_ptr<log::Store> books_store_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<log::Recorder> recorder_;
  projections::Transactions transactions_;
  projections::Books books_;
  std::unique_ptr<TransactionMemory> memory_;
  std::unique_ptr<CentralSystem> central_system_;
  std::unique_ptr<RecordingSite> site_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Replicator> replicator_;
  std::unique_ptr<ControlFollower> follower_;
  std::unique_ptr<log::Scrubber> scrubber_;
  std::unique_ptr<core::MetricsEndpoint> metrics_;
  // Whether this life began a generation because the ledger has other entries.
  bool begun_ = false;
  std::thread io_thread_;
  std::thread house_thread_;
  // Whether there is less space than the reserve.
  std::atomic<bool> scarce_{false};
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<log::RecorderOptions::Begin> next_ ABSL_GUARDED_BY(mutex_);
};

absl::Status RunningAgent::OpenKey() {
  auto key = options_.signing_key.empty()
                 ? core::ReadOrCreateKeyFile(directory_->Below("signing_key.pem"),
                                             core::RandomBytes(core::kEd25519SeedSize))
                 : core::ReadKeyFile(options_.signing_key);
  if (key.ok()) key_ = *std::move(key);
  return key.status();
}

log::replication::AuthorOptions RunningAgent::ToAuthorOptions() const {
  log::replication::AuthorOptions options;
  options.key = key_;
  options.holder_key = options_.ledger_key;
  options.instance = options_.instance;
  return options;
}

void RunningAgent::StartReplicating() {
  ReplicatorOptions options;
  options.ledger = options_.ledger;
  options.stream = ToAuthorOptions();
  options.begin = [this](log::RecorderOptions::Begin begin) {
    const std::string reason = begin.opened.reason();
    {
      absl::MutexLock lock(&mutex_);
      next_ = std::move(begin);
    }
    core::RequestTermination(absl::AbortedError("the log begins a new generation: " + reason));
  };
  options.failed = [](const absl::Status& status) { core::RequestTermination(status); };
  replicator_ =
      std::make_unique<Replicator>(*archive_, *recorder_, clock_, options_.author, options);
  recorder_->OnCommitted([this](const log::TreeHead&) { replicator_->Notify(); });
  ControlFollowerOptions follower_options;
  follower_options.ledger = options_.ledger;
  if (options_.ledger_key.has_value()) {
    follower_options.ledger_key = options_.ledger_key->public_key();
  }
  follower_options.failed = options.failed;
  follower_ = std::make_unique<ControlFollower>(*archive_, *recorder_, follower_options);
}

void RunningAgent::WaitFor(const std::function<bool()>& over) {
  for (int64_t waited = 0; waited < kLongestWaitMs && !over(); waited += kLookEveryMs) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::Milliseconds(kLookEveryMs));
  }
}

absl::Status RunningAgent::FoldOrMend() {
  absl::Status status = FoldTransactions();
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  spdlog::error("the log cannot be read whole: {}", status.ToString());
  if (!options_.ledger.empty()) {
    if (replicator_ == nullptr) StartReplicating();
    WaitFor([&] {
      std::vector<const log::EventLog*> logs = Past();
      logs.push_back(&recorder_->log());
      for (const log::EventLog* log : logs) {
        const std::optional<uint64_t> damaged = log::FirstUnreadable(*log, 0);
        if (!damaged.has_value()) continue;
        replicator_->RequestRepair(log->generation(), *damaged / log::kTileWidth,
                                   std::string(status.message()));
        return false;
      }
      status = FoldTransactions();
      return status.code() != absl::StatusCode::kDataLoss;
    });
  }
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  spdlog::error(
      "charge points are answered all the same: a transaction id that was given in what "
      "cannot be read may be given again, and is flagged then");
  return absl::OkStatus();
}

absl::Status RunningAgent::WaitForThePast() {
  if (replicator_ == nullptr) StartReplicating();
  WaitFor([this] { return replicator_->state().live; });
  if (!replicator_->state().live) {
    spdlog::warn(
        "the ledger has not brought back what was lost here: transaction ids may be given "
        "twice, and are flagged then");
  }
  return FoldOrMend();
}

absl::StatusOr<std::optional<log::RecorderOptions::Begin>> RunningAgent::AskWhetherBehind() {
  if (options_.ledger.empty() || options_.ask_ledger_ms == 0) {
    return std::optional<log::RecorderOptions::Begin>();
  }
  CL_ASSIGN_OR_RETURN(log::OwnLogs own,
                      log::OwnLogs::Open(*archive_, options_.author, core::RandomLogId()));
  return AskLedger(options_.ledger, own, options_.author, ToAuthorOptions(),
                   options_.ask_ledger_ms);
}

absl::Status RunningAgent::OpenLog() {
  CL_ASSIGN_OR_RETURN(directory_, core::DataDirectory::Open(options_.data_dir));
  CL_RETURN_IF_ERROR(OpenKey());
  log::RocksDbOptions log_options;
  log_options.sync = options_.sync;
  CL_ASSIGN_OR_RETURN(archive_, log::Archive::Open(directory_->path(), log_options));
  archive_->OnFailed([](const absl::Status& status) { core::RequestTermination(status); });
  log::RocksDbOptions state_options;
  state_options.use = log::RocksDbOptions::Use::kState;
  state_options.cache_bytes = 8 << 20;
  state_options.write_buffer_bytes = 8 << 20;
  CL_ASSIGN_OR_RETURN(state_store_,
                      log::OpenRocksDbStore(directory_->Below("state"), state_options));
  log::RecorderOptions recorder_options;
  recorder_options.software_version = kVersion;
  recorder_options.os_boot_id = core::OsBootId();
  recorder_options.public_key = key_->public_key();
  CL_ASSIGN_OR_RETURN(books_store_,
                      log::OpenRocksDbStore(directory_->Below("books"), state_options));
  {
    // What is damaged is found here before anything is begun because of it.
    auto own = log::OwnLogs::Open(*archive_, options_.author, core::RandomLogId());
    if (archive_->damaged()) {
      return absl::AbortedError("stored bytes are damaged: the log is mended and opened again");
    }
  }
  recorder_options.begin = options_.begin;
  if (!recorder_options.begin.has_value()) {
    CL_ASSIGN_OR_RETURN(recorder_options.begin, AskWhetherBehind());
  }
  begun_ = recorder_options.begin.has_value();
  CL_ASSIGN_OR_RETURN(recorder_, log::Recorder::Open(*archive_, clock_, options_.author,
                                                     core::RandomLogId(), recorder_options));
  if (!recorder_->damage().ok()) {
    spdlog::error("the log is damaged and was left as it is; generation {} begins: {}",
                  recorder_->log().generation().value(), recorder_->damage().ToString());
  }
  return absl::OkStatus();
}

absl::Status RunningAgent::RecordGap() {
  if (!options_.gap.has_value()) return absl::OkStatus();
  v1::Entry entry;
  *entry.mutable_recording_gap() = *options_.gap;
  return recorder_->RecordAndWait({std::move(entry)});
}

std::vector<core::Metric> RunningAgent::CollectMetrics() const {
  std::vector<core::Metric> metrics = log::CollectLogMetrics(*archive_, *scrubber_);
  const auto free_bytes = core::FreeBytes(options_.data_dir);
  metrics.push_back({"chargeledger_disk_free_bytes",
                     "Free space where the log is.",
                     core::Metric::Kind::kGauge,
                     {{{}, free_bytes.ok() ? static_cast<int64_t>(*free_bytes) : 0}}});
  if (replicator_ != nullptr) {
    const ReplicatorState state = replicator_->state();
    const auto held = static_cast<int64_t>(state.held);
    const auto size = static_cast<int64_t>(recorder_->log().head().size);
    metrics.push_back({"chargeledger_replication_live",
                       "1 while the ledger is connected and level, or is being brought level.",
                       core::Metric::Kind::kGauge,
                       {{{}, state.live ? 1 : 0}}});
    metrics.push_back({"chargeledger_replication_behind_entries",
                       "Entries of the newest generation that the ledger is not known to hold.",
                       core::Metric::Kind::kGauge,
                       {{{}, size - held}}});
    metrics.push_back({"chargeledger_replication_sent_bytes_total",
                       "What was sent to the ledger, before gRPC's own framing.",
                       core::Metric::Kind::kCounter,
                       {{{}, static_cast<int64_t>(state.bytes_sent)}}});
    metrics.push_back({"chargeledger_replication_streams_total",
                       "How often a stream to the ledger was begun.",
                       core::Metric::Kind::kCounter,
                       {{{}, static_cast<int64_t>(state.streams)}}});
  }
  metrics.push_back({"chargeledger_new_transactions_refused",
                     "1 while there is less free space than the reserve.",
                     core::Metric::Kind::kGauge,
                     {{{}, scarce_.load() ? 1 : 0}}});
  return metrics;
}

absl::Status RunningAgent::StartScrubbing() {
  log::ScrubberOptions options;
  options.bytes_per_second = options_.scrub_bytes_per_second;
  auto keys_of = [this](const log::EventLog& log) {
    auto key = log::tlog::VerifierKey::Create(
        log::tlog::Origin(options_.author.operator_name, options_.author.site, log.log_id(),
                          log.generation()),
        log::tlog::SignatureType::kEd25519, key_->public_key());
    return key.ok() ? std::vector{*std::move(key)} : std::vector<log::tlog::VerifierKey>();
  };
  scrubber_ = std::make_unique<log::Scrubber>(
      *archive_, clock_, options, keys_of,
      [this](const log::EventLog& log, const log::CheckFinding& finding) {
        spdlog::error("scrub: generation {}: {}", log.generation().value(), finding.detail);
        if (replicator_ == nullptr || !finding.sequence.has_value() ||
            log.log_id() != recorder_->log().log_id()) {
          return;
        }
        replicator_->RequestRepair(log.generation(), *finding.sequence / log::kTileWidth,
                                   finding.detail);
      });
  if (!options_.metrics_listen.has_value()) return absl::OkStatus();
  CL_ASSIGN_OR_RETURN(metrics_, core::MetricsEndpoint::Listen(*options_.metrics_listen,
                                                              [this] { return CollectMetrics(); }));
  return absl::OkStatus();
}

// The generations before the newest that open, also those that were mended since.
std::vector<const log::EventLog*> RunningAgent::Past() const {
  std::vector<const log::EventLog*> logs;
  for (const auto& [generation, past] : recorder_->past()) {
    const log::EventLog* log = past;
    if (log == nullptr) {
      auto opened = archive_->OpenLog(recorder_->log().log_id(), core::Generation(generation));
      if (opened.ok()) log = opened->log;
    }
    if (log != nullptr) logs.push_back(log);
  }
  return logs;
}

absl::Status RunningAgent::FoldTransactions() {
  const log::EventLog& log = recorder_->log();
  projections::Folder folder(*state_store_, transactions_);
  for (const log::EventLog* past : Past()) {
    CL_RETURN_IF_ERROR(folder.Fold(*past, options_.author.site).status());
  }
  CL_ASSIGN_OR_RETURN(v1::StoredFold position, folder.Fold(log, options_.author.site));
  asio::post(io_, [this, folded = core::Sequence(position.size())] { memory_->Forget(folded); });
  return absl::OkStatus();
}

absl::Status RunningAgent::FoldBooks() {
  projections::Folder folder(*books_store_, books_);
  for (const log::EventLog* past : Past()) {
    CL_RETURN_IF_ERROR(folder.Fold(*past, options_.author.site).status());
  }
  CL_ASSIGN_OR_RETURN(v1::StoredFold position, folder.Fold(recorder_->log(), options_.author.site));
  if (replicator_ == nullptr || position.partial()) return absl::OkStatus();
  v1::ProjectionDigests digests;
  digests.set_parameters(books_.parameters());
  auto add = [&](uint32_t generation, uint64_t size, const auto& parts) {
    v1::ProjectionDigests::Point& point = *digests.add_points();
    point.set_generation(generation);
    point.set_size(size);
    for (const v1::StoredFold::Part& part : parts) {
      v1::ProjectionDigests::Part& out = *point.add_parts();
      out.set_name(part.name());
      out.set_version(part.version());
      out.set_digest(part.digest());
    }
  };
  for (const v1::StoredFold::Point& point : position.points()) {
    add(point.generation(), point.size(), point.parts());
  }
  add(position.generation(), position.size(), position.parts());
  replicator_->SendDigests(std::move(digests));
  return absl::OkStatus();
}

// How many bundles of `log`, from its first, are older than what is kept.
absl::StatusOr<uint64_t> RunningAgent::OldBundles(const log::EventLog& log) const {
  const auto cosigned = log::replication::HeadOf(log.checkpoint());
  const uint64_t covered =
      std::min(log.sealed(), cosigned.has_value() ? cosigned->size / log::kTileWidth : 0);
  const int64_t before_us = clock_.WallMicros() - options_.keep_s * 1'000'000;
  uint64_t end = log.dropped();
  while (end < std::min(covered, log.dropped() + kDroppedAtOnce)) {
    bool old = false;
    CL_RETURN_IF_ERROR(log.Read(core::Sequence((end + 1) * log::kTileWidth - 1), 1,
                                [&](core::Sequence, absl::string_view bytes) {
                                  v1::Entry entry;
                                  old = entry.ParseFromArray(bytes.data(),
                                                             static_cast<int>(bytes.size())) &&
                                        entry.wall_time_us() < before_us;
                                  return true;
                                }));
    if (!old) break;
    ++end;
  }
  return end;
}

absl::Status RunningAgent::DropOld() {
  if (options_.keep_s == 0) return absl::OkStatus();
  std::vector<uint32_t> generations;
  for (const auto& [generation, past] : recorder_->past()) {
    if (past != nullptr) generations.push_back(generation);
  }
  generations.push_back(recorder_->log().generation().value());
  for (uint32_t generation : generations) {
    CL_ASSIGN_OR_RETURN(auto opened,
                        archive_->OpenLog(recorder_->log().log_id(), core::Generation(generation)));
    auto end = OldBundles(*opened.log);
    // What cannot be read is for the scrub to find and for the ledger to bring back.
    if (!end.ok()) continue;
    const uint64_t before = opened.log->dropped();
    if (*end == before) continue;
    CL_RETURN_IF_ERROR(archive_->Drop(*opened.log, *end));
    spdlog::info("dropped {} entries of generation {} that the ledger has cosigned",
                 (*end - before) * log::kTileWidth, generation);
  }
  return absl::OkStatus();
}

absl::Status RunningAgent::Start() {
  CL_RETURN_IF_ERROR(OpenLog());
  CL_RETURN_IF_ERROR(RecordGap());
  memory_ = std::make_unique<TransactionMemory>(*state_store_, recorder_->log().log_id());
  CL_RETURN_IF_ERROR(FoldOrMend());
  if (begun_ && !options_.ledger.empty()) CL_RETURN_IF_ERROR(WaitForThePast());
  central_system_ = std::make_unique<CentralSystem>(*memory_, options_.heartbeat_interval_s);
  WatchSpace();
  site_ = std::make_unique<RecordingSite>(io_, *recorder_, clock_, *central_system_, *memory_);
  CL_ASSIGN_OR_RETURN(endpoint_, Endpoint::Listen(io_, *site_, options_.listen, options_.endpoint));
  if (!options_.ledger.empty() && replicator_ == nullptr) StartReplicating();
  CL_RETURN_IF_ERROR(StartScrubbing());
  io_thread_ = std::thread([this] { io_.run(); });
  house_thread_ = std::thread([this] { KeepHouse(); });
  return absl::OkStatus();
}

void RunningAgent::WatchSpace() {
  auto free_bytes = core::FreeBytes(options_.data_dir);
  const bool scarce = free_bytes.ok() && *free_bytes < options_.reserve_bytes;
  if (scarce == scarce_.exchange(scarce)) return;
  if (scarce) {
    spdlog::error(
        "only {} bytes are free, less than the reserve of {}: new transactions are refused",
        *free_bytes, options_.reserve_bytes);
  } else {
    spdlog::info("there is space again: new transactions are accepted");
  }
  asio::post(io_, [this, scarce] { central_system_->RefuseNewTransactions(scarce); });
}

void RunningAgent::KeepHouse() {
  for (int tick = 1;; ++tick) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kWatchEvery)) return;
    }
    WatchSpace();
    // What little space there is, is the log's.
    if (tick % kFoldEveryTicks != 0 || scarce_.load()) continue;
    // Without it the memory only grows; but a state store that fails is a disk that fails.
    absl::Status status = FoldTransactions();
    if (status.ok()) status = FoldBooks();
    if (status.ok()) status = DropOld();
    // Damage is named and mended elsewhere; here it only means to wait.
    if (status.code() == absl::StatusCode::kDataLoss) continue;
    if (!status.ok()) return core::RequestTermination(status);
  }
}

void RunningAgent::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  metrics_.reset();
  scrubber_.reset();
  if (house_thread_.joinable()) house_thread_.join();
  if (io_thread_.joinable()) {
    asio::steady_timer goodbye(io_);
    std::function<void()> wait = [&, rounds = 0]() mutable {
      if (site_->connection_count() == 0 || ++rounds > kGoodbyeRounds) return io_.stop();
      goodbye.expires_after(kGoodbyeRound);
      goodbye.async_wait([&](boost::system::error_code) { wait(); });
    };
    asio::post(io_, [&] {
      endpoint_->Close();
      site_->Shutdown();
      wait();
    });
    io_thread_.join();
  }
  // What is closed abruptly here is known from the next LogOpened entry.
  if (recorder_ != nullptr) recorder_->OnCommitted({});
  follower_.reset();
  replicator_.reset();
  recorder_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(core::Clock& clock,
                                                    const AgentOptions& options) {
  auto agent = std::make_unique<RunningAgent>(clock, options);
  CL_RETURN_IF_ERROR(agent->Start());
  return std::unique_ptr<Agent>(std::move(agent));
}

}  // namespace chargeledger::edge_agent
