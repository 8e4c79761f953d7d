#include "edge-agent/central_system/central_system.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "core/timestamp.h"
#include "projections/transactions.h"

namespace chargeledger::edge_agent {
namespace {

namespace v16 = ocpp::v16;
using projections::Transactions;

constexpr absl::string_view kAccepted = R"({"idTagInfo":{"status":"Accepted"}})";
constexpr absl::string_view kBlocked = R"({"idTagInfo":{"status":"Blocked"}})";

}  // namespace

Handled CentralSystem::OnFrame(const Peer& peer, absl::string_view bytes, bool binary,
                               int64_t now_us) {
  Handled handled;
  AppendFrame(peer, v1::DIRECTION_RECEIVED, bytes, binary, handled.entries);
  // Some charge points send an empty message to keep the line open.
  if (bytes.empty()) return handled;
  auto read = frames_.Read(bytes);
  if (const auto* bad = std::get_if<ocpp::BadFrame>(&read)) {
    if (bad->answer) {
      handled.answer = ocpp::MakeCallError(bad->message_id, bad->code, bad->description);
    }
  } else if (const auto& frame = std::get<ocpp::Frame>(read);
             frame.type == ocpp::MessageType::kCall) {
    handled.answer = AnswerCall(peer, frame, now_us);
  }
  if (handled.answer.has_value()) {
    AppendFrame(peer, v1::DIRECTION_SENT, *handled.answer, false, handled.entries);
  }
  return handled;
}

std::string CentralSystem::AnswerCall(const Peer& peer, const ocpp::Frame& call, int64_t now_us) {
  const Answer answer = Dispatch(peer, call, now_us);
  return answer.error.has_value()
             ? ocpp::MakeCallError(call.message_id, *answer.error, answer.description)
             : ocpp::MakeCallResult(call.message_id, answer.payload);
}

CentralSystem::Answer CentralSystem::Dispatch(const Peer& peer, const ocpp::Frame& call,
                                              int64_t now_us) {
  const absl::string_view action = call.action;
  if (action == "Heartbeat") {  // §4.6
    return {absl::StrCat(R"({"currentTime":")", core::FormatTimestamp(now_us), "\"}")};
  }
  if (action == "BootNotification") {  // §4.2
    return {absl::StrCat(R"({"currentTime":")", core::FormatTimestamp(now_us), R"(","interval":)",
                         heartbeat_interval_s_, R"(,"status":"Accepted"})")};
  }
  if (action == "StartTransaction") return OnStartTransaction(peer, call.payload, now_us);
  if (action == "StopTransaction") return OnStopTransaction(peer, call.payload);
  if (action == "MeterValues") return OnMeterValues(peer, call.payload);
  if (action == "Authorize") return OnAuthorize(call.payload);
  if (action == "StatusNotification") return OnStatusNotification(call.payload);
  // §4.3: a vendor whose extensions nobody here knows is told so.
  if (action == "DataTransfer") return {R"({"status":"UnknownVendorId"})"};
  if (action == "FirmwareStatusNotification" || action == "DiagnosticsStatusNotification" ||
      action == "SecurityEventNotification") {
    return {"{}"};
  }
  return {"", ocpp::ErrorCode::kNotImplemented,
          absl::StrCat("action ", action.substr(0, 64), " is not known here")};
}

CentralSystem::Answer CentralSystem::OnStartTransaction(const Peer& peer, absl::string_view payload,
                                                        int64_t now_us) {
  auto start = payloads_.Read<v16::StartTransaction>(payload);
  if (!start.ok()) return {"", ocpp::ErrorCode::kFormationViolation, start.status().ToString()};
  if (!start->connector_id.has_value()) {
    return {"", ocpp::ErrorCode::kOccurenceConstraintViolation,
            "StartTransaction.req needs connectorId as an integer"};
  }
  const int64_t id = Transactions::IdFor(transactions_, peer.charge_point_id, *start, ids_after_);
  Transactions::OnStartAnswered(transactions_, peer.charge_point_id, *start, now_us, id);
  return {absl::StrCat(R"({"idTagInfo":{"status":")", refuse_new_ ? "Blocked" : "Accepted",
                       R"("},"transactionId":)", id, "}")};
}

CentralSystem::Answer CentralSystem::OnStopTransaction(const Peer& peer,
                                                       absl::string_view payload) {
  // §4.10: the central system cannot prevent a transaction from stopping, and a stop that is
  // refused is sent for ever.
  auto stop = payloads_.Read<v16::StopTransaction>(payload);
  if (!stop.ok()) return {"{}"};
  if (stop->transaction_id.has_value()) {
    Transactions::OnIdUsed(transactions_, peer.charge_point_id, *stop->transaction_id);
  }
  return {stop->id_tag.has_value() ? std::string(kAccepted) : "{}"};
}

CentralSystem::Answer CentralSystem::OnMeterValues(const Peer& peer, absl::string_view payload) {
  auto message = payloads_.Read<v16::MeterValues>(payload);
  if (message.ok() && message->transaction_id.has_value()) {
    Transactions::OnIdUsed(transactions_, peer.charge_point_id, *message->transaction_id);
  }
  return {"{}"};
}

CentralSystem::Answer CentralSystem::OnAuthorize(absl::string_view payload) {
  auto authorize = payloads_.Read<v16::Authorize>(payload);
  if (!authorize.ok() || !authorize->id_tag.has_value()) {
    return {"", ocpp::ErrorCode::kOccurenceConstraintViolation,
            "Authorize.req needs idTag as a string"};
  }
  if (refuse_new_) return {std::string(kBlocked)};
  // Until the control log brings tokens, everybody may charge.
  return {std::string(kAccepted)};
}

CentralSystem::Answer CentralSystem::OnStatusNotification(absl::string_view payload) {
  auto status = payloads_.Read<v16::StatusNotification>(payload);
  if (!status.ok() || !status->connector_id.has_value() || !status->status.has_value()) {
    return {"", ocpp::ErrorCode::kOccurenceConstraintViolation,
            "StatusNotification.req needs connectorId as an integer and status as a string"};
  }
  return {"{}"};
}

}  // namespace chargeledger::edge_agent
