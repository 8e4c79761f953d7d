#include "edge-agent/endpoint/handshake.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/ids.h"

namespace chargeledger::edge_agent {
namespace {

constexpr absl::string_view kPathPrefix = "/ocpp/";

struct Spoken {
  absl::string_view name;
  v1::Subprotocol subprotocol;
};

constexpr Spoken kSpoken[] = {{"ocpp1.6", v1::SUBPROTOCOL_OCPP1_6},
                              {"ocpp2.0.1", v1::SUBPROTOCOL_OCPP2_0_1}};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// OCPP-J 1.6 §3.1.1: the identity is percent-encoded. Absent if the encoding is broken.
std::optional<std::string> PercentDecode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

// Without scheme, authority and query; one slash at the end is forgiven.
absl::string_view Path(absl::string_view target) {
  if (!absl::StartsWith(target, "/")) {
    const size_t authority = target.find("://");
    const size_t path = authority == target.npos ? target.npos : target.find('/', authority + 3);
    target = path == target.npos ? absl::string_view() : target.substr(path);
  }
  target = target.substr(0, target.find('?'));
  if (target.size() > kPathPrefix.size()) absl::ConsumeSuffix(&target, "/");
  return target;
}

// The first that is spoken here, in the charge point's order of preference (OCPP-J 2.0.1 §3.1.2).
bool Choose(const std::vector<absl::string_view>& offered, HandshakeAccepted& accepted) {
  for (absl::string_view line : offered) {
    for (absl::string_view item : absl::StrSplit(line, ',')) {
      const absl::string_view name = absl::StripAsciiWhitespace(item);
      for (const Spoken& spoken : kSpoken) {
        if (!absl::EqualsIgnoreCase(name, spoken.name)) continue;
        accepted.subprotocol = spoken.subprotocol;
        accepted.subprotocol_name = std::string(name);
        return true;
      }
    }
  }
  return false;
}

}  // namespace

std::variant<HandshakeAccepted, HandshakeRefused> JudgeHandshake(
    const HandshakeRequest& request, const std::set<std::string>& allowed) {
  if (!request.upgrade) {
    return HandshakeRefused{426,
                            "this is an OCPP-J endpoint: connect with a WebSocket to /ocpp/<id>"};
  }
  const absl::string_view path = Path(request.target);
  if (!absl::StartsWith(path, kPathPrefix)) {
    return HandshakeRefused{404, "the path must be /ocpp/<chargePointId>"};
  }
  std::optional<std::string> id = PercentDecode(path.substr(kPathPrefix.size()));
  if (!id.has_value()) return HandshakeRefused{404, "the path is not well percent-encoded"};
  if (absl::Status status = core::CheckChargePointId(*id); !status.ok()) {
    return HandshakeRefused{404, std::string(status.message())};
  }
  if (!allowed.empty() && allowed.count(*id) == 0) {
    return HandshakeRefused{404, "this charge point is not known here"};
  }
  HandshakeAccepted accepted;
  accepted.charge_point_id = *std::move(id);
  if (!Choose(request.offered, accepted)) {
    return HandshakeRefused{
        101, "none of the offered subprotocols is spoken here; ocpp1.6 and ocpp2.0.1 are"};
  }
  return accepted;
}

}  // namespace chargeledger::edge_agent
