// What was said of a session, message by message, out of its own stretch of the log: for whoever
// wants to see the power curve, or what a figure came from.
#pragma once

#include "chargeledger/v1/query.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "ocpp/payload_reader.h"
#include "ocpp/v16.h"
#include "ocpp/v201.h"
#include "ocpp/v21.h"
#include "projections/event.h"
#include "projections/sessions/metering.h"

namespace chargeledger::projections {

class StoryTeller {
 public:
  // More is not told: a session of a month, a value a minute.
  static constexpr int kMostPoints = 50'000;
  static constexpr int kMostEvents = 10'000;

  explicit StoryTeller(const v1::Session& session) : session_(session) {}

  // Events from the session's first entry to its last; those that are not of it are passed over.
  void Add(const Event& event);
  v1::SessionStory Take() { return std::move(story_); }

 private:
  void Add16(const Event& event);
  void Add2(const Event& event);
  template <typename Request>
  void AddTransactionEvent(const Event& event, const Request& request);
  template <typename Values>
  void AddPoints(const Event& event, const Values& values);
  void AddEvent(const Event& event, std::optional<absl::string_view> timestamp,
                const std::string& detail);
  // Whether what names this transaction, or none at this connector, is of the session.
  bool IsOurs(std::optional<int64_t> transaction, std::optional<int64_t> connector,
              std::optional<absl::string_view> timestamp) const;
  template <typename Message>
  bool Read(const Event& event, Message& message) {
    return payload_.Read(event.frame.payload, message).ok();
  }

  const v1::Session& session_;
  v1::SessionStory story_;
  SampleReader samples_;
  ocpp::PayloadReader payload_;
};

}  // namespace chargeledger::projections
