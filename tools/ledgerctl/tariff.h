// tariff price|lint|explain|simulate: OCPI tariffs without a server. Files hold one OCPI object, or
// OCPI's answer with one in `data`; "-" is standard input.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/ledgerctl/table.h"

namespace chargeledger::ledgerctl {

// Where a command writes: what was asked for, and what the user should know beside it.
struct Output {
  std::ostream& out;
  std::ostream& err;
};

// Prices a CDR's periods; without a tariff file, by the tariff that the CDR carries. `time_zone` is
// the place's (IANA); empty: the CDR's own, else UTC. Prints JSON.
absl::Status PriceCdr(const std::string& tariff_path, const std::string& cdr_path,
                      const std::string& time_zone, const Output& output);

// Prints every finding; an error if there is one.
absl::Status LintTariff(const std::string& path, Format format, const Output& output);

// In words, in the order of EU AFIR Art. 5(4): per kWh, per minute, per session, others.
absl::Status ExplainTariff(const std::string& path, const Output& output);

// What sessions of these lengths and energies would cost.
struct Simulation {
  std::vector<std::string> durations = {"30m", "1h", "2h", "4h", "8h"};
  std::vector<std::string> energies = {"5", "10", "20", "40", "60"};
  // Not charging, behind each.
  std::string parking = "0m";
  // When they begin (ISO 8601).
  std::string start = "2026-01-05T12:00:00Z";
  std::string time_zone = "UTC";
};
absl::Status SimulateTariff(const std::string& path, const Simulation& simulation, Format format,
                            const Output& output);

}  // namespace chargeledger::ledgerctl
