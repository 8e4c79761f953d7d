// One metric as Prometheus knows it, with its samples at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace chargeledger::core {

struct Metric {
  enum class Kind { kGauge, kCounter };
  struct Sample {
    std::vector<std::pair<std::string, std::string>> labels;
    int64_t value = 0;
  };

  // `chargeledger_…`, with the unit last; counters end in _total.
  std::string name;
  std::string help;
  Kind kind = Kind::kGauge;
  std::vector<Sample> samples;
};

}  // namespace chargeledger::core
