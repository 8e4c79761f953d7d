#include "log/log_metrics.h"

#include <functional>
#include <string>

namespace chargeledger::log {
namespace {

using core::Metric;
using Labels = std::vector<std::pair<std::string, std::string>>;

Labels LabelsOf(const core::LogId& log_id, core::Generation generation) {
  return {{"log", log_id.ToHex()}, {"generation", std::to_string(generation.value())}};
}

Metric OfLogs(const Archive& archive, const char* name, const char* help,
              const std::function<uint64_t(const EventLog&)>& value) {
  Metric metric{name, help, Metric::Kind::kGauge, {}};
  for (const EventLog* log : archive.logs()) {
    metric.samples.push_back(
        {LabelsOf(log->log_id(), log->generation()), static_cast<int64_t>(value(*log))});
  }
  return metric;
}

Metric OfScrubs(const std::vector<ScrubProgress>& all, const char* name, const char* help,
                Metric::Kind kind, const std::function<int64_t(const ScrubProgress&)>& value) {
  Metric metric{name, help, kind, {}};
  for (const ScrubProgress& progress : all) {
    metric.samples.push_back({LabelsOf(progress.log_id, progress.generation), value(progress)});
  }
  return metric;
}

}  // namespace

std::vector<Metric> CollectLogMetrics(const Archive& archive, const Scrubber& scrubber) {
  constexpr Metric::Kind kGauge = Metric::Kind::kGauge, kCounter = Metric::Kind::kCounter;
  const std::vector<ScrubProgress> scrubs = scrubber.progress();
  return {
      OfLogs(archive, "chargeledger_log_entries", "Entries that are durable.",
             [](const EventLog& log) { return log.head().size; }),
      OfLogs(archive, "chargeledger_log_sealed_entries", "Entries in sealed bundles.",
             [](const EventLog& log) { return log.sealed() * kTileWidth; }),
      OfScrubs(scrubs, "chargeledger_scrub_checked_entries",
               "Entries that the newest walk over the log has checked.", kGauge,
               [](const ScrubProgress& p) { return static_cast<int64_t>(p.checked); }),
      OfScrubs(scrubs, "chargeledger_scrub_size_entries",
               "Entries that the newest walk over the log will check.", kGauge,
               [](const ScrubProgress& p) { return static_cast<int64_t>(p.size); }),
      OfScrubs(scrubs, "chargeledger_scrub_findings",
               "What the newest walk over the log found wrong. Anything above 0 is for a person.",
               kGauge, [](const ScrubProgress& p) { return static_cast<int64_t>(p.findings); }),
      OfScrubs(scrubs, "chargeledger_scrub_rounds_total", "Walks that came to their end.", kCounter,
               [](const ScrubProgress& p) { return static_cast<int64_t>(p.rounds); }),
      OfScrubs(scrubs, "chargeledger_scrub_finished_timestamp_seconds",
               "When the last walk came to its end, in seconds since 1970; 0: none yet.", kGauge,
               [](const ScrubProgress& p) { return p.finished_at_us / 1'000'000; }),
  };
}

}  // namespace chargeledger::log
