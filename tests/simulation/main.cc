// Runs the simulated network under one seed, or under many. See --help.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/system_clock.h"
#include "tests/simulation/shrink.h"
#include "tests/simulation/simulation.h"

namespace chargeledger::simulation {
namespace {

struct Flags {
  uint64_t seed = 1;
  int runs = 1;
  double hours = 2;
  int sites = 5;
  int chargers = 50;
  bool verbose = false;
  bool both_forget = false;
  std::string watch;
  bool shrink = true;
};

// What the soak has been through.
struct Sum {
  int runs = 0;
  Statistics statistics;
  uint64_t simulated_us = 0;
  std::map<Fault::Kind, int> faults;

  void Add(const Result& result) {
    ++runs;
    simulated_us += result.simulated_us;
    statistics.frames += result.statistics.frames;
    statistics.answers += result.statistics.answers;
    statistics.operations += result.statistics.operations;
    statistics.endangered += result.statistics.endangered;
    statistics.lost += result.statistics.lost;
    statistics.sessions += result.statistics.sessions;
    statistics.sessions_compared += result.statistics.sessions_compared;
    statistics.people += result.statistics.people;
    for (const auto& [kind, count] : result.faults) faults[kind] += count;
  }
};

void PrintSum(const Sum& sum, uint64_t real_us) {
  const Statistics& all = sum.statistics;
  absl::PrintF(
      "%d runs, %.1f simulated hours (%.0f s a real second), %d frames, %d answers, %d storage "
      "operations, %d sessions (%d compared with what charge points did), %d frames lost with all "
      "their copies, %d times a person was needed\n",
      sum.runs, static_cast<double>(sum.simulated_us) / static_cast<double>(kHour),
      static_cast<double>(sum.simulated_us) / static_cast<double>(real_us), all.frames, all.answers,
      all.operations, all.sessions, all.sessions_compared, all.lost, all.people);
  for (const auto& [kind, count] : sum.faults) {
    absl::PrintF("  %-18s %d\n", ToWord(kind), count);
  }
}

void PrintFailure(const Options& options, const Result& result, bool shrink) {
  absl::PrintF("seed %d: %s: %s\n\nwhat happened before:\n", result.seed, result.violation->checker,
               result.violation->detail);
  for (const std::string& line : result.story) absl::PrintF("  %s\n", line);
  if (!shrink) return;
  const Shrunk shrunk = Shrink(options, *result.violation);
  absl::PrintF("\nit still fails with %d of %d faults:\n", shrunk.faults.size(),
               shrunk.faults_before);
  for (const Fault& fault : shrunk.faults) absl::PrintF("  %s\n", fault.ToText());
  absl::PrintF("as: %s: %s\n", shrunk.violation.checker, shrunk.violation.detail);
  for (const std::string& line : shrunk.story) absl::PrintF("  %s\n", line);
}

int Main(int argc, char** argv) {
  CLI::App app("Runs charge points, sites and the ledger on one thread, with faults, from a seed.",
               "simulation");
  Flags flags;
  app.add_option("--seed", flags.seed, "the first seed; the same seed is the same run")
      ->capture_default_str();
  app.add_option("--runs", flags.runs, "how many seeds, one after the other")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--hours", flags.hours, "simulated hours of each run with faults")
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  app.add_option("--sites", flags.sites)->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--charge-points", flags.chargers, "in all")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_flag("--both-forget", flags.both_forget,
               "instead of the seed's faults: the ledger is restored and a site's disk put back");
  app.add_flag("--verbose", flags.verbose,
               "the whole story and what the processes log go to standard error");
  app.add_option("--watch", flags.watch,
                 "tell where this frame is recorded, as CHARGE_POINT|MESSAGE_ID");
  app.add_flag("!--no-shrink", flags.shrink, "do not look for the faults that matter");
  CLI11_PARSE(app, argc, argv);
  spdlog::set_level(flags.verbose ? spdlog::level::debug : spdlog::level::off);

  core::SystemClock clock;
  const uint64_t began_us = clock.MonotonicMicros();
  Sum sum;
  for (int run = 0; run < flags.runs; ++run) {
    Options options;
    options.seed = flags.seed + static_cast<uint64_t>(run);
    options.duration_us = static_cast<uint64_t>(flags.hours * static_cast<double>(kHour));
    options.sites = flags.sites;
    options.chargers = flags.chargers;
    options.watch = flags.watch;
    options.both_forget = flags.both_forget;
    if (flags.verbose) {
      options.show = [](const std::string& line) { absl::FPrintF(stderr, "%s\n", line); };
    }
    const Result result = Simulation(options).Run();
    options.show = {};
    sum.Add(result);
    const uint64_t passed_us = clock.MonotonicMicros() - began_us;
    absl::FPrintF(stderr, "%d of %d runs, seed %d: trace %016x, %d frames, %d s\n", run + 1,
                  flags.runs, options.seed, result.trace, result.statistics.frames,
                  passed_us / kSecond);
    if (!result.violation.has_value()) continue;
    PrintFailure(options, result, flags.shrink);
    return 1;
  }
  PrintSum(sum, clock.MonotonicMicros() - began_us);
  return 0;
}

}  // namespace
}  // namespace chargeledger::simulation

int main(int argc, char** argv) { return chargeledger::simulation::Main(argc, argv); }
