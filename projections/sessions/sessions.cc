#include "projections/sessions/sessions.h"

#include <string>
#include <vector>

#include "projections/keys.h"
#include "projections/sessions/ratings.h"

namespace chargeledger::projections {

std::vector<ChangedSession> Sessions::Apply(const Event& event, State& state) {
  if (event.clock_step_us != 0) book_.OnClockStep(event, state);
  if (event.kind == Event::Kind::kOther && event.entry->has_connection_closed()) {
    OnConnectionClosed(event, state);
    return {};
  }
  if (event.kind == Event::Kind::kOther) TakeRatings(event, state);
  if (event.kind != Event::Kind::kFrame) return {};
  book_.Begin(event, state);
  switch (event.subprotocol) {
    case v1::SUBPROTOCOL_OCPP1_6:
      v16_.Apply(event);
      break;
    case v1::SUBPROTOCOL_OCPP2_0_1:
    case v1::SUBPROTOCOL_OCPP2_1:
      v201_.Apply(event);
      break;
    default:
      break;
  }
  return book_.TakeChanged();
}

// Starts that will not be answered any more: the charge point says them again.
void Sessions::OnConnectionClosed(const Event& event, State& state) {
  const v1::ConnectionClosed& closed = event.entry->connection_closed();
  const std::string prefix = ChargePointKey('p', closed.charge_point_id(), event.connection);
  std::vector<std::string> unanswered;
  state.Scan(prefix, [&](absl::string_view key, absl::string_view) {
    unanswered.emplace_back(key);
    return true;
  });
  for (const std::string& key : unanswered) state.Delete(key);
}

}  // namespace chargeledger::projections
