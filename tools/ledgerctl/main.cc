// ledgerctl, the command line of the central ledger. See --help.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <map>

#include "core/process/address.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

using Command = std::function<absl::Status(const Context&)>;

struct Arguments {
  std::string ledger = "127.0.0.1:7400";
  Format format = Format::kTable;
  Filter filter;
  std::string id;
  std::string log;
  uint32_t generation = 0;
  uint64_t from = 0;
  uint64_t count = 20;
  std::optional<uint64_t> size;
  Command command;
};

// Declares the nouns and verbs; the one that is called sets arguments.command.
class Grammar {
 public:
  Grammar(CLI::App& app, Arguments& arguments) : app_(app), arguments_(arguments) {
    app_.require_subcommand(1);
    app_.fallthrough();
    DeclareGlobal();
    DeclareStations();
    DeclareSessions();
    DeclareFaults();
    DeclareLogs();
  }

 private:
  CLI::App* Noun(const std::string& name, const std::string& help) {
    CLI::App* noun = app_.add_subcommand(name, help);
    noun->require_subcommand(1);
    noun->fallthrough();
    return noun;
  }
  CLI::App* Verb(CLI::App* noun, const std::string& name, const std::string& help,
                 Command command) {
    CLI::App* verb = noun->add_subcommand(name, help);
    verb->fallthrough();
    verb->callback([this, command = std::move(command)] { arguments_.command = command; });
    return verb;
  }
  void AddSite(CLI::App* verb) {
    verb->add_option("--site", arguments_.filter.site, "only this site");
  }
  void AddStation(CLI::App* verb) {
    verb->add_option("--station", arguments_.filter.station, "only this charge point id");
  }
  void AddLimit(CLI::App* verb) {
    verb->add_option("--limit", arguments_.filter.limit, "at most so many; 0: all");
  }

  void DeclareGlobal();
  void DeclareStations();
  void DeclareSessions();
  void DeclareFaults();
  void DeclareLogs();

  CLI::App& app_;
  Arguments& arguments_;
};

void Grammar::DeclareGlobal() {
  app_.add_option("--ledger", arguments_.ledger, "HOST:PORT of ledgerd")
      ->envname("CHARGELEDGER_LEDGER")
      ->capture_default_str();
  app_.add_option("--format", arguments_.format, "table, json (protobuf JSON mapping) or csv")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Format>{{"table", Format::kTable},
                                                                        {"json", Format::kJson},
                                                                        {"csv", Format::kCsv}})
                      .description("{table,json,csv}"));
}

void Grammar::DeclareStations() {
  const Arguments& a = arguments_;
  Verb(Noun("sites", "charging sites"), "list", "all sites", ListSites);
  AddSite(Verb(Noun("stations", "charge points"), "list", "all charge points",
               [&](const Context& c) { return ListStations(c, a.filter); }));
  CLI::App* status = app_.add_subcommand("status", "every connector now");
  status->fallthrough();
  status->callback([this] {
    arguments_.command = [this](const Context& c) { return ShowStatus(c, arguments_.filter); };
  });
  AddSite(status);
}

void Grammar::DeclareSessions() {
  const Arguments& a = arguments_;
  CLI::App* sessions = Noun("sessions", "charging sessions");
  CLI::App* list = Verb(sessions, "list", "sessions, newest first",
                        [&](const Context& c) { return ListSessions(c, a.filter); });
  AddSite(list);
  AddStation(list);
  AddLimit(list);
  list->add_option("--state", arguments_.filter.state, "open or closed");
  list->add_option("--flag", arguments_.filter.flag, "only with this flag, such as missing_stop");
  Verb(sessions, "show", "one session", [&](const Context& c) { return ShowSession(c, a.id); })
      ->add_option("id", arguments_.id, "the session's id")
      ->required();
  CLI::App* cdrs = Noun("cdrs", "charge detail records: priced sessions");
  list = Verb(cdrs, "list", "CDRs, newest first",
              [&](const Context& c) { return ListCdrs(c, a.filter); });
  AddSite(list);
  AddStation(list);
  AddLimit(list);
  Verb(cdrs, "show", "one CDR", [&](const Context& c) { return ShowCdr(c, a.id); })
      ->add_option("id", arguments_.id, "the CDR's id")
      ->required();
}

void Grammar::DeclareFaults() {
  const Arguments& a = arguments_;
  CLI::App* faults = Noun("faults", "what went wrong");
  CLI::App* list = Verb(faults, "list", "faults, newest first",
                        [&](const Context& c) { return ListFaults(c, a.filter); });
  AddSite(list);
  AddStation(list);
  AddLimit(list);
  list->add_flag("--active", arguments_.filter.active, "only those that last");
  CLI::App* top = Verb(faults, "top", "counts by code, most frequent first",
                       [&](const Context& c) { return ListTopFaults(c, a.filter); });
  AddSite(top);
  AddLimit(top);
}

void Grammar::DeclareLogs() {
  const Arguments& a = arguments_;
  CLI::App* log = Noun("log", "the logs that the ledger holds");
  Verb(log, "list", "all logs, their size and root", ListLogs);
  CLI::App* entries = Verb(log, "entries", "entries as they were recorded", [&](const Context& c) {
    return ListEntries(c, a.log, a.generation, a.from, a.count);
  });
  CLI::App* head = Verb(log, "head", "size, root, projections and their digests",
                        [&](const Context& c) { return ShowHead(c, a.log, a.generation, a.size); });
  for (CLI::App* verb : {entries, head}) {
    verb->add_option("log", arguments_.log, "site's name, log id, or how a log id begins")
        ->required();
    verb->add_option("--generation", arguments_.generation, "0: the newest");
  }
  entries->add_option("--from", arguments_.from, "first entry");
  entries->add_option("--count", arguments_.count, "how many; 0: to the end")
      ->capture_default_str();
  head->add_option("--size", arguments_.size, "the head that the log had at this size");
}

int Main(int argc, char** argv) {
  // `ledgerctl … | head` ends quietly.
  signal(SIGPIPE, SIG_DFL);
  CLI::App app("Asks the central ledger.", "ledgerctl");
  Arguments arguments;
  Grammar grammar(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, std::cout, std::cerr);
    return code == 0 ? 0 : 2;
  }
  absl::Status status = core::Address::Parse("--ledger", arguments.ledger).status();
  if (status.ok()) {
    Client client(arguments.ledger);
    status = arguments.command({client, arguments.format, std::cout});
  }
  std::cout.flush();
  if (status.ok()) return 0;
  std::cerr << "ledgerctl: " << status.message() << "\n";
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

}  // namespace
}  // namespace chargeledger::ledgerctl

int main(int argc, char** argv) { return chargeledger::ledgerctl::Main(argc, argv); }
