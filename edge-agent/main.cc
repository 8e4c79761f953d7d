// The process at the site. See --help.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdio>
#include <iostream>

#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/ids.h"
#include "core/process/settings.h"
#include "core/process/termination.h"
#include "core/system_clock.h"
#include "edge-agent/agent.h"

namespace chargeledger::edge_agent {
namespace {

struct Flags {
  std::string operator_name = "operator";
  std::string site;
  std::string data_dir;
  std::string ocpp_listen = "127.0.0.1:9000";
  std::string ledger;
  std::string charge_points;
  int64_t heartbeat_interval_s = 300;
  int64_t max_frame_bytes = 256 << 10;
  int64_t max_unanswered = 16;
  int64_t ping_interval_s = 60;
  bool log_without_sync = false;
};

absl::StatusOr<bool> Parse(int argc, char** argv, Flags& flags) {
  core::Settings settings(
      "edge-agent",
      "Records every OCPP message of a site's charge points, answers them, and replicates the "
      "record to a ledger.");
  settings.AddText("operator", "who runs the network (A-Z a-z 0-9 . _ -)", flags.operator_name);
  settings.AddText("site", "name of this site (A-Z a-z 0-9 . _ -)", flags.site);
  settings.AddText("data_dir", "directory for the site's log; one process at a time",
                   flags.data_dir);
  settings.AddText("ocpp_listen",
                   "HOST:PORT for charge points, who connect to ws://HOST:PORT/ocpp/<id>; port 0 "
                   "takes a free one and prints it",
                   flags.ocpp_listen);
  settings.AddText("ledger", "HOST:PORT of ledgerd; empty: record only", flags.ledger);
  settings.AddText("charge_points",
                   "comma-separated ids that may connect; empty: any well-formed id",
                   flags.charge_points);
  settings.AddInteger("heartbeat_interval_s", "seconds between heartbeats, told at boot", 1, 86'400,
                      flags.heartbeat_interval_s);
  settings.AddInteger("max_frame_bytes", "a larger OCPP message is refused", 1024, 16 << 20,
                      flags.max_frame_bytes);
  settings.AddInteger("max_unanswered", "messages of one connection that may wait for their answer",
                      1, 1024, flags.max_unanswered);
  settings.AddInteger("ping_interval_s",
                      "seconds of silence before a WebSocket ping; twice that ends the connection",
                      1, 3600, flags.ping_interval_s);
  settings.AddSwitch("log_without_sync",
                     "answer before the record is durable; only to measure what durability costs",
                     flags.log_without_sync);
  return settings.Parse(argc, argv);
}

absl::StatusOr<AgentOptions> ToOptions(const Flags& flags) {
  AgentOptions options;
  CL_RETURN_IF_ERROR(core::CheckName("--operator", flags.operator_name));
  CL_RETURN_IF_ERROR(core::CheckName("--site", flags.site));
  CL_ASSIGN_OR_RETURN(options.listen, core::Address::Parse("--ocpp-listen", flags.ocpp_listen));
  if (!flags.ledger.empty()) {
    CL_RETURN_IF_ERROR(core::Address::Parse("--ledger", flags.ledger).status());
  }
  for (absl::string_view id : absl::StrSplit(flags.charge_points, ',', absl::SkipWhitespace())) {
    CL_RETURN_IF_ERROR(core::CheckChargePointId(id));
    options.endpoint.allowed.emplace(id);
  }
  options.data_dir = flags.data_dir;
  options.author = {flags.operator_name, flags.site};
  options.ledger = flags.ledger;
  options.heartbeat_interval_s = flags.heartbeat_interval_s;
  options.endpoint.max_frame_bytes = static_cast<size_t>(flags.max_frame_bytes);
  options.endpoint.max_unanswered = static_cast<int>(flags.max_unanswered);
  options.endpoint.ping_interval_s = flags.ping_interval_s;
  options.sync = !flags.log_without_sync;
  return options;
}

// One file descriptor a charge point: as many as the system allows.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "edge-agent: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

int Main(int argc, char** argv) {
  core::BlockTermination();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("edge-agent"));
  Flags flags;
  auto parsed = Parse(argc, argv, flags);
  if (!parsed.ok()) return Fail(parsed.status());
  if (!*parsed) return 0;
  auto options = ToOptions(flags);
  if (!options.ok()) return Fail(options.status());
  RaiseFileLimit();
  core::SystemClock clock;
  auto agent = Agent::Start(clock, *options);
  if (!agent.ok()) return Fail(agent.status());
  std::printf("listening on %s\n", (*agent)->address().ToText().c_str());
  std::fflush(stdout);
  if (flags.log_without_sync) spdlog::warn("--log-without-sync: what is answered may be lost");
  const int code = core::WaitForTermination();
  agent->reset();
  return code;
}

}  // namespace
}  // namespace chargeledger::edge_agent

int main(int argc, char** argv) { return chargeledger::edge_agent::Main(argc, argv); }
