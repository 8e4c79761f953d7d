// OCPP-J messages as any charge point may send them.
#include <cstdint>
#include <optional>
#include <variant>

#include "core/check.h"
#include "ocpp/frame.h"
#include "ocpp/schema.h"

namespace ocpp = chargeledger::ocpp;

namespace {

// Whatever the action says: as every message there is.
void ReadAsEach(absl::string_view payload) {
  ocpp::PayloadReader reader;
  for (auto schemas : {ocpp::SchemasOf16(), ocpp::SchemasOf201(), ocpp::SchemasOf21()}) {
    for (const ocpp::Schema& schema : schemas) {
      std::optional<ocpp::Violation> violation;
      (void)schema.request(reader, payload, violation);
      (void)schema.response(reader, payload, violation);
    }
  }
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
  ReadAsEach(frame.payload);
  return 0;
}
