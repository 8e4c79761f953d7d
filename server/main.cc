// ledgerd, the central ledger. See --help.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <iostream>

#include "core/check.h"
#include "core/process/data_directory.h"
#include "core/process/settings.h"
#include "core/process/termination.h"
#include "log/rocksdb_store.h"
#include "server/bookkeeper.h"
#include "server/ledger.h"
#include "server/queries.h"
#include "server/rpc/server.h"

namespace chargeledger::server {
namespace {

struct Flags {
  std::string data_dir;
  std::string listen = "127.0.0.1:7400";
  std::string currency = "EUR";
  std::string price_per_kwh = "0.45";
  std::string start_fee = "0.35";
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
  settings.AddText("billing.currency", "ISO 4217 code of all prices", flags.currency);
  settings.AddText("billing.price_per_kwh", "price of a kWh, at most four decimals",
                   flags.price_per_kwh);
  settings.AddText("billing.start_fee", "price of a session's start, at most four decimals",
                   flags.start_fee);
  return settings.Parse(argc, argv);
}

int Fail(const absl::Status& status) {
  std::cerr << "ledgerd: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

absl::StatusOr<int> Run(const Flags& flags) {
  CL_ASSIGN_OR_RETURN(core::Address listen, core::Address::Parse("--listen", flags.listen));
  CL_ASSIGN_OR_RETURN(
      projections::FlatTariff tariff,
      projections::FlatTariff::Create(flags.currency, flags.price_per_kwh, flags.start_fee));
  CL_ASSIGN_OR_RETURN(auto directory, core::DataDirectory::Open(flags.data_dir));
  CL_ASSIGN_OR_RETURN(auto logs, log::OpenRocksDbStore(directory->Below("log"), {}));
  log::RocksDbOptions state_options;
  state_options.use = log::RocksDbOptions::Use::kState;
  CL_ASSIGN_OR_RETURN(auto states, log::OpenRocksDbStore(directory->Below("state"), state_options));
  CL_ASSIGN_OR_RETURN(auto ledger, Ledger::Open(*logs));
  Bookkeeper bookkeeper(*states, tariff);
  ledger->OnGrown([&](const std::vector<HeldLog*>& grown) { bookkeeper.OnGrown(grown); });
  ledger->OnFailed([](const absl::Status& status) { core::RequestTermination(status.ToString()); });
  bookkeeper.OnGrown(ledger->logs());
  Queries queries(*ledger, *states);
  CL_ASSIGN_OR_RETURN(auto server, RpcServer::Listen(listen, *ledger, queries));
  std::printf("listening on %s\n", server->address().ToText().c_str());
  std::fflush(stdout);
  const int code = core::WaitForTermination();
  // Streams end first, then what they had handed over is committed, then the books are closed.
  server.reset();
  ledger.reset();
  return code;
}

int Main(int argc, char** argv) {
  core::BlockTermination();
  spdlog::set_default_logger(spdlog::stderr_logger_mt("ledgerd"));
  Flags flags;
  auto parsed = Parse(argc, argv, flags);
  if (!parsed.ok()) return Fail(parsed.status());
  if (!*parsed) return 0;
  absl::StatusOr<int> code = Run(flags);
  return code.ok() ? *code : Fail(code.status());
}

}  // namespace
}  // namespace chargeledger::server

int main(int argc, char** argv) { return chargeledger::server::Main(argc, argv); }
