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
#include "edge-agent/rpc/replicator.h"
#include "edge-agent/version.h"
#include "log/archive.h"
#include "log/log_metrics.h"
#include "log/rocksdb_store.h"
#include "log/scrubber.h"
#include "log/tlog/checkpoint.h"
#include "projections/runtime/folder.h"
#include "projections/transactions.h"

namespace chargeledger::edge_agent {
namespace {

namespace asio = boost::asio;

constexpr absl::Duration kWatchEvery = absl::Seconds(1);
// How often the decisions of the last while are folded from the log, so that the memory of them
// stays small.
constexpr int kFoldEveryTicks = 10;
// How long the agent waits for closing handshakes when it stops: 100 × 20 ms.
constexpr int kGoodbyeRounds = 100;
constexpr std::chrono::milliseconds kGoodbyeRound(20);

class RunningAgent final : public Agent {
 public:
  RunningAgent(core::Clock& clock, const AgentOptions& options)
      : clock_(clock), options_(options), work_(asio::make_work_guard(io_)) {}
  ~RunningAgent() override { Stop(); }

  absl::Status Start();
  core::Address address() const override { return endpoint_->address(); }
  std::optional<core::Address> metrics_address() const override {
    return metrics_ == nullptr ? std::nullopt : std::optional(metrics_->address());
  }

 private:
  absl::Status OpenKey();
  absl::Status OpenLog();
  absl::StatusOr<ReplicatorOptions> ToReplicatorOptions();
  absl::Status RecordGap();
  absl::Status StartScrubbing();
  std::vector<core::Metric> CollectMetrics() const;
  absl::Status FoldTransactions();
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
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<log::Recorder> recorder_;
  projections::Transactions transactions_;
  std::unique_ptr<TransactionMemory> memory_;
  std::unique_ptr<CentralSystem> central_system_;
  std::unique_ptr<RecordingSite> site_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Replicator> replicator_;
  std::unique_ptr<log::Scrubber> scrubber_;
  std::unique_ptr<core::MetricsEndpoint> metrics_;
  std::thread io_thread_;
  std::thread house_thread_;
  // Whether there is less space than the reserve.
  std::atomic<bool> scarce_{false};
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status RunningAgent::OpenKey() {
  auto key = options_.signing_key.empty()
                 ? core::ReadOrCreateKeyFile(directory_->Below("signing_key.pem"),
                                             core::RandomBytes(core::kEd25519SeedSize))
                 : core::ReadKeyFile(options_.signing_key);
  if (key.ok()) key_ = *std::move(key);
  return key.status();
}

absl::StatusOr<ReplicatorOptions> RunningAgent::ToReplicatorOptions() {
  ReplicatorOptions options;
  options.ledger = options_.ledger;
  const log::EventLog& log = recorder_->log();
  CL_ASSIGN_OR_RETURN(options.stream.signer,
                      log::tlog::NoteSigner::Create(
                          log::tlog::Origin(options_.author.operator_name, options_.author.site,
                                            log.log_id(), log.generation()),
                          log::tlog::SignatureType::kEd25519, *key_));
  options.stream.holder_key = options_.ledger_key;
  options.cosigned = [this](const std::string& checkpoint) {
    if (absl::Status status = recorder_->KeepCheckpoint(checkpoint); !status.ok()) {
      core::RequestTermination(status);
    }
  };
  return options;
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
  CL_ASSIGN_OR_RETURN(state_store_,
                      log::OpenRocksDbStore(directory_->Below("state"), state_options));
  log::RecorderOptions recorder_options;
  recorder_options.software_version = kVersion;
  recorder_options.os_boot_id = core::OsBootId();
  recorder_options.public_key = key_->public_key();
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
      [](const log::EventLog& log, const log::CheckFinding& finding) {
        spdlog::error("scrub: generation {}: {}", log.generation().value(), finding.detail);
      });
  if (!options_.metrics_listen.has_value()) return absl::OkStatus();
  CL_ASSIGN_OR_RETURN(metrics_, core::MetricsEndpoint::Listen(*options_.metrics_listen,
                                                              [this] { return CollectMetrics(); }));
  return absl::OkStatus();
}

absl::Status RunningAgent::FoldTransactions() {
  const log::EventLog& log = recorder_->log();
  projections::Folder folder(*state_store_, transactions_);
  for (const log::EventLog* past : recorder_->past()) {
    CL_RETURN_IF_ERROR(folder.Fold(*past, options_.author.site).status());
  }
  CL_ASSIGN_OR_RETURN(v1::StoredFold position, folder.Fold(log, options_.author.site));
  asio::post(io_, [this, folded = core::Sequence(position.size())] { memory_->Forget(folded); });
  return absl::OkStatus();
}

absl::Status RunningAgent::Start() {
  CL_RETURN_IF_ERROR(OpenLog());
  CL_RETURN_IF_ERROR(RecordGap());
  memory_ = std::make_unique<TransactionMemory>(*state_store_, recorder_->log().log_id());
  CL_RETURN_IF_ERROR(FoldTransactions());
  central_system_ = std::make_unique<CentralSystem>(*memory_, options_.heartbeat_interval_s);
  WatchSpace();
  site_ = std::make_unique<RecordingSite>(io_, *recorder_, clock_, *central_system_, *memory_);
  CL_ASSIGN_OR_RETURN(endpoint_, Endpoint::Listen(io_, *site_, options_.listen, options_.endpoint));
  if (!options_.ledger.empty()) {
    CL_ASSIGN_OR_RETURN(ReplicatorOptions replicator_options, ToReplicatorOptions());
    replicator_ =
        std::make_unique<Replicator>(recorder_->log(), options_.author, replicator_options);
    recorder_->OnCommitted([this](const log::TreeHead&) { replicator_->Notify(); });
  }
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
    if (tick % kFoldEveryTicks != 0) continue;
    // Without it the memory only grows; but a state store that fails is a disk that fails.
    absl::Status status = FoldTransactions();
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
