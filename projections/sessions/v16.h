// What an OCPP 1.6 conversation says of sessions.
#pragma once

#include "ocpp/payload_reader.h"
#include "ocpp/v16.h"
#include "ocpp/v16_commands.h"
#include "projections/sessions/book.h"

namespace chargeledger::projections {

class SessionsOf16 {
 public:
  explicit SessionsOf16(SessionBook& book) : book_(book) {}

  // A well-formed frame of OCPP 1.6, after book.Begin.
  void Apply(const Event& event);

 private:
  void OnCall(const Event& event);
  void OnCommand(const Event& event);
  void OnAnswer(const Event& event);
  void OnStart(const Event& event);
  void OnStartAnswered(const Event& event);
  void OnMeterValues();
  void OnStop();
  void OnStatus();
  void AddSamples(SessionRecord& record, const ocpp::List<ocpp::v16::MeterValue>& values);
  template <typename Message>
  bool Read(const Event& event, Message& message) {
    return payload_.Read(event.frame.payload, message).ok();
  }

  SessionBook& book_;
  SampleReader samples_;
  ocpp::PayloadReader payload_;
  ocpp::v16::MeterValuesReq meter_values_;
  ocpp::v16::StartTransactionReq start_;
  ocpp::v16::StopTransactionReq stop_;
  ocpp::v16::StatusNotificationReq status_;
  ocpp::v16::StartTransactionConf started_;
};

}  // namespace chargeledger::projections
