// Sessions out of OCPP 1.6 conversations: one per transaction that was given an id, opened by
// StartTransaction and its answer, fed by MeterValues, closed by StopTransaction.
//
// State keys: 's' generation sequence -> Session; 't' charge point, transaction id -> key of its
// session; 'o' charge point, connector -> key of the session last started there; 'p' charge point,
// connection, message id -> a StartTransaction that waits for its answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chargeledger/v1/types.pb.h"
#include "ocpp/v16.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kSessionKind = 's';

class Sessions {
 public:
  static constexpr uint32_t kVersion = 2;

  // Key of the key of the session that was last begun on a connector.
  static std::string LastOnConnectorKey(absl::string_view charge_point_id, uint32_t connector_id);

  // Folds one event. A session that it closes for the first time is returned.
  std::optional<v1::Session> Apply(const Event& event, State& state);

 private:
  void OnStart(const Event& event, State& state);
  void OnStartAnswered(const Event& event, State& state);
  bool OnOrphanStarted(const Event& event, const std::string& transaction_key, v1::Session& session,
                       State& state);
  void OnMeterValues(const Event& event, State& state);
  std::optional<v1::Session> OnStop(const Event& event, State& state);
  void OnConnectionClosed(const Event& event, State& state);

  ocpp::v16::PayloadReader payload_;
};

}  // namespace chargeledger::projections
