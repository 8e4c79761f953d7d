// ledgerd, the central ledger. See --help.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <utility>

#include "core/check.h"
#include "core/process/data_directory.h"
#include "core/process/descriptors.h"
#include "core/process/disk_space.h"
#include "core/process/key_file.h"
#include "core/process/settings.h"
#include "core/process/termination.h"
#include "core/system_clock.h"
#include "log/derived_store.h"
#include "log/local_directory.h"
#include "log/log_metrics.h"
#include "log/replication/finding.h"
#include "log/scrubber.h"
#include "net/http_server.h"
#include "net/metrics_endpoint.h"
#include "server/default_tariff.h"
#include "server/history.h"
#include "server/ledger_core.h"
#include "server/log_queries.h"
#include "server/ocpi/pages.h"
#include "server/ocpi/sender.h"
#include "server/queries.h"
#include "server/rpc/control_hub.h"
#include "server/rpc/server.h"

namespace chargeledger::server {
namespace {

struct Flags {
  std::string data_dir;
  std::string listen = "127.0.0.1:7400";
  std::string name = "chargeledger";
  std::string signing_key;
  std::string metrics_listen;
  int64_t scrub_bytes_per_second = 4 << 20;
  std::string currency = "EUR";
  std::string price_per_kwh = "0.45";
  std::string start_fee = "0.35";
  std::string vat;
  std::string ocpi_partners;
  std::string ocpi_listen;
  std::string ocpi_url;
};

absl::StatusOr<bool> Parse(int argc, char** argv, Flags& flags) {
  core::Settings settings(
      "ledgerd",
      "Holds the logs of all sites, folds them into sessions, bills, status and "
      "faults, and answers queries over gRPC.");
  settings.AddText("data_dir", "directory for logs and projections; one process at a time",
                   flags.data_dir);
  settings.AddText("listen",
                   "HOST:PORT for edge agents and queries (gRPC); port 0 takes a free one and "
                   "prints it",
                   flags.listen);
  settings.AddText("name", "the name under which this ledger cosigns checkpoints", flags.name);
  settings.AddText(
      "signing_key",
      "PEM file of the Ed25519 key that it cosigns with; empty: signing_key.pem in the "
      "data directory, made at the first start",
      flags.signing_key);
  settings.AddText("metrics_listen", "HOST:PORT for Prometheus (/metrics); empty: none",
                   flags.metrics_listen);
  settings.AddInteger("scrub_bytes_per_second",
                      "how fast stored logs are checked in the background; 0: not at all", 0,
                      int64_t{1} << 40, flags.scrub_bytes_per_second);
  settings.AddText("billing.currency",
                   "ISO 4217 code of the default tariff, which is in force where no other is; "
                   "another one is a new version for what begins from then on",
                   flags.currency);
  settings.AddText("billing.price_per_kwh", "its price of a kWh, at most four decimals",
                   flags.price_per_kwh);
  settings.AddText("billing.start_fee", "its price of a session's start, at most four decimals",
                   flags.start_fee);
  settings.AddText("billing.vat", "its VAT in percent; empty: none is applicable", flags.vat);
  settings.AddText("ocpi_partners",
                   "JSON file of who we are in OCPI and with whom we roam (docs/ocpi.md); empty: "
                   "with nobody",
                   flags.ocpi_partners);
  settings.AddText("ocpi_listen",
                   "HOST:PORT where partners read Sessions, CDRs and Tariffs (OCPI 2.2.1); empty: "
                   "nowhere",
                   flags.ocpi_listen);
  settings.AddText("ocpi_url",
                   "how partners reach it, such as https://ocpi.example.com; empty: "
                   "http://HOST:PORT",
                   flags.ocpi_url);
  return settings.Parse(argc, argv);
}

// What must be free before logs that found no space are opened again, and how often that is tried.
constexpr uint64_t kSpaceToGoOn = 64 << 20;
constexpr int64_t kTryEveryMs = 500;

// Partners: some hundreds, each with some connections; a proxy on this machine speaks for all.
constexpr net::AcceptorOptions kPartnerConnections = {
    .max_connections = 1024, .max_per_address = 64, .loopback_exempt = true};

int Fail(const absl::Status& status) {
  std::cerr << "ledgerd: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

core::Metric DamagedLogs(const Ledger& ledger) {
  core::Metric metric{"chargeledger_log_damaged",
                      "1 for a log that was found damaged when it was opened.",
                      core::Metric::Kind::kGauge,
                      {}};
  for (const HeldLog* held : ledger.logs()) {
    metric.samples.push_back(
        {{{"log", held->log_id().ToHex()}, {"site", held->site()}}, held->damage().ok() ? 0 : 1});
  }
  return metric;
}

// By what was found, over all that site logs and the control log record.
std::vector<core::Metric> DivergenceMetrics(const Queries& queries) {
  core::Metric found{"chargeledger_divergences_found_total",
                     "Differences between the two sides of a log that were ever found.",
                     core::Metric::Kind::kCounter,
                     {}};
  core::Metric open{"chargeledger_divergences_open",
                    "Differences between the two sides of a log that are not resolved.",
                    core::Metric::Kind::kGauge,
                    {}};
  std::map<v1::DivergenceKind, std::pair<int64_t, int64_t>> counts;
  auto all = queries.ListDivergences({});
  if (all.ok()) {
    for (const v1::Divergence& divergence : all->divergences()) {
      auto& [times, still_open] = counts[divergence.found().kind()];
      times += static_cast<int64_t>(divergence.times());
      still_open += divergence.has_resolved() ? 0 : 1;
    }
  }
  for (int i = v1::DIVERGENCE_KIND_STALE_AUTHOR; i <= v1::DivergenceKind_MAX; ++i) {
    if (!v1::DivergenceKind_IsValid(i)) continue;
    const auto kind = static_cast<v1::DivergenceKind>(i);
    const std::string word = log::replication::ToWord(kind);
    found.samples.push_back({{{"kind", word}}, counts[kind].first});
    open.samples.push_back({{{"kind", word}}, counts[kind].second});
  }
  return {found, open};
}

// Serves metrics if an address was given. `ocpi` may be null, and outlives them.
absl::StatusOr<std::unique_ptr<net::MetricsEndpoint>> ServeMetrics(
    std::optional<core::Address>& listen, const log::Archive& archive,
    const log::Scrubber& scrubber, const Ledger& ledger, const Queries& queries,
    const net::HttpServer* ocpi, bool announced) {
  if (!listen.has_value()) return std::unique_ptr<net::MetricsEndpoint>();
  CL_ASSIGN_OR_RETURN(auto metrics, net::MetricsEndpoint::Listen(*listen, [&, ocpi] {
                        auto all = log::CollectLogMetrics(archive, scrubber);
                        all.push_back(DamagedLogs(ledger));
                        for (core::Metric& metric : DivergenceMetrics(queries)) {
                          all.push_back(std::move(metric));
                        }
                        if (ocpi != nullptr) {
                          for (core::Metric& metric : net::ListenerMetrics("ocpi", ocpi->stats())) {
                            all.push_back(std::move(metric));
                          }
                        }
                        return all;
                      }));
  // The next life takes the same one.
  listen = metrics->address();
  if (!announced) std::printf("metrics on %s\n", listen->ToText().c_str());
  return metrics;
}

// Who is told of what the projections have written; the sender comes after the core that tells it.
struct Changes {
  absl::Mutex mutex;
  OcpiSender* sender ABSL_GUARDED_BY(mutex) = nullptr;

  void Tell(const core::LogId& log_id, size_t part, absl::string_view key) {
    absl::MutexLock lock(&mutex);
    if (sender != nullptr) sender->OnChanged(log_id, part, key);
  }
  void Set(OcpiSender* now) {
    absl::MutexLock lock(&mutex);
    sender = now;
  }
};

// Roaming: what is sent to partners, and what they read. Each part is there if it is asked for.
struct Roaming {
  explicit Roaming(Changes& told) : changes(told) {}
  ~Roaming() { changes.Set(nullptr); }

  Changes& changes;
  Partners partners;
  std::unique_ptr<log::Store> outbox;
  std::unique_ptr<OcpiObjects> objects;
  std::unique_ptr<OcpiSender> sender;
  std::unique_ptr<OcpiPages> pages;
  std::unique_ptr<net::HttpServer> endpoint;
};

absl::StatusOr<std::unique_ptr<Roaming>> StartRoaming(const Flags& flags, log::Directory& files,
                                                      LedgerCore& core, core::Clock& clock,
                                                      bool announced, Changes& changes,
                                                      std::optional<core::Address>& listen) {
  auto roaming = std::make_unique<Roaming>(changes);
  roaming->objects = std::make_unique<OcpiObjects>(roaming->partners, core.facts());
  if (flags.ocpi_partners.empty()) {
    if (flags.ocpi_listen.empty()) return roaming;
    return absl::InvalidArgumentError("--ocpi-listen needs --ocpi-partners: who may read");
  }
  CL_ASSIGN_OR_RETURN(roaming->partners, ReadPartners(flags.ocpi_partners));
  CL_ASSIGN_OR_RETURN(roaming->outbox,
                      log::OpenDerivedStore(files, "outbox", [](const absl::Status& damage) {
                        core::RequestTermination(damage);
                      }));
  CL_ASSIGN_OR_RETURN(
      roaming->sender,
      OcpiSender::Open({core.ledger(), core.states(), *roaming->outbox, roaming->partners,
                        *roaming->objects, clock,
                        [](const absl::Status& s) { core::RequestTermination(s); }}));
  // What changes from here on is told; what is there already is looked up behind it.
  changes.Set(roaming->sender.get());
  roaming->sender->Start();
  if (flags.ocpi_listen.empty()) return roaming;
  if (!listen.has_value()) {
    CL_ASSIGN_OR_RETURN(listen, core::Address::Parse("--ocpi-listen", flags.ocpi_listen));
  }
  CL_ASSIGN_OR_RETURN(roaming->endpoint, net::HttpServer::Listen(*listen, kPartnerConnections, {}));
  // The next life takes the same one.
  listen = roaming->endpoint->address();
  const std::string url =
      flags.ocpi_url.empty() ? absl::StrCat("http://", listen->ToText()) : flags.ocpi_url;
  roaming->pages = std::make_unique<OcpiPages>(core.ledger(), core.states(), core.facts(),
                                               roaming->partners, *roaming->objects, clock, url);
  net::HttpRouter router;
  router.Add("GET", "/", [pages = roaming->pages.get()](const net::HttpRequest& request) {
    return pages->Get(request.target, std::string(request.Header("Authorization")));
  });
  roaming->endpoint->Serve(std::move(router));
  if (!announced) std::printf("OCPI on %s\n", listen->ToText().c_str());
  return roaming;
}

// Until the process is to end; none if the disk was full and has space again. Queries are answered
// meanwhile.
std::optional<core::Ending> WaitUntilOver(const std::string& data_dir) {
  core::Ending ending = core::WaitForEnding();
  if (ending == core::Ending::kNewLife) return std::nullopt;
  if (ending != core::Ending::kDiskFull) return ending;
  spdlog::error("nothing can be taken in: the disk of {} is full", data_dir);
  while (!core::HasSpace(data_dir, kSpaceToGoOn)) {
    // Whatever else fails now follows from the full disk: only a signal from outside comes here.
    if (core::WaitForEnding(kTryEveryMs).has_value()) return core::Ending::kSignal;
  }
  spdlog::info("there is space again: opening the logs anew");
  return std::nullopt;
}

// The generation of the control log that the next life is to begin, if one is.
struct NextControl {
  absl::Mutex mutex;
  std::optional<log::RecorderOptions::Begin> begin ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<LedgerCoreOptions> ToCoreOptions(const Flags& flags,
                                                const core::DataDirectory& directory,
                                                NextControl& next) {
  LedgerCoreOptions options;
  CL_ASSIGN_OR_RETURN(options.default_tariff, MakeDefaultTariff(flags.currency, flags.price_per_kwh,
                                                                flags.start_fee, flags.vat));
  CL_ASSIGN_OR_RETURN(options.key,
                      flags.signing_key.empty()
                          ? core::ReadOrCreateKeyFile(directory.Below("signing_key.pem"),
                                                      core::RandomBytes(core::kEd25519SeedSize),
                                                      directory.Below("log"))
                          : core::ReadKeyFile(flags.signing_key));
  options.name = flags.name;
  options.os_boot_id = core::OsBootId();
  options.new_log_id = core::RandomLogId();
  options.instance = core::RandomBytes(16);
  absl::MutexLock lock(&next.mutex);
  options.begin.swap(next.begin);
  return options;
}

LedgerCore::Callbacks ToCallbacks(NextControl& next, ControlHub& hub, Changes& changes) {
  LedgerCore::Callbacks callbacks;
  callbacks.failed = [](const absl::Status& status) { core::RequestTermination(status); };
  callbacks.begin = [&next](log::RecorderOptions::Begin begin) {
    const std::string reason = begin.opened.reason();
    {
      absl::MutexLock lock(&next.mutex);
      next.begin = std::move(begin);
    }
    core::RequestTermination(
        absl::AbortedError("the control log begins a new generation: " + reason));
  };
  callbacks.control_grown = [&hub] { hub.Notify(); };
  callbacks.changed = [&changes](const core::LogId& log_id, size_t part, absl::string_view key) {
    changes.Tell(log_id, part, key);
  };
  return callbacks;
}

// One life of the ledger. None: it is to begin again, on the same address.
absl::StatusOr<std::optional<core::Ending>> Live(const Flags& flags,
                                                 const core::DataDirectory& directory,
                                                 core::Address& listen,
                                                 std::optional<core::Address>& metrics_listen,
                                                 std::optional<core::Address>& ocpi_listen,
                                                 bool& announced, NextControl& next) {
  core::SystemClock clock;
  log::LocalDirectory files(directory.path());
  CL_ASSIGN_OR_RETURN(LedgerCoreOptions options, ToCoreOptions(flags, directory, next));
  Changes changes;
  std::unique_ptr<LedgerCore> core;
  ControlHub hub([&core] { return core->NewControlSession(); });
  auto opened = LedgerCore::Open(files, clock, options, ToCallbacks(next, hub, changes));
  if (opened.status().code() == absl::StatusCode::kAborted) return std::optional<core::Ending>();
  CL_ASSIGN_OR_RETURN(core, std::move(opened));
  Ledger& ledger = core->ledger();
  CL_ASSIGN_OR_RETURN(auto past,
                      log::OpenDerivedStore(files, "history", [](const absl::Status& damage) {
                        core::RequestTermination(damage);
                      }));
  History history(*past);
  Queries queries(ledger, core->states(), &history, &core->feed());
  log::ScrubberOptions scrub_options;
  scrub_options.bytes_per_second = flags.scrub_bytes_per_second;
  log::Scrubber scrubber(
      core->archive(), clock, scrub_options, [&](auto& log) { return core->KeysOf(log); },
      [&](auto& log, auto& found) { core->OnFound(log, found); });
  LogQueries log_queries(ledger, scrubber);
  CL_ASSIGN_OR_RETURN(auto roaming,
                      StartRoaming(flags, files, *core, clock, announced, changes, ocpi_listen));
  CL_ASSIGN_OR_RETURN(auto metrics, ServeMetrics(metrics_listen, core->archive(), scrubber, ledger,
                                                 queries, roaming->endpoint.get(), announced));
  BillingQueries billing(ledger, core->states(), &history, core->facts(), *roaming->objects);
  // What was issued is in no log: a store that is damaged is left as it is, to be restored.
  CL_ASSIGN_OR_RETURN(auto artefacts, files.OpenStore("artefacts", {}));
  Invoicing invoicing(ledger, core->states(), *artefacts, core->facts(), clock);
  const Served served{ledger,   queries,    log_queries,          hub, core->on_digests(),
                      &billing, &invoicing, roaming->sender.get()};
  CL_ASSIGN_OR_RETURN(auto server, RpcServer::Listen(listen, served));
  listen = server->address();
  if (!announced) std::printf("listening on %s\n", listen.ToText().c_str());
  announced = true;
  std::fflush(stdout);
  const std::optional<core::Ending> ending = WaitUntilOver(directory.path());
  core->feed().Stop();
  // Streams end first, then what they had handed over is committed, then the books are closed.
  server.reset();
  metrics.reset();
  roaming.reset();
  return ending;
}

absl::StatusOr<int> Run(const Flags& flags) {
  CL_ASSIGN_OR_RETURN(core::Address listen, core::Address::Parse("--listen", flags.listen));
  CL_ASSIGN_OR_RETURN(auto directory, core::DataDirectory::Open(flags.data_dir));
  std::optional<core::Address> metrics_listen;
  if (!flags.metrics_listen.empty()) {
    CL_ASSIGN_OR_RETURN(metrics_listen,
                        core::Address::Parse("--metrics-listen", flags.metrics_listen));
  }
  NextControl next;
  std::optional<core::Address> ocpi_listen;
  bool announced = false;
  while (true) {
    CL_ASSIGN_OR_RETURN(
        std::optional<core::Ending> ending,
        Live(flags, *directory, listen, metrics_listen, ocpi_listen, announced, next));
    if (ending.has_value()) return *ending == core::Ending::kSignal ? 0 : 1;
    core::BeginAgain();
  }
}

int Main(int argc, char** argv) {
  core::BlockTermination();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("ledgerd"));
  Flags flags;
  auto parsed = Parse(argc, argv, flags);
  if (!parsed.ok()) return Fail(parsed.status());
  if (!*parsed) return 0;
  core::RaiseDescriptorLimit();
  absl::StatusOr<int> code = Run(flags);
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace
}  // namespace chargeledger::server

int main(int argc, char** argv) { return chargeledger::server::Main(argc, argv); }
