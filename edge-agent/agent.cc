#include "edge-agent/agent.h"

#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/check.h"
#include "core/ed25519.h"
#include "core/process/data_directory.h"
#include "core/process/disk_space.h"
#include "core/process/key_file.h"
#include "core/process/termination.h"
#include "core/system_clock.h"
#include "edge-agent/agent_core.h"
#include "edge-agent/rpc/control_follower.h"
#include "edge-agent/rpc/replicator.h"
#include "log/local_directory.h"
#include "log/log_metrics.h"
#include "log/scrubber.h"
#include "net/metrics_endpoint.h"

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
  // With which generation the log is to be opened: the one that the life before this asked for, or
  // one that the ledger's answer asks for.
  absl::StatusOr<std::optional<log::RecorderOptions::Begin>> AskWhetherBehind();
  // Folds what there is to fold; entries that cannot be read are asked of the ledger, and waited
  // for some seconds: a site must come up all the same.
  absl::Status FoldOrMend();
  // Waits until `over`, or some seconds have passed.
  void WaitFor(const std::function<bool()>& over);
  // Waits, for some seconds at most, until the generations before the newest are as the ledger has
  // them, so that no transaction id is given that was given in what was lost here.
  absl::Status WaitForThePast();
  void StartReplicating();
  // This life ends, and the next begins a generation.
  void EndFor(log::RecorderOptions::Begin begin);
  absl::Status StartScrubbing();
  std::vector<core::Metric> CollectMetrics() const;
  // Until the agent stops: watches the disk's free space, and folds.
  void KeepHouse();
  void WatchSpace();
  void Stop();

  core::Clock& clock_;
  const AgentOptions options_;
  std::unique_ptr<core::DataDirectory> directory_;
  std::unique_ptr<log::LocalDirectory> files_;
  std::optional<core::Ed25519PrivateKey> key_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::unique_ptr<AgentCore> core_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<Replicator> replicator_;
  std::unique_ptr<ControlFollower> follower_;
  std::unique_ptr<log::Scrubber> scrubber_;
  std::unique_ptr<net::MetricsEndpoint> metrics_;
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
                                             core::RandomBytes(core::kEd25519SeedSize),
                                             directory_->Below("log"))
                 : core::ReadKeyFile(options_.signing_key);
  if (key.ok()) key_ = *std::move(key);
  return key.status();
}

void RunningAgent::StartReplicating() {
  ReplicatorOptions options;
  options.ledger = options_.ledger;
  replicator_ = std::make_unique<Replicator>(options, [this] {
    return core_->NewSession([this](auto begin) { EndFor(std::move(begin)); });
  });
  core_->OnErrands([this] { replicator_->Notify(); });
  core_->recorder().OnCommitted([this](const log::TreeHead&) { replicator_->Notify(); });
  ControlFollowerOptions follower_options;
  follower_options.ledger = options_.ledger;
  follower_ = std::make_unique<ControlFollower>(core_->control(), follower_options);
}

void RunningAgent::EndFor(log::RecorderOptions::Begin begin) {
  const std::string reason = begin.opened.reason();
  {
    absl::MutexLock lock(&mutex_);
    next_ = std::move(begin);
  }
  core::RequestTermination(absl::AbortedError("the log begins a new generation: " + reason));
}

void RunningAgent::WaitFor(const std::function<bool()>& over) {
  for (int64_t waited = 0; waited < kLongestWaitMs && !over(); waited += kLookEveryMs) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::Milliseconds(kLookEveryMs));
  }
}

absl::Status RunningAgent::FoldOrMend() {
  absl::Status status = core_->FoldOrAsk();
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  if (!options_.ledger.empty()) {
    if (replicator_ == nullptr) StartReplicating();
    WaitFor([&] {
      status = core_->FoldOrAsk();
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
  std::optional<log::RecorderOptions::Begin> begin = options_.begin;
  if (begin.has_value() || options_.ledger.empty() || options_.ask_ledger_ms == 0) return begin;
  CL_ASSIGN_OR_RETURN(auto question, core_->Question());
  if (question == nullptr) return begin;
  return AskLedger(options_.ledger, *question, options_.ask_ledger_ms);
}

absl::Status RunningAgent::OpenLog() {
  CL_ASSIGN_OR_RETURN(directory_, core::DataDirectory::Open(options_.data_dir));
  log::RocksDbOptions log_options;
  log_options.sync = options_.sync;
  log::RocksDbOptions state_options;
  state_options.cache_bytes = 8 << 20;
  state_options.write_buffer_bytes = 8 << 20;
  files_ = std::make_unique<log::LocalDirectory>(directory_->path(), log_options, state_options);
  CL_RETURN_IF_ERROR(OpenKey());
  CoreOptions options;
  options.author = options_.author;
  options.heartbeat_interval_s = options_.heartbeat_interval_s;
  options.key = key_;
  options.ledger_key = options_.ledger_key;
  options.instance = options_.instance;
  options.os_boot_id = core::OsBootId();
  options.new_log_id = core::RandomLogId();
  options.keep_s = options_.keep_s;
  options.gap = options_.gap;
  RecordingSite::Surroundings surroundings;
  surroundings.post = [this](std::function<void()> what) { asio::post(io_, std::move(what)); };
  surroundings.failed = [](const absl::Status& status) { core::RequestTermination(status); };
  surroundings.max_messages_per_s =
      static_cast<uint32_t>(options_.endpoint.connection.max_messages_per_s);
  CL_ASSIGN_OR_RETURN(core_, AgentCore::Open(*files_, clock_, options, std::move(surroundings)));
  CL_ASSIGN_OR_RETURN(auto begin, AskWhetherBehind());
  return core_->Begin(begin);
}

std::vector<core::Metric> RunningAgent::CollectMetrics() const {
  std::vector<core::Metric> metrics = log::CollectLogMetrics(core_->archive(), *scrubber_);
  const auto free_bytes = core::FreeBytes(options_.data_dir);
  metrics.push_back({"chargeledger_disk_free_bytes",
                     "Free space where the log is.",
                     core::Metric::Kind::kGauge,
                     {{{}, free_bytes.ok() ? static_cast<int64_t>(*free_bytes) : 0}}});
  if (replicator_ != nullptr) {
    const ReplicatorState state = replicator_->state();
    const auto held = static_cast<int64_t>(state.held);
    const auto size = static_cast<int64_t>(core_->recorder().log().head().size);
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
  for (core::Metric& metric : net::ListenerMetrics("ocpp", endpoint_->stats())) {
    metrics.push_back(std::move(metric));
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
  scrubber_ = std::make_unique<log::Scrubber>(
      core_->archive(), clock_, options,
      [this](const log::EventLog& log) { return core_->KeysOf(log); },
      [this](const log::EventLog& log, const log::CheckFinding& finding) {
        core_->OnFound(log, finding);
      });
  if (!options_.metrics_listen.has_value()) return absl::OkStatus();
  CL_ASSIGN_OR_RETURN(metrics_, net::MetricsEndpoint::Listen(*options_.metrics_listen,
                                                             [this] { return CollectMetrics(); }));
  return absl::OkStatus();
}

absl::Status RunningAgent::Start() {
  CL_RETURN_IF_ERROR(OpenLog());
  CL_RETURN_IF_ERROR(FoldOrMend());
  if (core_->begun() && !options_.ledger.empty()) CL_RETURN_IF_ERROR(WaitForThePast());
  core_->Serve();
  WatchSpace();
  CL_ASSIGN_OR_RETURN(
      endpoint_, Endpoint::Listen(io_, core_->site(), clock_, options_.listen, options_.endpoint));
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
  asio::post(io_, [this, scarce] { core_->central_system().RefuseNewTransactions(scarce); });
}

void RunningAgent::KeepHouse() {
  for (int tick = 1;; ++tick) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kWatchEvery)) return;
    }
    WatchSpace();
    asio::post(io_, [this] { core_->site().Tick(); });
    // What little space there is, is the log's.
    if (tick % kFoldEveryTicks != 0 || scarce_.load()) continue;
    // Without it the memory only grows; but a state store that fails is a disk that fails.
    const absl::Status status = core_->KeepBooks();
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
      if (core_->site().connection_count() == 0 || ++rounds > kGoodbyeRounds) return io_.stop();
      goodbye.expires_after(kGoodbyeRound);
      goodbye.async_wait([&](boost::system::error_code) { wait(); });
    };
    asio::post(io_, [&] {
      endpoint_->Close();
      core_->site().Shutdown();
      wait();
    });
    io_thread_.join();
  }
  // What is closed abruptly here is known from the next LogOpened entry.
  if (replicator_ != nullptr) core_->recorder().OnCommitted({});
  follower_.reset();
  replicator_.reset();
  core_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(core::Clock& clock,
                                                    const AgentOptions& options) {
  auto agent = std::make_unique<RunningAgent>(clock, options);
  CL_RETURN_IF_ERROR(agent->Start());
  return std::unique_ptr<Agent>(std::move(agent));
}

}  // namespace chargeledger::edge_agent
