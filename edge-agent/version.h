// What the edge agent calls itself in its LogOpened entries.
#pragma once

namespace chargeledger::edge_agent {

inline constexpr char kVersion[] = "edge-agent 0.3.0";

}  // namespace chargeledger::edge_agent
