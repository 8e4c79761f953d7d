#include "projections/faults.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/foreign_text.h"
#include "ocpp/v16.h"
#include "ocpp/v201.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;
namespace v201 = ocpp::v201;

constexpr size_t kMaxDetail = 255;
constexpr int64_t kMostConnector = 0xffff;

v1::Fault NewFault(const Event& event, v1::FaultKind kind, absl::string_view charge_point_id,
                   absl::string_view code, absl::string_view detail) {
  v1::Fault fault;
  fault.set_id(PublicId(event.log_id, event.generation, event.sequence));
  fault.set_site(std::string(event.site));
  fault.set_charge_point_id(std::string(charge_point_id));
  fault.set_kind(kind);
  fault.set_code(std::string(core::CutUtf8(code, kMaxDetail)));
  fault.set_detail(std::string(core::CutUtf8(detail, kMaxDetail)));
  fault.set_generation(event.generation.value());
  fault.set_began_sequence(event.sequence.value());
  fault.set_began_at_us(event.received_at_us);
  fault.set_ended_sequence(event.sequence.value());
  fault.set_ended_at_us(event.received_at_us);
  return fault;
}

// Under the entry that it began at, behind what else began there. Returns its key.
std::string Save(State& state, const Event& event, v1::Fault fault) {
  std::string key = EntryKey(kFaultKind, event.generation, event.sequence);
  const size_t length = key.size();
  for (unsigned char more = 1; more > 0 && state.Get(key).has_value(); ++more) {
    key.resize(length);
    key.push_back(static_cast<char>(more));
    fault.set_id(absl::StrCat(PublicId(event.log_id, event.generation, event.sequence), ".", more));
  }
  PutMessage(state, key, fault);
  return key;
}

// A moment, over when it is noticed.
void AddMoment(State& state, const Event& event, v1::FaultKind kind,
               absl::string_view charge_point_id, absl::string_view code,
               absl::string_view detail) {
  Save(state, event, NewFault(event, kind, charge_point_id, code, detail));
}

struct Reported {
  uint32_t connector_id = 0;
  // Empty: nothing is wrong.
  absl::string_view code;
  absl::string_view vendor_code;
  absl::string_view detail;
};

// What is wrong at a place now. The fault that lasts there, by `active_key`, goes on or ends.
void Report(const Event& event, State& state, const std::string& active_key, Reported reported) {
  // Some fields of 2.x have no length; what is kept of them is also what is compared.
  reported.code = core::CutUtf8(reported.code, kMaxDetail);
  reported.vendor_code = core::CutUtf8(reported.vendor_code, kMaxDetail);
  if (std::optional<std::string> active = state.Get(active_key)) {
    if (auto* fault = state.Find<v1::Fault>(*active)) {
      if (absl::string_view(fault->code()) == reported.code &&
          absl::string_view(fault->vendor_code()) == reported.vendor_code) {
        fault->set_repeats(fault->repeats() + 1);
        return;
      }
      fault->set_active(false);
      fault->set_ended_at_us(event.received_at_us);
      fault->set_ended_sequence(event.sequence.value());
    }
    state.Delete(active_key);
  }
  if (reported.code.empty()) return;
  v1::Fault fault = NewFault(event, v1::FAULT_KIND_CONNECTOR, event.charge_point_id, reported.code,
                             reported.detail);
  fault.set_connector_id(reported.connector_id);
  fault.set_vendor_code(std::string(reported.vendor_code));
  fault.set_active(true);
  fault.set_ended_at_us(0);
  fault.set_ended_sequence(0);
  state.Put(active_key, Save(state, event, std::move(fault)));
}

}  // namespace

void Faults::Apply(const Event& event, State& state) {
  switch (event.kind) {
    case Event::Kind::kOther:
      return OnOther(event, state);
    case Event::Kind::kBadFrame:
      if (event.direction == v1::DIRECTION_RECEIVED) {
        AddMoment(state, event, v1::FAULT_KIND_PROTOCOL, event.charge_point_id,
                  ocpp::ErrorCodeName(event.bad_frame->code), event.bad_frame->description);
      }
      return;
    case Event::Kind::kFrame:
      if (event.direction == v1::DIRECTION_RECEIVED) return OnCall(event, state);
      // What could not be framed was counted when it came.
      if (event.frame.type == ocpp::MessageType::kCallError &&
          event.frame.error_code != "FormationViolation" &&
          event.frame.error_code != "FormatViolation" &&
          event.frame.error_code != "RpcFrameworkError") {
        AddMoment(state, event, v1::FAULT_KIND_PROTOCOL, event.charge_point_id,
                  event.frame.error_code, event.frame.error_description);
      }
      return;
    case Event::Kind::kUnreadable:
      return;
  }
}

void Faults::OnCall(const Event& event, State& state) {
  if (event.frame.type != ocpp::MessageType::kCall) return;
  const absl::string_view action = event.frame.action;
  if (action == "StatusNotification") {
    return event.subprotocol == v1::SUBPROTOCOL_OCPP1_6 ? OnStatus(event, state)
                                                        : OnStatus2(event, state);
  }
  if (action == "NotifyEvent") return OnEvents(event, state);
  if (action == "SecurityEventNotification") return OnSecurity(event, state);
  if (action == "FirmwareStatusNotification" || action == "DiagnosticsStatusNotification" ||
      action == "SignedFirmwareStatusNotification" || action == "LogStatusNotification" ||
      action == "PublishFirmwareStatusNotification") {
    OnMaintenance(event, state);
  }
}

void Faults::OnStatus(const Event& event, State& state) {
  v16::StatusNotificationReq status;
  if (!payload_.Read(event.frame.payload, status).ok() || !status.connector_id.has_value() ||
      *status.connector_id < 0 || *status.connector_id > kMostConnector) {
    return;
  }
  absl::string_view code = status.error_code.value_or("");
  if ((code.empty() || code == "NoError") && status.status == "Faulted") code = "Faulted";
  if (code == "NoError") code = "";
  const uint32_t connector = static_cast<uint32_t>(*status.connector_id);
  Report(event, state, ChargePointKey('a', event.charge_point_id, connector),
         {connector, code, status.vendor_error_code.value_or(""), status.info.value_or("")});
}

void Faults::OnStatus2(const Event& event, State& state) {
  v201::StatusNotificationRequest status;
  if (!payload_.Read(event.frame.payload, status).ok() || !status.evse_id.has_value() ||
      !status.connector_id.has_value() || *status.evse_id < 0 || *status.connector_id < 0 ||
      *status.evse_id > kMostConnector || *status.connector_id > kMostConnector) {
    return;
  }
  const uint64_t place =
      static_cast<uint64_t>(*status.evse_id) << 16 | static_cast<uint64_t>(*status.connector_id);
  Report(event, state, ChargePointKey('a', event.charge_point_id, place),
         {static_cast<uint32_t>(*status.evse_id),
          status.connector_status == "Faulted" ? "Faulted" : "", "", ""});
}

// A component's problem, until it is told to be over (OCPP 2.0.1 §N07, part 2 appendix: Problem).
void Faults::OnEvents(const Event& event, State& state) {
  v201::NotifyEventRequest request;
  if (!payload_.Read(event.frame.payload, request).ok()) return;
  for (const v201::EventData& data : request.event_data) {
    if (!data.component.has_value() || !data.variable.has_value()) continue;
    const absl::string_view component = data.component->name.value_or("");
    const absl::string_view variable = data.variable->name.value_or("");
    const bool problem = variable == "Problem" || variable == "Fault" || variable == "Tripped" ||
                         variable == "Overload";
    if (!problem && data.trigger != "Alerting") continue;
    const uint32_t evse =
        data.component->evse.has_value()
            ? static_cast<uint32_t>(data.component->evse->id.value_or(0) & kMostConnector)
            : 0;
    const bool over = data.cleared == true || data.actual_value == "false";
    const std::string code = over ? "" : absl::StrCat(component, "/", variable);
    Report(event, state,
           absl::StrCat(ChargePointKey('e', event.charge_point_id, evse),
                        component.substr(0, kMaxDetail), "/", variable.substr(0, kMaxDetail)),
           {evse, code, data.tech_code.value_or(""), data.tech_info.value_or("")});
  }
}

void Faults::OnMaintenance(const Event& event, State& state) {
  v16::LogStatusNotificationReq message;
  if (!payload_.Read(event.frame.payload, message).ok() || !message.status.has_value()) return;
  // OCPP 1.6 §7.24, §7.25, the whitepaper's, and 2.0.1 §3.36, §3.84: what did not come to its end.
  static constexpr absl::string_view kFailures[] = {
      "InvalidSignature",      "InvalidCertificate", "InvalidChecksum", "BadMessage",
      "NotSupportedOperation", "PermissionDenied",   "UploadFailure"};
  const absl::string_view status = *message.status;
  if (!absl::EndsWith(status, "Failed") &&
      std::find(std::begin(kFailures), std::end(kFailures), status) == std::end(kFailures)) {
    return;
  }
  AddMoment(state, event, v1::FAULT_KIND_MAINTENANCE, event.charge_point_id, status,
            event.frame.action);
}

void Faults::OnSecurity(const Event& event, State& state) {
  v16::SecurityEventNotificationReq message;
  if (!payload_.Read(event.frame.payload, message).ok()) return;
  AddMoment(state, event, v1::FAULT_KIND_SECURITY, event.charge_point_id,
            message.type.value_or("Unnamed"), message.tech_info.value_or(""));
}

void Faults::OnOther(const Event& event, State& state) {
  const v1::Entry& entry = *event.entry;
  if (entry.has_frame_refused()) {
    AddMoment(state, event, v1::FAULT_KIND_PROTOCOL, entry.frame_refused().charge_point_id(),
              "FrameRefused", entry.frame_refused().reason());
  }
  if (entry.has_connection_slowed()) {
    const v1::ConnectionSlowed& slowed = entry.connection_slowed();
    AddMoment(state, event, v1::FAULT_KIND_PROTOCOL, slowed.charge_point_id(), "MessageFlood",
              absl::StrCat("slowed to ", slowed.messages_per_second(), " messages a second"));
  }
  if (!entry.has_connection_closed()) return;
  const v1::ConnectionClosed& closed = entry.connection_closed();
  absl::string_view code;
  switch (closed.reason()) {
    case v1::ConnectionClosed::REASON_LOST:
      code = "ConnectionLost";
      break;
    case v1::ConnectionClosed::REASON_TIMED_OUT:
      code = "ConnectionTimedOut";
      break;
    case v1::ConnectionClosed::REASON_PROTOCOL_ERROR:
      code = "ConnectionProtocolError";
      break;
    default:
      return;
  }
  AddMoment(state, event, v1::FAULT_KIND_CONNECTION, closed.charge_point_id(), code,
            closed.detail());
}

}  // namespace chargeledger::projections
