// What every charge point is and does now: identity, connection, connector states.
//
// State keys: 'n' charge point -> Station; 'k' charge point, EVSE (16 bits above the connector's; 0
// in OCPP 1.6), connector -> Connector (0: the whole charge point).
#pragma once

#include "chargeledger/v1/types.pb.h"
#include "ocpp/payload_reader.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kStationKind = 'n';
constexpr char kConnectorKind = 'k';

class Stations {
 public:
  static constexpr uint32_t kVersion = 3;

  void Apply(const Event& event, State& state);

 private:
  void OnOther(const Event& event, State& state);
  void OnCall(const Event& event, State& state, v1::Station& station);
  void OnBoot(const Event& event, v1::Station& station);
  void OnStatus(const Event& event, State& state);
  void OnStatus2(const Event& event, State& state);

  ocpp::PayloadReader payload_;
};

}  // namespace chargeledger::projections
