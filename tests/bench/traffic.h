// Realistic entries for benchmarks: chargesim's charge points against the edge agent's central
// system, without sockets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace chargeledger::bench {

// At least `count` serialised entries of one log, in order, as a site with fifty busy charge points
// records them.
std::vector<std::string> RecordTraffic(uint64_t count);

// The same from charge points that lose connections, forget stops, reset registers and let messages
// overtake each other.
std::vector<std::string> RecordDirtyTraffic(uint64_t count, uint64_t seed);

}  // namespace chargeledger::bench
