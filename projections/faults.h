// What went wrong at every charge point, when and for how long.
//
// State keys: 'f' generation, sequence -> Fault; 'a' charge point, connector -> key of the
// connector fault that lasts; 'e' charge point, component, variable -> key of the event that lasts.
#pragma once

#include "chargeledger/v1/types.pb.h"
#include "ocpp/payload_reader.h"
#include "projections/event.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kFaultKind = 'f';

class Faults {
 public:
  static constexpr uint32_t kVersion = 4;

  void Apply(const Event& event, State& state);

 private:
  void OnCall(const Event& event, State& state);
  void OnStatus(const Event& event, State& state);
  void OnStatus2(const Event& event, State& state);
  void OnEvents(const Event& event, State& state);
  void OnMaintenance(const Event& event, State& state);
  void OnSecurity(const Event& event, State& state);
  void OnOther(const Event& event, State& state);

  ocpp::PayloadReader payload_;
};

}  // namespace chargeledger::projections
