// ledgerctl, the command line of the central ledger. See --help.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <map>

#include "core/process/address.h"
#include "tools/ledgerctl/commands.h"
#include "tools/ledgerctl/tariff.h"
#include "tools/ledgerctl/verify.h"

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
  uint64_t entry = 0;
  std::optional<uint64_t> to;
  std::string path;
  std::vector<std::string> keys;
  std::string site_tiles;
  std::vector<std::string> control_tiles;
  bool rebuild_heads = false;
  bool open_only = false;
  std::string tariff;
  std::string cdr;
  std::string time_zone;
  Simulation simulation;
  Review review;
  Assignment assignment;
  std::string layout;
  std::string ocpi = "2.2.1";
  uint32_t version = 0;
  std::string period;
  std::string series;
  bool before_end = false;
  std::string since;
  std::string until;
  std::string by = "session";
  std::string partner;
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
    DeclareDivergences();
    DeclareEvidence();
    DeclareTariffs();
    DeclareBilling();
    DeclareJournal();
    DeclareOffline();
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
  void AddAsOf(CLI::App* verb) {
    verb->add_option("--as-of", arguments_.filter.as_of,
                     "what was known at a time (2026-11-20T21:46:00Z) or a position "
                     "(LOG:GENERATION:SIZE, several with commas between)");
  }
  void AddLimit(CLI::App* verb) {
    verb->add_option("--limit", arguments_.filter.limit, "at most so many; 0: all");
  }

  void DeclareGlobal();
  void DeclareStations();
  void DeclareSessions();
  void DeclareFaults();
  void DeclareLogs();
  void DeclareDivergences();
  void DeclareEvidence();
  void DeclareTariffs();
  void DeclareBilling();
  void DeclareJournal();
  void AddWho(CLI::App* verb, bool required);
  void DeclareOffline();
  CLI::App* AddLog(CLI::App* verb);

  CLI::App& app_;
  Arguments& arguments_;
  CLI::App* log_ = nullptr;
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
  CLI::App* stations = Verb(Noun("stations", "charge points"), "list", "all charge points",
                            [&](const Context& c) { return ListStations(c, a.filter); });
  AddSite(stations);
  AddAsOf(stations);
  CLI::App* status = app_.add_subcommand("status", "every connector now");
  status->fallthrough();
  status->callback([this] {
    arguments_.command = [this](const Context& c) { return ShowStatus(c, arguments_.filter); };
  });
  AddSite(status);
  AddAsOf(status);
}

void Grammar::DeclareSessions() {
  const Arguments& a = arguments_;
  CLI::App* sessions = Noun("sessions", "charging sessions");
  CLI::App* list = Verb(sessions, "list", "sessions, newest first",
                        [&](const Context& c) { return ListSessions(c, a.filter); });
  AddSite(list);
  AddStation(list);
  AddLimit(list);
  AddAsOf(list);
  list->add_option("--state", arguments_.filter.state, "open or closed");
  list->add_option("--flag", arguments_.filter.flag, "only with this flag, such as missing_stop");
  list->add_flag("--held", arguments_.filter.held, "only those that a person must look at");
  CLI::App* show =
      Verb(sessions, "show", "one session: what it was, why that is known, and its power curve",
           [&](const Context& c) { return ShowSession(c, a.id, a.filter); });
  show->add_option("id", arguments_.id, "the session's id")->required();
  AddAsOf(show);
  CLI::App* watch =
      Verb(sessions, "watch", "open sessions, then every change of one, until it is ended",
           [&](const Context& c) { return WatchSessions(c, a.filter); });
  AddSite(watch);
  AddStation(watch);
  watch->add_option("--flag", arguments_.filter.flag, "only with this flag");
  watch->add_option("--limit", arguments_.filter.limit, "end after so many lines; 0: never");
  CLI::App* cdrs = Noun("cdrs", "charge detail records: priced sessions");
  list = Verb(cdrs, "list", "CDRs, newest first",
              [&](const Context& c) { return ListCdrs(c, a.filter); });
  AddSite(list);
  AddStation(list);
  AddLimit(list);
  AddAsOf(list);
  show = Verb(cdrs, "show", "one CDR",
              [&](const Context& c) { return ShowCdr(c, a.id, a.filter, a.layout); });
  show->add_option("id", arguments_.id, "the CDR's id")->required();
  show->add_option("--as", arguments_.layout, "ocpi: an OCPI 2.2.1 object in JSON")
      ->check(CLI::IsMember({"ocpi"}));
  AddAsOf(show);
  list->add_option("--session", arguments_.filter.session, "only of this session");
  CLI::App* explain =
      Verb(cdrs, "explain", "why each cent is there: tariff, periods, meter values, entries",
           [&](const Context& c) { return ExplainCdr(c, a.id, a.filter); });
  explain->add_option("id", arguments_.id, "the CDR's id")->required();
  AddAsOf(explain);
  const auto review = [&](const char* name, const char* help, v1::ReviewDecision decision) {
    CLI::App* verb = Verb(sessions, name, help, [this, decision](const Context& c) {
      return ReviewSession(c, arguments_.id, decision, arguments_.review);
    });
    verb->add_option("id", arguments_.id, "the session's id")->required();
    AddWho(verb, /*required=*/true);
    return verb;
  };
  review("release", "bill a held session as it is", v1::REVIEW_DECISION_RELEASE);
  review("waive", "bill nothing, and credit what was billed", v1::REVIEW_DECISION_WAIVE);
  CLI::App* adjust = review("adjust", "bill a session with other figures, in a straight line",
                            v1::REVIEW_DECISION_ADJUST);
  adjust->add_option("--energy-kwh", arguments_.review.energy_kwh, "the energy");
  adjust->add_option("--start", arguments_.review.start, "when it began");
  adjust->add_option("--stop", arguments_.review.stop, "when it ended");
}

void Grammar::AddWho(CLI::App* verb, bool required) {
  verb->add_option("--by", arguments_.review.by, "who decides")->required(required);
  verb->add_option("--reason", arguments_.review.reason, "why")->required(required);
}

void Grammar::DeclareFaults() {
  const Arguments& a = arguments_;
  CLI::App* faults = Noun("faults", "what went wrong");
  CLI::App* list = Verb(faults, "list", "faults, newest first",
                        [&](const Context& c) { return ListFaults(c, a.filter); });
  AddSite(list);
  AddStation(list);
  AddLimit(list);
  AddAsOf(list);
  list->add_flag("--active", arguments_.filter.active, "only those that last");
  CLI::App* top = Verb(faults, "top", "counts by code, most frequent first",
                       [&](const Context& c) { return ListTopFaults(c, a.filter); });
  AddSite(top);
  AddLimit(top);
  AddAsOf(top);
}

void Grammar::DeclareLogs() {
  const Arguments& a = arguments_;
  CLI::App* log = log_ = Noun("log", "the logs that the ledger holds");
  Verb(log, "list", "all logs, their size and root", ListLogs);
  CLI::App* entries = Verb(log, "entries", "entries as they were recorded", [&](const Context& c) {
    return ListEntries(c, a.log, a.generation, a.from, a.count);
  });
  CLI::App* head = Verb(log, "head", "size, root, projections and their digests",
                        [&](const Context& c) { return ShowHead(c, a.log, a.generation, a.size); });
  AddLog(entries);
  AddLog(head);
  entries->add_option("--from", arguments_.from, "first entry");
  entries->add_option("--count", arguments_.count, "how many; 0: to the end")
      ->capture_default_str();
  head->add_option("--size", arguments_.size, "the head that the log had at this size");
}

CLI::App* Grammar::AddLog(CLI::App* verb) {
  verb->add_option("log", arguments_.log, "site's name, log id, or how a log id begins")
      ->required();
  verb->add_option("--generation", arguments_.generation, "0: the newest");
  return verb;
}

void Grammar::DeclareDivergences() {
  const Arguments& a = arguments_;
  CLI::App* noun = Noun("divergence", "how the two sides of a log differ, or did");
  CLI::App* list = Verb(noun, "list", "what was found, newest first",
                        [&](const Context& c) { return ListDivergences(c, a.log, a.open_only); });
  list->add_option("log", arguments_.log, "site's name or log id; not given: all");
  list->add_flag("--open", arguments_.open_only, "only what is not resolved");
  Verb(noun, "show", "one, with the signed checkpoints that prove it",
       [&](const Context& c) { return ShowDivergence(c, a.id); })
      ->add_option("id", arguments_.id, "the divergence's id")
      ->required();
  Verb(noun, "compare", "compares both sides of a log now",
       [&](const Context& c) { return CompareLog(c, a.log); })
      ->add_option("log", arguments_.log, "site's name or log id")
      ->required();
  CLI::App* restore =
      Verb(noun, "restore",
           "takes the author's copy in place of one that contradicts what the ledger has signed",
           [&](const Context& c) { return RestoreLog(c, a.log, a.generation); });
  AddLog(restore);
}

void Grammar::DeclareEvidence() {
  const Arguments& a = arguments_;
  AddLog(Verb(log_, "keys", "who signs the log's checkpoints",
              [&](const Context& c) { return ListKeys(c, a.log); }));
  AddLog(Verb(log_, "checkpoint", "a signed checkpoint", [&](const Context& c) {
    return ShowCheckpoint(c, a.log, a.generation, a.size);
  }))->add_option("--size", arguments_.size, "of this earlier size");
  CLI::App* proof = log_->add_subcommand("proof", "a file that proves something without a server");
  proof->require_subcommand(1);
  proof->fallthrough();
  CLI::App* inclusion =
      AddLog(Verb(proof, "inclusion", "that an entry is in the log", [&](const Context& c) {
        return ProveInclusion(c, a.log, a.generation, a.entry, a.size, a.path);
      }));
  inclusion->add_option("--entry", arguments_.entry, "the entry's number")->required();
  inclusion->add_option("--size", arguments_.size,
                        "in the tree of this size; not given: the "
                        "newest signed one");
  CLI::App* consistency =
      AddLog(Verb(proof, "consistency", "that the log only grew", [&](const Context& c) {
        return ProveConsistency(c, a.log, a.generation, a.from, a.to, a.path);
      }));
  consistency->add_option("--from", arguments_.from, "the smaller size")->required();
  consistency->add_option("--to", arguments_.to,
                          "the larger size; not given: the newest signed one");
  for (CLI::App* verb : {inclusion, consistency}) {
    verb->add_option("--out", arguments_.path, "file to write; not given: the terminal");
  }
  AddLog(Verb(log_, "export", "the log as a folder of static files (C2SP tlog-tiles)",
              [&](const Context& c) { return ExportLog(c, a.log, a.generation, a.path); }))
      ->add_option("dir", arguments_.path, "folder to create")
      ->required();
  AddLog(Verb(log_, "scrub", "check all that the ledger has stored of the log, now",
              [&](const Context& c) { return ScrubLog(c, a.log, a.generation); }));
}

void Grammar::DeclareTariffs() {
  const Arguments& a = arguments_;
  CLI::App* noun = Noun("tariff", "OCPI tariffs");
  CLI::App* publish = Verb(noun, "publish", "records a new version of a tariff in the control log",
                           [&](const Context& c) { return PublishTariff(c, a.path, a.review); });
  publish->add_option("tariff", arguments_.path, "file with an OCPI Tariff")->required();
  AddWho(publish, /*required=*/false);
  CLI::App* assign =
      Verb(noun, "assign", "puts a published tariff in force",
           [&](const Context& c) { return AssignTariff(c, a.assignment, a.review); });
  Assignment& to = arguments_.assignment;
  assign->add_option("tariff", to.tariff, "its id, or COUNTRY-PARTY/id")->required();
  assign->add_option("--site", to.site, "only at this site");
  assign->add_option("--station", to.station, "only at this charge point");
  assign->add_option("--connector", to.connector, "only at this connector of it");
  assign->add_option("--min-power-kw", to.min_power_kw, "only at connectors rated so or more");
  assign->add_option("--max-power-kw", to.max_power_kw, "only at connectors rated less");
  assign->add_option("--contract", to.contract, "only for this contract");
  assign->add_option("--partner", to.partner, "only for contracts of this eMSP, such as NL-TNM");
  assign->add_option("--from", to.from, "for sessions that start from then on");
  assign->add_option("--to", to.to, "and before then");
  assign->add_option("--priority", to.priority, "of several that match the highest counts");
  assign->add_flag("--for-past", to.for_past,
                   "also for sessions that are billed already: they are credited and billed again");
  assign->add_flag("--withdraw", to.withdraw, "takes it out of force for these instead");
  AddWho(assign, /*required=*/false);
  Verb(noun, "list", "the newest version of each published tariff, and for whom it is in force",
       [&](const Context& c) { return ListTariffs(c, a.open_only); })
      ->add_flag("--all", arguments_.open_only, "every version");
  CLI::App* export_ =
      Verb(noun, "export", "a published tariff as OCPI JSON",
           [&](const Context& c) { return ExportTariff(c, a.id, a.version, a.ocpi); });
  export_->add_option("tariff", arguments_.id, "its id, or COUNTRY-PARTY/id")->required();
  export_->add_option("--version", arguments_.version, "not the newest but this one");
  export_->add_option("--ocpi", arguments_.ocpi, "2.2.1 or 2.3.0")->capture_default_str();
  CLI::App* price =
      Verb(noun, "price", "what an OCPI CDR (2.1.1, 2.2.1, 2.3.0) costs by a tariff; prints JSON",
           [&](const Context& c) {
             return PriceCdr(a.tariff, a.cdr, a.time_zone, {c.out, std::cerr});
           });
  price->add_option("--tariff", arguments_.tariff,
                    "file with an OCPI Tariff; not given: the one that the CDR carries");
  price->add_option("--cdr", arguments_.cdr, "file with an OCPI CDR")->required();
  price->add_option("--time-zone", arguments_.time_zone,
                    "the place's time zone, such as Europe/Amsterdam; not given: UTC");
  CLI::App* lint =
      Verb(noun, "lint", "what is wrong with a tariff, and what is dubious", [&](const Context& c) {
        return LintTariff(a.path, c.format, {c.out, std::cerr});
      });
  CLI::App* explain = Verb(noun, "explain", "a tariff in words", [&](const Context& c) {
    return ExplainTariff(a.path, {c.out, std::cerr});
  });
  CLI::App* simulate =
      Verb(noun, "simulate", "what sessions would cost by a tariff", [&](const Context& c) {
        return SimulateTariff(a.path, a.simulation, c.format, {c.out, std::cerr});
      });
  for (CLI::App* verb : {lint, explain, simulate}) {
    verb->add_option("tariff", arguments_.path, "file with an OCPI Tariff")->required();
  }
  Simulation& s = arguments_.simulation;
  simulate->add_option("--durations", s.durations, "lengths of charging")
      ->delimiter(',')
      ->capture_default_str();
  simulate->add_option("--energies", s.energies, "kWh")->delimiter(',')->capture_default_str();
  simulate->add_option("--parking", s.parking, "standing behind it")->capture_default_str();
  simulate->add_option("--start", s.start, "when it begins")->capture_default_str();
  simulate->add_option("--time-zone", s.time_zone, "the place's")->capture_default_str();
}

void Grammar::DeclareBilling() {
  const Arguments& a = arguments_;
  CLI::App* billing = Noun("billing", "what bills follow from");
  CLI::App* holds = Verb(billing, "holds", "sessions that wait for a person, or for a tariff",
                         [&](const Context& c) { return ListHolds(c, a.filter); });
  AddSite(holds);
  AddLimit(holds);
  AddAsOf(holds);
  CLI::App* record =
      Verb(billing, "record", "a site, a contract or a billing policy, from a JSON file",
           [&](const Context& c) { return RecordFact(c, a.path, a.review); });
  record->add_option("file", arguments_.path, "a control fact (docs/billing.md)")->required();
  AddWho(record, /*required=*/false);
  CLI::App* what_if =
      Verb(billing, "what-if", "what recorded sessions would cost by another tariff",
           [&](const Context& c) {
             return ShowWhatIf(c, a.tariff, a.filter.site, a.since, a.until, a.by);
           });
  what_if->add_option("--tariff", arguments_.tariff, "file with an OCPI Tariff")->required();
  what_if->add_option("--from", arguments_.since, "sessions that started from then on");
  what_if->add_option("--to", arguments_.until, "and before then");
  what_if->add_option("--by", arguments_.by, "session, station or hour")->capture_default_str();
  AddSite(what_if);
  CLI::App* close =
      Verb(billing, "close", "makes the invoices of a month, for good", [&](const Context& c) {
        v1::ClosePeriodRequest request;
        request.set_period(a.period);
        request.set_series(a.series);
        request.set_time_zone(a.time_zone);
        request.set_before_end(a.before_end);
        return ClosePeriod(c, std::move(request), a.review);
      });
  close->add_flag("--before-end", arguments_.before_end,
                  "although the month is not over: what it still brings goes to the next");
  close->add_option("period", arguments_.period, "such as 2026-11")->required();
  close->add_option("--series", arguments_.series, "of the numbers; not given: the year");
  close->add_option("--time-zone", arguments_.time_zone, "in which the month ends; not given: UTC");
  AddWho(close, /*required=*/false);
  CLI::App* reopen = Verb(billing, "reopen",
                          "answers a closing in error: the last closed month may be closed again",
                          [&](const Context& c) { return ReopenPeriod(c, a.period, a.review); });
  reopen->add_option("period", arguments_.period, "the last that is closed")->required();
  AddWho(reopen, /*required=*/true);
  CLI::App* accept = Verb(billing, "accept-facts",
                          "takes a log's control facts for right that differ from the control log",
                          [&](const Context& c) { return AcceptFacts(c, a.id, a.review); });
  accept->add_option("log", arguments_.id, "the log's whole id, as `log list` has it")->required();
  AddWho(accept, /*required=*/true);
  CLI::App* invoices = Noun("invoices", "invoices and credit notes of closed months");
  Verb(invoices, "list", "all of them", [&](const Context& c) {
    return ListInvoices(c, a.period);
  })->add_option("--period", arguments_.period, "only of this month");
  Verb(invoices, "compare", "those that would be others if they were issued today",
       [&](const Context& c) { return CompareInvoices(c, a.period); })
      ->add_option("--period", arguments_.period, "only of this month");
  CLI::App* show = Verb(invoices, "show", "one, as a table, JSON, or EN 16931 in UBL",
                        [&](const Context& c) { return ShowInvoice(c, a.id, a.layout); });
  show->add_option("number", arguments_.id, "its number")->required();
  show->add_option("--as", arguments_.layout,
                   "ubl: EN 16931 in UBL 2.1; artefact: the bytes that were issued")
      ->check(CLI::IsMember({"ubl", "artefact"}));
}

void Grammar::DeclareJournal() {
  const Arguments& a = arguments_;
  CLI::App* ocpi = Noun("ocpi", "what is sent to OCPI partners");
  CLI::App* outbox =
      Verb(ocpi, "list", "sessions and CDRs, and what became of them",
           [&](const Context& c) { return ListOutbox(c, a.partner, a.filter.state); });
  outbox->add_option("--partner", arguments_.partner, "only of this one, such as NL-TNM");
  outbox->add_option("--state", arguments_.filter.state, "pending, taken or dead");
  CLI::App* resend = Verb(ocpi, "resend", "sends a dead letter again",
                          [&](const Context& c) { return ResendOutbox(c, a.partner, a.id); });
  resend->add_option("partner", arguments_.partner, "such as NL-TNM")->required();
  resend->add_option("id", arguments_.id, "of the session or CDR")->required();
  CLI::App* journal = Noun("journal", "the books, in double entry");
  CLI::App* list = Verb(journal, "list", "transactions, newest first",
                        [&](const Context& c) { return ListJournal(c, a.filter, a.layout); });
  list->add_option("--as", arguments_.layout, "plain-text accounting, oldest first")
      ->check(CLI::IsMember({"hledger", "beancount"}));
  list->add_option("--session", arguments_.filter.session, "only of this session");
  AddLimit(list);
  CLI::App* balance = Verb(journal, "balance", "what each account has come to",
                           [&](const Context& c) { return ShowBalance(c, a.filter); });
  CLI::App* trial = Verb(journal, "trial", "the trial balance; fails if it does not balance",
                         [&](const Context& c) { return ShowTrialBalance(c, a.filter); });
  for (CLI::App* verb : {list, balance, trial}) {
    AddSite(verb);
    AddAsOf(verb);
  }
  for (CLI::App* verb : {list, balance}) {
    verb->add_option("--account", arguments_.filter.account, "only accounts that begin so");
  }
}

void Grammar::DeclareOffline() {
  const Arguments& a = arguments_;
  CLI::App* verify = Noun("verify", "check evidence, without any server");
  CLI::App* proof = Verb(verify, "proof", "a proof file of `log proof`",
                         [&](const Context& c) { return VerifyProof(a.path, a.keys, c.out); });
  CLI::App* tiles = Verb(verify, "tiles", "a folder of `log export`",
                         [&](const Context& c) { return VerifyTiles(a.path, a.keys, c.out); });
  CLI::App* facts = Verb(
      verify, "facts", "the control facts in a site's log, against the control log",
      [&](const Context& c) { return VerifyFacts(a.site_tiles, a.control_tiles, a.keys, c.out); });
  facts->add_option("--site-tiles", arguments_.site_tiles, "a folder of `log export`")->required();
  facts
      ->add_option("--control-tiles", arguments_.control_tiles,
                   "a folder of `log export control`; once for each generation")
      ->required();
  CLI::App* merkle = Verb(verify, "merkle", "Merkle tree cases in JSON (docs/log_format.md)",
                          [&](const Context& c) { return VerifyMerkle(a.path, c.out); });
  for (CLI::App* verb : {proof, tiles, merkle}) {
    verb->add_option("path", arguments_.path, "file or folder")->required();
  }
  for (CLI::App* verb : {proof, tiles, facts}) {
    verb->add_option("--key", arguments_.keys,
                     "vkey (log keys) of who must have signed; may be given several times")
        ->required();
  }
  CLI::App* fsck = app_.add_subcommand(
      "fsck", "check the data directory of a stopped ledgerd or edge-agent from the bytes up");
  fsck->fallthrough();
  fsck->callback([this] {
    arguments_.command = [this](const Context& c) {
      return Fsck(arguments_.path, arguments_.rebuild_heads, c.out);
    };
  });
  fsck->add_option("--data-dir", arguments_.path, "its --data-dir")->required();
  fsck->add_flag("--rebuild-heads", arguments_.rebuild_heads,
                 "write a lost head file anew from what the store holds");
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
