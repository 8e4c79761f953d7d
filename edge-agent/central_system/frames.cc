#include "edge-agent/central_system/frames.h"

#include <algorithm>

namespace chargeledger::edge_agent {
namespace {

// Leaves room in log::kMaxEventBytes for the other fields.
constexpr size_t kMaxPartBytes = 64'000;

}  // namespace

void AppendFrame(const Peer& peer, v1::Direction direction, absl::string_view payload, bool binary,
                 std::vector<v1::Entry>& entries) {
  const size_t parts = std::max<size_t>(1, (payload.size() + kMaxPartBytes - 1) / kMaxPartBytes);
  for (size_t part = 0; part < parts; ++part) {
    v1::FrameRecorded& frame = *entries.emplace_back().mutable_frame_recorded();
    frame.set_charge_point_id(peer.charge_point_id);
    frame.set_connection(peer.connection);
    frame.set_direction(direction);
    frame.set_subprotocol(peer.subprotocol);
    const absl::string_view bytes = payload.substr(part * kMaxPartBytes, kMaxPartBytes);
    frame.set_payload(bytes.data(), bytes.size());
    frame.set_binary(binary);
    if (parts > 1) {
      frame.set_part_index(static_cast<uint32_t>(part));
      frame.set_part_count(static_cast<uint32_t>(parts));
    }
  }
}

}  // namespace chargeledger::edge_agent
