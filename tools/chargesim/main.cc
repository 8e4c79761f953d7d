// chargesim: simulated charge points as real WebSocket clients. See --help.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/process/address.h"
#include "core/system_clock.h"
#include "core/timestamp.h"
#include "tools/chargesim/charge_point.h"
#include "tools/chargesim/connection.h"
#include "tools/chargesim/csv_replay.h"

namespace chargeledger::chargesim {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr std::chrono::milliseconds kTick(20);
constexpr int64_t kSecondUs = 1'000'000;
// Real time, after the end, for queues to empty and closing handshakes to be answered.
constexpr int64_t kDrainUs = 10 * kSecondUs;
constexpr int64_t kCloseUs = kSecondUs;

struct Flags {
  std::vector<std::string> urls = {"ws://127.0.0.1:9000/ocpp"};
  int charge_points = 10;
  std::string id_prefix = "CP";
  uint64_t seed = 1;
  double speed = 1;
  std::string duration = "1h";
  std::string start;
  std::string summary_json;
  std::string from_csv;
  std::string ocpp = "1.6";
  Behaviour behaviour;
};

// 90s, 30m, 6h, or seconds; 0 if it is none of these.
int64_t ParseDurationUs(absl::string_view text) {
  int64_t unit = 1;
  if (absl::ConsumeSuffix(&text, "h")) {
    unit = 3600;
  } else if (absl::ConsumeSuffix(&text, "m")) {
    unit = 60;
  } else {
    absl::ConsumeSuffix(&text, "s");
  }
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number <= 0 || number > 100'000'000) return 0;
  return number * unit * kSecondUs;
}

absl::StatusOr<Url> ParseUrl(const std::string& text) {
  absl::string_view rest = text;
  Url url;
  if (absl::ConsumePrefix(&rest, "ws://")) {
    const size_t slash = rest.find('/');
    auto address = core::Address::Parse("--url", rest.substr(0, slash));
    if (address.ok() && slash != rest.npos) {
      url.path = std::string(absl::StripSuffix(rest.substr(slash), "/"));
      url.host = address->host;
      url.port = absl::StrCat(address->port);
      return url;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--url is \"", text, "\"; it must look like ws://HOST:PORT/ocpp"));
}

class Simulation {
 public:
  Simulation(const Flags& flags, const std::vector<Url>& urls, int64_t duration_us,
             int64_t start_us, std::vector<std::unique_ptr<Speaker>> points)
      : flags_(flags),
        duration_us_(duration_us),
        start_us_(start_us),
        timer_(io_),
        signals_(io_, SIGINT, SIGTERM),
        points_(std::move(points)) {
    for (size_t i = 0; i < points_.size(); ++i) {
      connections_.push_back(std::make_shared<Connection>(
          io_, *points_[i], urls[i % urls.size()], [this] { return NowUs(); }, flags.seed + i));
    }
  }

  void Run() {
    real_start_us_ = RealUs();
    signals_.async_wait([this](boost::system::error_code error, int) {
      if (!error) interrupted_ = true;
    });
    for (auto& connection : connections_) connection->Start();
    Tick();
    io_.run();
  }

  json Summary() const;

 private:
  int64_t RealUs() { return static_cast<int64_t>(clock_.MonotonicMicros()); }
  int64_t NowUs() {
    const double passed = static_cast<double>(RealUs() - real_start_us_) * flags_.speed;
    return start_us_ + std::min(static_cast<int64_t>(passed), duration_us_);
  }

  void Tick() {
    for (auto& connection : connections_) connection->Tick();
    Report();
    // What is replayed has no duration: it is over when all was said.
    const bool over = flags_.from_csv.empty() ? NowUs() >= start_us_ + duration_us_ : Settled();
    if (!finished_at_us_ && (interrupted_ || over)) {
      finished_at_us_ = RealUs();
      for (auto& point : points_) point->Finish();
    }
    if (finished_at_us_ && !closed_at_us_ && (Settled() || RealUs() > finished_at_us_ + kDrainUs)) {
      closed_at_us_ = RealUs();
      for (auto& connection : connections_) connection->Close();
    }
    if (closed_at_us_ && RealUs() > closed_at_us_ + kCloseUs) return io_.stop();
    timer_.expires_after(kTick);
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) Tick();
    });
  }

  bool Settled() const {
    return std::all_of(points_.begin(), points_.end(),
                       [](const auto& point) { return point->Settled(); });
  }

  void Report() {
    if (RealUs() < next_report_us_) return;
    next_report_us_ = RealUs() + 5 * kSecondUs;
    size_t connected = 0, transactions = 0;
    uint64_t frames = 0;
    for (const auto& connection : connections_) connected += connection->connected();
    for (const auto& point : points_) {
      transactions += point->transactions().size();
      frames += point->counts().frames_sent;
    }
    absl::FPrintF(stderr, "chargesim: %s  %d of %d connected, %d transactions, %d frames\n",
                  core::FormatTimestamp(NowUs()).substr(0, 19), connected, points_.size(),
                  transactions, frames);
  }

  const Flags flags_;
  const int64_t duration_us_;
  const int64_t start_us_;
  core::SystemClock clock_;
  int64_t real_start_us_ = 0;
  int64_t next_report_us_ = 0;
  int64_t finished_at_us_ = 0;
  int64_t closed_at_us_ = 0;
  bool interrupted_ = false;
  asio::io_context io_{1};
  asio::steady_timer timer_;
  asio::signal_set signals_;
  std::vector<std::unique_ptr<Speaker>> points_;
  std::vector<std::shared_ptr<Connection>> connections_;
};

json Simulation::Summary() const {
  json transactions = json::array();
  Counts total;
  size_t lost = 0, settled = 0;
  int64_t energy_wh = 0;
  for (const auto& point : points_) {
    for (const Transaction& t : point->transactions()) {
      transactions.push_back({{"chargePoint", t.charge_point_id},
                              {"connector", t.connector},
                              {"idTag", t.id_tag},
                              {"transactionId", t.transaction_id},
                              {"startedAt", core::FormatTimestamp(t.started_at_us)},
                              {"stoppedAt", core::FormatTimestamp(t.stopped_at_us)},
                              {"meterStartWh", t.meter_start_wh},
                              {"meterStopWh", t.meter_stop_wh},
                              {"energyWh", t.energy_wh},
                              {"settled", t.settled},
                              {"stopForgotten", t.stop_forgotten},
                              {"registerReset", t.register_reset},
                              {"lost", t.lost},
                              {"swapped", t.swapped}});
      settled += t.settled;
      energy_wh += t.energy_wh;
    }
    const Counts& counts = point->counts();
    total.frames_sent += counts.frames_sent;
    total.answers += counts.answers;
    total.call_errors += counts.call_errors;
    total.connections += counts.connections;
    total.drops += counts.drops;
    total.faults += counts.faults;
    lost += point->lost_messages();
  }
  return {{"chargePoints", points_.size()},
          {"framesSent", total.frames_sent},
          {"answers", total.answers},
          {"callErrors", total.call_errors},
          {"connections", total.connections},
          {"drops", total.drops},
          {"faults", total.faults},
          {"lostMessages", lost},
          {"energyWh", energy_wh},
          {"settled", settled},
          {"transactions", transactions}};
}

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--url", flags.urls,
                 "ws://HOST:PORT/ocpp, to which /<id> is added; several are shared out in turn")
      ->capture_default_str();
  app.add_option("--charge-points", flags.charge_points, "how many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--id-prefix", flags.id_prefix, "ids are PREFIX-0001 and on")
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "same seed, same drivers, faults and losses")
      ->capture_default_str();
  app.add_option("--speed", flags.speed, "simulated seconds in a real one")
      ->check(CLI::Range(0.001, 100'000.0))
      ->capture_default_str();
  app.add_option("--duration", flags.duration,
                 "simulated time until the end, such as 90s, 30m, 6h; real time is this by speed")
      ->capture_default_str();
  app.add_option(
      "--start", flags.start,
      "simulated time at the start (ISO 8601); default so that it ends when the real time does");
  app.add_option("--meter-interval", flags.behaviour.meter_interval_s,
                 "simulated seconds between meter values")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--connectors", flags.behaviour.connectors, "of each charge point")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_option("--arrivals-per-hour", flags.behaviour.arrivals_per_hour,
                 "drivers at each charge point")
      ->capture_default_str();
  app.add_option("--faults-per-hour", flags.behaviour.faults_per_hour, "at each charge point")
      ->capture_default_str();
  app.add_option("--drops-per-hour", flags.behaviour.drops_per_hour,
                 "lost connections at each charge point")
      ->capture_default_str();
  app.add_option("--stop-forgotten-one-in", flags.behaviour.stop_forgotten_one_in,
                 "transactions whose StopTransaction is never sent; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--register-reset-one-in", flags.behaviour.register_reset_one_in,
                 "samples before which the register begins at 0 again; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--swapped-one-in", flags.behaviour.swapped_one_in,
                 "messages of a transaction that overtake the one before; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option(
      "--from-csv", flags.from_csv,
      "say the recorded sessions of this file instead (tools/chargesim/README.md), a charge "
      "point for each plug, the last session ending now");
  app.add_option("--ocpp", flags.ocpp, "with --from-csv: the protocol to say them in")
      ->check(CLI::IsMember({"1.6", "2.0.1"}))
      ->capture_default_str();
  app.add_option("--summary-json", flags.summary_json,
                 "file for what really happened, transaction by transaction");
}

int Fail(absl::string_view message) {
  std::cerr << "chargesim: " << std::string(message) << "\n";
  return 2;
}

std::vector<std::unique_ptr<Speaker>> Simulated(const Flags& flags, int64_t start_us) {
  std::vector<std::unique_ptr<Speaker>> points;
  for (int i = 0; i < flags.charge_points; ++i) {
    points.push_back(
        std::make_unique<ChargePoint>(absl::StrFormat("%s-%04d", flags.id_prefix, i + 1), i,
                                      flags.seed, flags.behaviour, start_us));
  }
  return points;
}

absl::StatusOr<std::vector<std::unique_ptr<Speaker>>> Replayed(const Flags& flags, int64_t end_us) {
  std::ifstream in(flags.from_csv);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return absl::InvalidArgumentError(absl::StrCat("cannot read ", flags.from_csv));
  auto sessions = ParseSessionsCsv(text.str());
  if (!sessions.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.from_csv, ": ", sessions.status().message()));
  }
  std::map<std::string, std::vector<RecordedSession>> by_plug;
  for (RecordedSession& session : *sessions) by_plug[session.plug].push_back(std::move(session));
  std::vector<std::unique_ptr<Speaker>> points;
  for (auto& [plug, of_plug] : by_plug) {
    points.push_back(std::make_unique<CsvReplay>(
        absl::StrCat(flags.id_prefix, "-", plug),
        flags.ocpp == "1.6" ? CsvReplay::Protocol::k16 : CsvReplay::Protocol::k201,
        std::move(of_plug), flags.behaviour.meter_interval_s, end_us));
  }
  return points;
}

int Main(int argc, char** argv) {
  CLI::App app("Simulates OCPP charge points over real WebSockets.", "chargesim");
  Flags flags;
  Declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  std::vector<Url> urls;
  for (const std::string& text : flags.urls) {
    auto url = ParseUrl(text);
    if (!url.ok()) return Fail(url.status().message());
    urls.push_back(*url);
  }
  const int64_t duration_us = ParseDurationUs(flags.duration);
  if (duration_us == 0) {
    return Fail(absl::StrCat("--duration is \"", flags.duration,
                             "\"; it must look like 90s, 30m, 6h or 3600"));
  }
  core::SystemClock clock;
  // What is told must not be ahead of the clocks of those who listen: it ends now.
  int64_t start_us =
      clock.WallMicros() -
      static_cast<int64_t>(static_cast<double>(duration_us) * (1 - 1 / std::max(1.0, flags.speed)));
  if (!flags.start.empty()) {
    auto start = core::ParseTimestamp(flags.start);
    if (!start.ok()) return Fail(absl::StrCat("--start is ", start.status().message()));
    start_us = *start;
  }
  absl::StatusOr<std::vector<std::unique_ptr<Speaker>>> points =
      flags.from_csv.empty() ? Simulated(flags, start_us) : Replayed(flags, clock.WallMicros());
  if (!points.ok()) return Fail(points.status().message());
  Simulation simulation(flags, urls, duration_us, start_us, *std::move(points));
  simulation.Run();
  json summary = simulation.Summary();
  if (!flags.summary_json.empty()) {
    std::ofstream out(flags.summary_json);
    if (!(out << summary.dump(1) << "\n")) {
      return Fail(absl::StrCat("cannot write ", flags.summary_json));
    }
  }
  const size_t transactions = summary["transactions"].size();
  summary["transactions"] = transactions;
  std::cout << summary.dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace chargeledger::chargesim

int main(int argc, char** argv) { return chargeledger::chargesim::Main(argc, argv); }
