// What operators watch of a process's logs: sizes, sealing, scrubbing. See docs/metrics.md.
#pragma once

#include <vector>

#include "core/metric.h"
#include "log/archive.h"
#include "log/scrubber.h"

namespace chargeledger::log {

std::vector<core::Metric> CollectLogMetrics(const Archive& archive, const Scrubber& scrubber);

}  // namespace chargeledger::log
