// What an OCPP 2.0.1 or 2.1 conversation says of sessions.
#pragma once

#include "ocpp/payload_reader.h"
#include "ocpp/v201.h"
#include "ocpp/v201_commands.h"
#include "ocpp/v21.h"
#include "projections/sessions/book.h"

namespace chargeledger::projections {

class SessionsOf201 {
 public:
  explicit SessionsOf201(SessionBook& book) : book_(book) {}

  // A well-formed frame of OCPP 2.x, after book.Begin.
  void Apply(const Event& event);

 private:
  void OnCall(const Event& event);
  void OnCommand(const Event& event);
  void OnAnswer(const Event& event);
  void OnAnswered(const Event& event);
  template <typename Request>
  void OnTransactionEvent(const Event& event, const Request& request);
  template <typename Message>
  bool Read(const Event& event, Message& message) {
    return payload_.Read(event.frame.payload, message).ok();
  }

  SessionBook& book_;
  SampleReader samples_;
  ocpp::PayloadReader payload_;
  ocpp::v201::TransactionEventRequest event_;
  ocpp::v21::TransactionEventRequest event21_;
  ocpp::v201::MeterValuesRequest meter_values_;
  ocpp::v201::StatusNotificationRequest status_;
};

}  // namespace chargeledger::projections
