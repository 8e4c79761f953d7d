#include "projections/faults.h"

#include <limits>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/timestamp.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;

constexpr size_t kMaxDetail = 255;

// At most `most` bytes, without half a character at the end: protobuf reads no string that is not
// UTF-8.
absl::string_view CutUtf8(absl::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

v1::Fault NewFault(const Event& event, v1::FaultKind kind, absl::string_view charge_point_id,
                   absl::string_view code, absl::string_view detail) {
  v1::Fault fault;
  fault.set_id(PublicId(event.log_id, event.generation, event.sequence));
  fault.set_site(std::string(event.site));
  fault.set_charge_point_id(std::string(charge_point_id));
  fault.set_kind(kind);
  fault.set_code(std::string(code));
  fault.set_detail(std::string(CutUtf8(detail, kMaxDetail)));
  fault.set_generation(event.generation.value());
  fault.set_began_sequence(event.sequence.value());
  fault.set_began_at_us(event.received_at_us);
  fault.set_ended_sequence(event.sequence.value());
  fault.set_ended_at_us(event.received_at_us);
  return fault;
}

void Save(State& state, const Event& event, const v1::Fault& fault) {
  PutMessage(state, EntryKey(kFaultKind, event.generation, event.sequence), fault);
}

// A moment, over when it is noticed.
void AddMoment(State& state, const Event& event, v1::FaultKind kind,
               absl::string_view charge_point_id, absl::string_view code,
               absl::string_view detail) {
  Save(state, event, NewFault(event, kind, charge_point_id, code, detail));
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
          event.frame.error_code != "FormationViolation") {
        AddMoment(state, event, v1::FAULT_KIND_PROTOCOL, event.charge_point_id,
                  event.frame.error_code, event.frame.error_description);
      }
      return;
    case Event::Kind::kUnreadable:
      return;
  }
}

void Faults::OnCall(const Event& event, State& state) {
  if (event.frame.type != ocpp::MessageType::kCall ||
      event.subprotocol != v1::SUBPROTOCOL_OCPP1_6) {
    return;
  }
  if (event.frame.action == "StatusNotification") return OnStatus(event, state);
  if (event.frame.action == "SecurityEventNotification") return OnSecurity(event, state);
  if (event.frame.action == "FirmwareStatusNotification" ||
      event.frame.action == "DiagnosticsStatusNotification") {
    return OnMaintenance(event, state);
  }
}

void Faults::OnStatus(const Event& event, State& state) {
  auto status = payload_.Read<v16::StatusNotification>(event.frame.payload);
  if (!status.ok() || !status->connector_id.has_value() || *status->connector_id < 0 ||
      *status->connector_id > std::numeric_limits<int32_t>::max()) {
    return;
  }
  absl::string_view code = status->error_code.value_or("");
  if ((code.empty() || code == "NoError") && status->status == "Faulted") code = "Faulted";
  const bool faulty = !code.empty() && code != "NoError";
  const std::string active_key =
      ChargePointKey('a', event.charge_point_id, static_cast<uint64_t>(*status->connector_id));
  if (std::optional<std::string> active = state.Get(active_key)) {
    v1::Fault fault;
    const bool known = GetMessage(state, *active, fault);
    const bool same = known && faulty && absl::string_view(fault.code()) == code &&
                      absl::string_view(fault.vendor_code()) == status->vendor_error_code;
    if (same) {
      fault.set_repeats(fault.repeats() + 1);
      PutMessage(state, *active, fault);
      return;
    }
    if (known) {
      fault.set_active(false);
      fault.set_ended_at_us(event.received_at_us);
      fault.set_ended_sequence(event.sequence.value());
      PutMessage(state, *active, fault);
    }
    state.Delete(active_key);
  }
  if (!faulty) return;
  v1::Fault fault =
      NewFault(event, v1::FAULT_KIND_CONNECTOR, event.charge_point_id, code, status->info);
  fault.set_connector_id(static_cast<uint32_t>(*status->connector_id));
  fault.set_vendor_code(std::string(status->vendor_error_code));
  fault.set_active(true);
  fault.set_ended_at_us(0);
  fault.set_ended_sequence(0);
  Save(state, event, fault);
  state.Put(active_key, EntryKey(kFaultKind, event.generation, event.sequence));
}

void Faults::OnMaintenance(const Event& event, State& state) {
  auto message = payload_.Read<v16::FirmwareOrDiagnosticsStatus>(event.frame.payload);
  if (!message.ok() || !message->status.has_value()) return;
  // DownloadFailed, InstallationFailed, UploadFailed (OCPP 1.6 §7.24, §7.25) and the whitepaper's
  // further failures.
  if (!absl::EndsWith(*message->status, "Failed") && *message->status != "InvalidSignature") {
    return;
  }
  AddMoment(state, event, v1::FAULT_KIND_MAINTENANCE, event.charge_point_id, *message->status,
            event.frame.action);
}

void Faults::OnSecurity(const Event& event, State& state) {
  auto message = payload_.Read<v16::SecurityEventNotification>(event.frame.payload);
  if (!message.ok()) return;
  AddMoment(state, event, v1::FAULT_KIND_SECURITY, event.charge_point_id,
            message->type.value_or("Unnamed"), message->tech_info);
}

void Faults::OnOther(const Event& event, State& state) {
  const v1::Entry& entry = *event.entry;
  if (entry.has_frame_refused()) {
    AddMoment(state, event, v1::FAULT_KIND_PROTOCOL, entry.frame_refused().charge_point_id(),
              "FrameRefused", entry.frame_refused().reason());
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
