#include "edge-agent/central_system/central_system.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "absl/strings/str_cat.h"
#include "core/timestamp.h"
#include "ocpp/v16.h"
#include "ocpp/v201.h"
#include "projections/transactions.h"

namespace chargeledger::edge_agent {
namespace {

namespace v16 = ocpp::v16;
using projections::Transactions;

constexpr absl::string_view kAccepted = R"({"idTagInfo":{"status":"Accepted"}})";
constexpr absl::string_view kBlocked = R"({"idTagInfo":{"status":"Blocked"}})";

// A CALLERROR with the code as the peer's protocol calls it: 1.6 has names of its own (OCPP-J 1.6
// §4.2.3, OCPP-J 2.0.1 §4.3).
std::string CallError(const Peer& peer, absl::string_view message_id, ocpp::ErrorCode code,
                      absl::string_view description) {
  absl::string_view name = ocpp::ErrorCodeName(code);
  if (peer.subprotocol != v1::SUBPROTOCOL_OCPP1_6) {
    if (code == ocpp::ErrorCode::kFormationViolation) {
      name = message_id == "-1" ? "RpcFrameworkError" : "FormatViolation";
    } else if (code == ocpp::ErrorCode::kOccurenceConstraintViolation) {
      name = "OccurrenceConstraintViolation";
    }
  }
  return absl::StrCat("[4,", ocpp::JsonString(message_id), ",\"", name, "\",",
                      ocpp::JsonString(description.substr(0, 255)), ",{}]");
}

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
      handled.answer = CallError(peer, bad->message_id, bad->code, bad->description);
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
  std::optional<Answer> common = DispatchCommon(call, now_us);
  const Answer answer = common.has_value() ? *std::move(common)
                        : peer.subprotocol == v1::SUBPROTOCOL_OCPP1_6
                            ? Dispatch16(peer, call, now_us)
                            : Dispatch201(call);
  return answer.error.has_value()
             ? CallError(peer, call.message_id, *answer.error, answer.description)
             : ocpp::MakeCallResult(call.message_id, answer.payload);
}

std::optional<CentralSystem::Answer> CentralSystem::DispatchCommon(const ocpp::Frame& call,
                                                                   int64_t now_us) {
  const absl::string_view action = call.action;
  if (action == "Heartbeat") {  // 1.6 §4.6, 2.0.1 G02
    return Answer{absl::StrCat(R"({"currentTime":")", core::FormatTimestamp(now_us), "\"}")};
  }
  if (action == "BootNotification") {  // 1.6 §4.2, 2.0.1 B01
    return Answer{absl::StrCat(R"({"currentTime":")", core::FormatTimestamp(now_us),
                               R"(","interval":)", heartbeat_interval_s_,
                               R"(,"status":"Accepted"})")};
  }
  // 1.6 §4.3, 2.0.1 P01: a vendor whose extensions nobody here knows is told so.
  if (action == "DataTransfer") return Answer{R"({"status":"UnknownVendorId"})"};
  return std::nullopt;
}

CentralSystem::Answer CentralSystem::Unknown(absl::string_view action) {
  return {"", ocpp::ErrorCode::kNotImplemented,
          absl::StrCat("action ", action.substr(0, 64), " is not known here")};
}

CentralSystem::Answer CentralSystem::Dispatch16(const Peer& peer, const ocpp::Frame& call,
                                                int64_t now_us) {
  const absl::string_view action = call.action;
  if (action == "StartTransaction") return OnStartTransaction(peer, call.payload, now_us);
  if (action == "StopTransaction") return OnStopTransaction(peer, call.payload);
  if (action == "MeterValues") return OnMeterValues(peer, call.payload);
  if (action == "Authorize") return OnAuthorize(call.payload);
  if (action == "StatusNotification") return OnStatusNotification(call.payload);
  if (action == "FirmwareStatusNotification" || action == "DiagnosticsStatusNotification" ||
      action == "SecurityEventNotification" || action == "SignedFirmwareStatusNotification" ||
      action == "LogStatusNotification") {
    return {"{}"};
  }
  // The whitepaper's A02: certificates come from elsewhere.
  if (action == "SignCertificate") return {R"({"status":"Rejected"})"};
  return Unknown(action);
}

CentralSystem::Answer CentralSystem::Dispatch201(const ocpp::Frame& call) {
  const absl::string_view action = call.action;
  if (action == "TransactionEvent") return OnTransactionEvent(call.payload);
  if (action == "Authorize") return OnAuthorize201(call.payload);
  // What only tells something is taken, whatever is in it.
  static constexpr absl::string_view kTells[] = {"MeterValues",
                                                 "StatusNotification",
                                                 "NotifyEvent",
                                                 "SecurityEventNotification",
                                                 "FirmwareStatusNotification",
                                                 "LogStatusNotification",
                                                 "PublishFirmwareStatusNotification",
                                                 "NotifyReport",
                                                 "NotifyMonitoringReport",
                                                 "NotifyCustomerInformation",
                                                 "NotifyDisplayMessages",
                                                 "NotifyChargingLimit",
                                                 "ClearedChargingLimit",
                                                 "ReportChargingProfiles",
                                                 "ReservationStatusUpdate"};
  if (std::find(std::begin(kTells), std::end(kTells), action) != std::end(kTells)) return {"{}"};
  // K15, K17: nobody here plans the charging; the station does as it would.
  if (action == "NotifyEVChargingNeeds") return {R"({"status":"Rejected"})"};
  if (action == "NotifyEVChargingSchedule") return {R"({"status":"Accepted"})"};
  // A02, M07, M06: certificates come from elsewhere.
  if (action == "SignCertificate") return {R"({"status":"Rejected"})"};
  if (action == "Get15118EVCertificate") return {R"({"status":"Failed","exiResponse":""})"};
  if (action == "GetCertificateStatus") return {R"({"status":"Failed"})"};
  return Unknown(action);
}

// E01 to E13: a transaction cannot be prevented by refusing to hear of it.
CentralSystem::Answer CentralSystem::OnTransactionEvent(absl::string_view payload) {
  ocpp::v201::TransactionEventRequest request;
  if (!payloads_.Read(payload, request).ok() || !request.id_token.has_value()) return {"{}"};
  const bool refused = refuse_new_ && request.event_type == "Started";
  return {absl::StrCat(R"({"idTokenInfo":{"status":")", refused ? "Blocked" : "Accepted", "\"}}")};
}

CentralSystem::Answer CentralSystem::OnAuthorize201(absl::string_view payload) {
  ocpp::v201::AuthorizeRequest request;
  if (!payloads_.Read(payload, request).ok() || !request.id_token.has_value() ||
      !request.id_token->id_token.has_value()) {
    return {"", ocpp::ErrorCode::kOccurenceConstraintViolation,
            "AuthorizeRequest needs idToken as an object with idToken as a string"};
  }
  return {
      absl::StrCat(R"({"idTokenInfo":{"status":")", refuse_new_ ? "Blocked" : "Accepted", "\"}}")};
}

CentralSystem::Answer CentralSystem::OnStartTransaction(const Peer& peer, absl::string_view payload,
                                                        int64_t now_us) {
  auto start = payloads_.Read<v16::StartTransactionReq>(payload);
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
  auto stop = payloads_.Read<v16::StopTransactionReq>(payload);
  if (!stop.ok()) return {"{}"};
  if (stop->transaction_id.has_value()) {
    Transactions::OnIdUsed(transactions_, peer.charge_point_id, *stop->transaction_id);
  }
  return {stop->id_tag.has_value() ? std::string(kAccepted) : "{}"};
}

CentralSystem::Answer CentralSystem::OnMeterValues(const Peer& peer, absl::string_view payload) {
  auto message = payloads_.Read<v16::MeterValuesReq>(payload);
  if (message.ok() && message->transaction_id.has_value()) {
    Transactions::OnIdUsed(transactions_, peer.charge_point_id, *message->transaction_id);
  }
  return {"{}"};
}

CentralSystem::Answer CentralSystem::OnAuthorize(absl::string_view payload) {
  auto authorize = payloads_.Read<v16::AuthorizeReq>(payload);
  if (!authorize.ok() || !authorize->id_tag.has_value()) {
    return {"", ocpp::ErrorCode::kOccurenceConstraintViolation,
            "Authorize.req needs idTag as a string"};
  }
  if (refuse_new_) return {std::string(kBlocked)};
  // Until the control log brings tokens, everybody may charge.
  return {std::string(kAccepted)};
}

CentralSystem::Answer CentralSystem::OnStatusNotification(absl::string_view payload) {
  auto status = payloads_.Read<v16::StatusNotificationReq>(payload);
  if (!status.ok() || !status->connector_id.has_value() || !status->status.has_value()) {
    return {"", ocpp::ErrorCode::kOccurenceConstraintViolation,
            "StatusNotification.req needs connectorId as an integer and status as a string"};
  }
  return {"{}"};
}

}  // namespace chargeledger::edge_agent
