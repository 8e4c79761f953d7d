// The process at the site. See --help.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/ids.h"
#include "core/process/descriptors.h"
#include "core/process/settings.h"
#include "core/process/termination.h"
#include "core/system_clock.h"
#include "edge-agent/agent.h"
#include "edge-agent/endpoint/unrecorded_site.h"
#include "edge-agent/waiting_room.h"

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
  int64_t max_connections = 12'000;
  int64_t max_connections_per_address = 1'024;
  int64_t max_messages_per_second = 100;
  bool log_without_sync = false;
  int64_t reserve_bytes = 64 << 20;
  std::string when_full = "refuse";
  std::string signing_key;
  std::string metrics_listen;
  int64_t ask_ledger_ms = 2'000;
  int64_t keep_seconds = 0;
  int64_t scrub_bytes_per_second = 1 << 20;
  std::string ledger_key;
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
  settings.AddText("ledger_key",
                   "vkey of the ledger (ledgerctl log keys), whose cosignatures are then checked; "
                   "empty: any is taken",
                   flags.ledger_key);
  settings.AddText("signing_key",
                   "PEM file of the Ed25519 key that signs the log's checkpoints; empty: "
                   "signing_key.pem in the data directory, made at the first start",
                   flags.signing_key);
  settings.AddInteger("ask_ledger_ms",
                      "how long the ledger may take at the start to say whether it has more of the "
                      "log than the data directory (an old copy of a disk); 0: it is not asked",
                      0, 600'000, flags.ask_ledger_ms);
  settings.AddInteger("keep_seconds",
                      "entries that the ledger has cosigned are kept here for so long (a month is "
                      "2592000), their hashes for ever; 0: for ever too",
                      0, int64_t{100} * 366 * 86'400, flags.keep_seconds);
  settings.AddText("metrics_listen", "HOST:PORT for Prometheus (/metrics); empty: none",
                   flags.metrics_listen);
  settings.AddInteger("scrub_bytes_per_second",
                      "how fast the stored log is checked in the background; 0: not at all", 0,
                      int64_t{1} << 40, flags.scrub_bytes_per_second);
  settings.AddText("charge_points",
                   "comma-separated ids that may connect; empty: any well-formed id",
                   flags.charge_points);
  settings.AddInteger("heartbeat_interval_s", "seconds between heartbeats, told at boot", 1, 86'400,
                      flags.heartbeat_interval_s);
  settings.AddInteger(
      "reserve_bytes",
      "with less free space than this nobody may begin to charge; what has begun is "
      "recorded on",
      0, int64_t{1} << 40, flags.reserve_bytes);
  settings.AddText("when_full",
                   "with a full disk: `refuse` turns charge points away, who then queue; "
                   "`unrecorded` answers them without a record, and the gap is recorded later",
                   flags.when_full);
  settings.AddInteger("max_frame_bytes", "a larger OCPP message is refused", 1024, 16 << 20,
                      flags.max_frame_bytes);
  settings.AddInteger("max_unanswered", "messages of one connection that may wait for their answer",
                      1, 1024, flags.max_unanswered);
  settings.AddInteger(
      "max_messages_per_second",
      "of one charge point, after a burst of ten times as many; a faster one is read slower, and "
      "that is recorded; 0: no limit",
      0, 1'000'000, flags.max_messages_per_second);
  settings.AddInteger("max_connections", "open connections of charge points; the next gets a 503",
                      1, 1'000'000, flags.max_connections);
  settings.AddInteger("max_connections_per_address",
                      "of them from one address (an IPv6 network of /64); loopback is exempt", 1,
                      1'000'000, flags.max_connections_per_address);
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
  options.endpoint.stream.max_frame_bytes = static_cast<size_t>(flags.max_frame_bytes);
  options.endpoint.connection.max_unanswered = static_cast<int>(flags.max_unanswered);
  options.endpoint.accept.max_connections = static_cast<size_t>(flags.max_connections);
  options.endpoint.accept.max_per_address = static_cast<size_t>(flags.max_connections_per_address);
  options.endpoint.connection.max_messages_per_s = flags.max_messages_per_second;
  options.endpoint.connection.burst_messages = 10 * flags.max_messages_per_second;
  options.endpoint.stream.ping_interval_s = flags.ping_interval_s;
  options.sync = !flags.log_without_sync;
  options.ask_ledger_ms = flags.ask_ledger_ms;
  options.keep_s = flags.keep_seconds;
  options.instance = core::RandomBytes(16);
  options.reserve_bytes = static_cast<uint64_t>(flags.reserve_bytes);
  if (flags.when_full != "refuse" && flags.when_full != "unrecorded") {
    return absl::InvalidArgumentError(
        absl::StrCat("--when-full is \"", flags.when_full, "\"; refuse or unrecorded is right"));
  }
  options.answer_unrecorded = flags.when_full == "unrecorded";
  options.signing_key = flags.signing_key;
  options.scrub_bytes_per_second = flags.scrub_bytes_per_second;
  if (!flags.metrics_listen.empty()) {
    CL_ASSIGN_OR_RETURN(options.metrics_listen,
                        core::Address::Parse("--metrics-listen", flags.metrics_listen));
  }
  if (!flags.ledger_key.empty()) {
    auto key = log::tlog::VerifierKey::Parse(flags.ledger_key);
    if (!key.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--ledger-key: ", key.status().message()));
    }
    options.ledger_key = *std::move(key);
  }
  return options;
}

// What must be free before a log that found no space is opened again.
constexpr uint64_t kSpaceToGoOn = 8 << 20;

int Fail(const absl::Status& status) {
  std::cerr << "edge-agent: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

// Adds what was missing before to what is missing since.
void AddGap(const v1::RecordingGap& before, v1::RecordingGap& gap) {
  gap.set_refused(gap.refused() + before.refused());
  gap.set_unrecorded_frames(gap.unrecorded_frames() + before.unrecorded_frames());
  for (const v1::UnrecordedFrames& station : before.unrecorded()) {
    auto same = std::find_if(gap.mutable_unrecorded()->begin(), gap.mutable_unrecorded()->end(),
                             [&](const v1::UnrecordedFrames& other) {
                               return other.charge_point_id() == station.charge_point_id();
                             });
    if (same != gap.mutable_unrecorded()->end()) {
      same->set_frames(same->frames() + station.frames());
    } else if (gap.unrecorded_size() < kMaxNamedInGap) {
      *gap.add_unrecorded() = station;
    }
  }
}

// One life of the agent after the other: a full disk ends one, and space begins the next.
absl::StatusOr<int> Run(core::Clock& clock, AgentOptions options) {
  bool announced = false;
  const auto announce = [&](const core::Address& address) {
    if (!announced) std::printf("listening on %s\n", address.ToText().c_str());
    announced = true;
    std::fflush(stdout);
  };
  while (true) {
    auto agent = Agent::Start(clock, options);
    core::Ending ending = core::Ending::kDiskFull;
    if (agent.ok()) {
      options.gap.reset();
      options.begin.reset();
      // On the same ports in every life.
      options.listen = (*agent)->address();
      options.metrics_listen = (*agent)->metrics_address();
      if (!announced && options.metrics_listen.has_value()) {
        std::printf("metrics on %s\n", options.metrics_listen->ToText().c_str());
      }
      announce(options.listen);
      ending = core::WaitForEnding();
      options.begin = (*agent)->next();
      agent->reset();
      if (ending == core::Ending::kNewLife) {
        core::BeginAgain();
        continue;
      }
    } else if (agent.status().code() == absl::StatusCode::kAborted) {
      spdlog::warn("beginning anew: {}", std::string(agent.status().message()));
      core::BeginAgain();
      continue;
    } else if (agent.status().code() != absl::StatusCode::kResourceExhausted) {
      return agent.status();
    }
    if (ending != core::Ending::kDiskFull) return ending == core::Ending::kSignal ? 0 : 1;
    const int64_t from_us = options.gap.has_value() ? options.gap->from_us() : clock.WallMicros();
    core::BeginAgain();
    CL_ASSIGN_OR_RETURN(Waited waited, WaitForSpace(clock, options, from_us,
                                                    std::max(options.reserve_bytes, kSpaceToGoOn),
                                                    [&](const core::Address& address) {
                                                      // On the same port in the life after it.
                                                      options.listen = address;
                                                      announce(address);
                                                    }));
    if (waited.ending.has_value()) return *waited.ending == core::Ending::kSignal ? 0 : 1;
    // A life that could not even begin has recorded nothing of the gap before it.
    if (options.gap.has_value()) AddGap(*options.gap, waited.gap);
    options.gap = std::move(waited.gap);
  }
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
  core::RaiseDescriptorLimit();
  if (flags.log_without_sync) spdlog::warn("--log-without-sync: what is answered may be lost");
  core::SystemClock clock;
  absl::StatusOr<int> code = Run(clock, *std::move(options));
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace
}  // namespace chargeledger::edge_agent

int main(int argc, char** argv) { return chargeledger::edge_agent::Main(argc, argv); }
