// OCPP-J messages as any charge point may send them.
#include <cstdint>
#include <variant>

#include "core/check.h"
#include "ocpp/frame.h"
#include "ocpp/v16.h"

namespace ocpp = chargeledger::ocpp;
namespace v16 = chargeledger::ocpp::v16;

namespace {

template <typename... Messages>
void ReadAs(absl::string_view payload) {
  v16::PayloadReader reader;
  ((void)reader.Read<Messages>(payload), ...);
}

// What we send must be a message itself.
void ExpectReadable(const std::string& answer, ocpp::MessageType type) {
  ocpp::FrameReader reader;
  const auto read = reader.Read(answer);
  CL_CHECK(std::holds_alternative<ocpp::Frame>(read) && std::get<ocpp::Frame>(read).type == type,
           "an answer is an OCPP-J message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  ocpp::FrameReader reader;
  const auto read = reader.Read(bytes);
  if (const auto* bad = std::get_if<ocpp::BadFrame>(&read)) {
    ExpectReadable(ocpp::MakeCallError(bad->message_id, bad->code, bad->description),
                   ocpp::MessageType::kCallError);
    return 0;
  }
  const auto& frame = std::get<ocpp::Frame>(read);
  ExpectReadable(ocpp::MakeCallResult(frame.message_id, "{}"), ocpp::MessageType::kCallResult);
  ExpectReadable(
      ocpp::MakeCallError(frame.message_id, ocpp::ErrorCode::kInternalError, frame.action),
      ocpp::MessageType::kCallError);
  ReadAs<v16::BootNotification, v16::Authorize, v16::StartTransaction, v16::StopTransaction,
         v16::MeterValues, v16::StatusNotification, v16::FirmwareOrDiagnosticsStatus,
         v16::SecurityEventNotification, v16::DataTransfer, v16::StartTransactionResult>(
      frame.payload);
  return 0;
}
