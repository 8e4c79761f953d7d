#include "projections/sessions/story.h"

#include "absl/strings/str_cat.h"
#include "core/timestamp.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;
namespace v201 = ocpp::v201;

int64_t TimeOf(std::optional<absl::string_view> text) {
  if (!text.has_value()) return 0;
  auto time = core::ParseTimestamp(*text);
  return time.ok() ? *time : 0;
}

std::string Words(absl::string_view first, absl::string_view second) {
  return absl::StrCat(first, first.empty() || second.empty() ? "" : " ", second);
}

absl::string_view Or(const ocpp::Text& text) { return text.value_or(""); }

}  // namespace

void StoryTeller::Add(const Event& event) {
  if (event.kind != Event::Kind::kFrame ||
      event.charge_point_id != absl::string_view(session_.charge_point_id()) ||
      event.frame.type != ocpp::MessageType::kCall) {
    return;
  }
  if (story_.points_size() >= kMostPoints || story_.events_size() >= kMostEvents) {
    story_.set_truncated(true);
    return;
  }
  event.subprotocol == v1::SUBPROTOCOL_OCPP1_6 ? Add16(event) : Add2(event);
}

bool StoryTeller::IsOurs(std::optional<int64_t> transaction, std::optional<int64_t> connector,
                         std::optional<absl::string_view> timestamp) const {
  if (transaction.has_value() && *transaction > 0 && session_.transaction_id() > 0) {
    if (*transaction == session_.transaction_id()) return true;
    // A stop whose id nobody gave may have been matched to it.
    return false;
  }
  if (connector.has_value() && *connector != static_cast<int64_t>(session_.connector_id())) {
    return false;
  }
  const int64_t told = TimeOf(timestamp);
  return told == 0 || session_.started_told_us() == 0 ||
         (told >= session_.started_told_us() &&
          (session_.stopped_told_us() == 0 || told <= session_.stopped_told_us()));
}

void StoryTeller::AddEvent(const Event& event, std::optional<absl::string_view> timestamp,
                           const std::string& detail) {
  v1::SessionStory::Event& told = *story_.add_events();
  told.set_told_us(TimeOf(timestamp));
  told.set_received_us(event.received_at_us);
  told.set_generation(event.generation.value());
  told.set_sequence(event.sequence.value());
  told.set_action(std::string(event.frame.action));
  told.set_detail(detail);
}

template <typename Values>
void StoryTeller::AddPoints(const Event& event, const Values& values) {
  for (const auto& value : values) {
    v1::SessionStory::Point& point = *story_.add_points();
    const Sample sample = samples_.Read(value);
    point.set_told_us(sample.at_us.value_or(0));
    point.set_received_us(event.received_at_us);
    point.set_generation(event.generation.value());
    point.set_sequence(event.sequence.value());
    if (sample.register_mwh.has_value()) point.set_register_mwh(*sample.register_mwh);
    if (sample.power_mw.has_value()) point.set_power_mw(*sample.power_mw);
    if (sample.soc_percent.has_value()) point.set_soc_percent(*sample.soc_percent);
    for (const auto& sampled : value.sampled_value) {
      const SampledValue read = projections::Read(sampled);
      v1::SessionStory::Value& verbatim = *point.add_values();
      verbatim.set_value(std::string(read.value));
      verbatim.set_measurand(std::string(read.measurand));
      verbatim.set_phase(std::string(read.phase));
      verbatim.set_location(std::string(read.location));
      verbatim.set_context(std::string(read.context));
      verbatim.set_unit(std::string(read.unit));
      verbatim.set_multiplier(read.multiplier);
      verbatim.set_signed_data(std::string(read.signed_data));
    }
  }
}

void StoryTeller::Add16(const Event& event) {
  const absl::string_view action = event.frame.action;
  if (action == "MeterValues") {
    v16::MeterValuesReq message;
    if (!Read(event, message) || message.meter_value.empty() ||
        !IsOurs(message.transaction_id, message.connector_id,
                message.meter_value.front().timestamp)) {
      return;
    }
    AddPoints(event, message.meter_value);
  } else if (action == "StartTransaction") {
    v16::StartTransactionReq message;
    if (!Read(event, message) || TimeOf(message.timestamp) != session_.started_told_us() ||
        message.connector_id != static_cast<int64_t>(session_.connector_id())) {
      return;
    }
    AddEvent(event, message.timestamp, absl::StrCat("tag ", Or(message.id_tag)));
  } else if (action == "StopTransaction") {
    v16::StopTransactionReq message;
    if (!Read(event, message)) return;
    const bool ours = message.transaction_id == session_.transaction_id() ||
                      event.sequence.value() == session_.stop_sequence();
    if (!ours) return;
    AddEvent(event, message.timestamp, std::string(Or(message.reason)));
    AddPoints(event, message.transaction_data);
  } else if (action == "StatusNotification") {
    v16::StatusNotificationReq message;
    if (!Read(event, message) ||
        message.connector_id != static_cast<int64_t>(session_.connector_id())) {
      return;
    }
    const absl::string_view error = Or(message.error_code);
    AddEvent(event, message.timestamp,
             Words(Or(message.status), error == "NoError" ? absl::string_view() : error));
  } else if (action == "BootNotification" || action == "RemoteStartTransaction" ||
             action == "RemoteStopTransaction") {
    AddEvent(event, std::nullopt, "");
  }
}

template <typename Request>
void StoryTeller::AddTransactionEvent(const Event& event, const Request& request) {
  if (!request.transaction_info.has_value() ||
      request.transaction_info->transaction_id != absl::string_view(session_.transaction())) {
    return;
  }
  AddEvent(event, request.timestamp,
           Words(Words(Or(request.event_type), Or(request.trigger_reason)),
                 Words(Or(request.transaction_info->charging_state),
                       Or(request.transaction_info->stopped_reason))));
  AddPoints(event, request.meter_value);
}

void StoryTeller::Add2(const Event& event) {
  const absl::string_view action = event.frame.action;
  if (action == "TransactionEvent") {
    if (event.subprotocol == v1::SUBPROTOCOL_OCPP2_1) {
      ocpp::v21::TransactionEventRequest request;
      if (Read(event, request)) AddTransactionEvent(event, request);
    } else {
      v201::TransactionEventRequest request;
      if (Read(event, request)) AddTransactionEvent(event, request);
    }
  } else if (action == "MeterValues") {
    v201::MeterValuesRequest message;
    if (!Read(event, message) || message.meter_value.empty() ||
        !IsOurs(std::nullopt, message.evse_id, message.meter_value.front().timestamp)) {
      return;
    }
    AddPoints(event, message.meter_value);
  } else if (action == "StatusNotification") {
    v201::StatusNotificationRequest message;
    if (!Read(event, message) || message.evse_id != static_cast<int64_t>(session_.connector_id())) {
      return;
    }
    AddEvent(event, message.timestamp, std::string(Or(message.connector_status)));
  } else if (action == "BootNotification" || action == "RequestStartTransaction" ||
             action == "RequestStopTransaction") {
    AddEvent(event, std::nullopt, "");
  }
}

}  // namespace chargeledger::projections
