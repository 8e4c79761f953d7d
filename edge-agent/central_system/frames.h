// Frames and connection events as entries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"

namespace chargeledger::edge_agent {

// The other end of one WebSocket connection.
struct Peer {
  std::string charge_point_id;
  // Sequence of its ConnectionOpened entry.
  uint64_t connection = 0;
  v1::Subprotocol subprotocol = v1::SUBPROTOCOL_UNSPECIFIED;
};

// One message as the entry that records it, or as several if it is too large for one.
void AppendFrame(const Peer& peer, v1::Direction direction, absl::string_view payload, bool binary,
                 std::vector<v1::Entry>& entries);

}  // namespace chargeledger::edge_agent
