// What a charge point asks for when it connects (OCPP-J 1.6 §3.1, 2.0.1 part 4 §3), judged. Pure.
#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"

namespace chargeledger::edge_agent {

struct HandshakeRequest {
  // Whether it asks for a WebSocket (RFC 6455 §4.2.1).
  bool upgrade = false;
  // Origin or absolute form (RFC 9112 §3.2).
  absl::string_view target;
  // The values of all Sec-WebSocket-Protocol lines: one list (RFC 6455 §11.3.4).
  std::vector<absl::string_view> offered;
};

struct HandshakeAccepted {
  std::string charge_point_id;
  v1::Subprotocol subprotocol = v1::SUBPROTOCOL_UNSPECIFIED;
  // In the spelling that was offered: a client must refuse any other (RFC 6455 §4.1).
  std::string subprotocol_name;
};

struct HandshakeRefused {
  // 101: the handshake completes without a subprotocol, and the connection closes (OCPP-J 1.6
  // §3.1.2).
  unsigned http_status = 0;
  std::string reason;
};

// `allowed`: the charge points that may connect; empty: each with a well-formed id.
std::variant<HandshakeAccepted, HandshakeRefused> JudgeHandshake(
    const HandshakeRequest& request, const std::set<std::string>& allowed);

}  // namespace chargeledger::edge_agent
