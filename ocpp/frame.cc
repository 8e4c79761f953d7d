#include "ocpp/frame.h"

#include <simdjson.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace chargeledger::ocpp {
namespace {

constexpr size_t kMaxMessageIdLength = 255;

absl::string_view ToView(std::string_view view) { return {view.data(), view.size()}; }

BadFrame Malformed(absl::string_view message_id, absl::string_view description) {
  return {std::string(message_id), ErrorCode::kFormationViolation, std::string(description), true};
}

BadFrame Ignored(absl::string_view message_id, absl::string_view description) {
  return {std::string(message_id), ErrorCode::kProtocolError, std::string(description), false};
}

// The message id of text that begins like a CALL, whatever comes behind it; "-1" if it does not.
// An id with an escape in it is not read: whoever sends such a thing has to do without.
absl::string_view IdOfCall(absl::string_view json) {
  for (const absl::string_view token : {"[", "2", ",", "\""}) {
    json = absl::StripLeadingAsciiWhitespace(json);
    if (!absl::ConsumePrefix(&json, token)) return "-1";
  }
  const size_t end = json.find_first_of("\"\\");
  if (end == json.npos || json[end] != '"' || end > kMaxMessageIdLength) return "-1";
  return json.substr(0, end);
}

// Text of the last element of `json`, a valid array of a number, `strings` strings and that
// element. Text, since numbers in it must not be turned into floating point.
absl::string_view LastElement(absl::string_view json, int strings) {
  const char* at = json.data() + json.find(',');
  for (int i = 0; i < strings; ++i) {
    while (*at != '"') ++at;
    for (++at; *at != '"'; ++at) {
      if (*at == '\\') ++at;
    }
    while (*at != ',') ++at;
  }
  json.remove_prefix(static_cast<size_t>(at + 1 - json.data()));
  json.remove_suffix(json.size() - json.rfind(']'));
  return absl::StripAsciiWhitespace(json);
}

}  // namespace

absl::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotImplemented:
      return "NotImplemented";
    case ErrorCode::kNotSupported:
      return "NotSupported";
    case ErrorCode::kInternalError:
      return "InternalError";
    case ErrorCode::kProtocolError:
      return "ProtocolError";
    case ErrorCode::kSecurityError:
      return "SecurityError";
    case ErrorCode::kFormationViolation:
      return "FormationViolation";
    case ErrorCode::kPropertyConstraintViolation:
      return "PropertyConstraintViolation";
    case ErrorCode::kOccurenceConstraintViolation:
      return "OccurenceConstraintViolation";
    case ErrorCode::kTypeConstraintViolation:
      return "TypeConstraintViolation";
    case ErrorCode::kGenericError:
      return "GenericError";
  }
  return "GenericError";
}

struct FrameReader::State {
  // The message with simdjson's padding behind it.
  std::string buffer;
  // Validates the whole text, also where nobody looks at it.
  simdjson::dom::parser validator;
  std::variant<Frame, BadFrame> Read(absl::string_view bytes);
  std::variant<Frame, BadFrame> ReadEnvelope(simdjson::dom::array envelope) const;
};

FrameReader::FrameReader() : state_(std::make_unique<State>()) {}
FrameReader::~FrameReader() = default;

std::variant<Frame, BadFrame> FrameReader::Read(absl::string_view bytes) {
  return state_->Read(bytes);
}

std::variant<Frame, BadFrame> FrameReader::State::Read(absl::string_view bytes) {
  buffer.assign(bytes.data(), bytes.size());
  buffer.reserve(bytes.size() + simdjson::SIMDJSON_PADDING);
  simdjson::dom::element document;
  auto error = validator.parse(buffer.data(), bytes.size(), false).get(document);
  if (error) {
    const bool number = error == simdjson::NUMBER_ERROR;
    return Malformed(number ? IdOfCall(bytes) : "-1",
                     absl::StrCat("not JSON: ", simdjson::error_message(error)));
  }
  simdjson::dom::array envelope;
  if (document.get_array().get(envelope)) return Malformed("-1", "not a JSON array");
  return ReadEnvelope(envelope);
}

std::variant<Frame, BadFrame> FrameReader::State::ReadEnvelope(
    simdjson::dom::array envelope) const {
  int64_t type = 0;
  std::string_view id;
  if (envelope.at(0).get_int64().get(type)) return Malformed("-1", "the message type is no number");
  if (envelope.at(1).get_string().get(id)) return Malformed("-1", "the message id is no string");
  if (id.size() > kMaxMessageIdLength) return Malformed("-1", "the message id is too long");
  Frame frame;
  frame.message_id = ToView(id);
  std::string_view text;
  switch (type) {
    case 2:
      frame.type = MessageType::kCall;
      if (envelope.size() != 4) {
        return Malformed(frame.message_id,
                         absl::StrCat("a CALL has 4 elements, this one ", envelope.size()));
      }
      if (envelope.at(2).get_string().get(text)) {
        return Malformed(frame.message_id, "the action is no string");
      }
      frame.action = ToView(text);
      if (!envelope.at(3).is_object()) {
        return Malformed(frame.message_id, "the payload is no object");
      }
      frame.payload = LastElement(buffer, 2);
      return frame;
    case 3:
      frame.type = MessageType::kCallResult;
      if (envelope.size() != 3 || !envelope.at(2).is_object()) {
        return Ignored(frame.message_id, "a CALLRESULT has 3 elements, the last an object");
      }
      frame.payload = LastElement(buffer, 1);
      return frame;
    case 4:
      frame.type = MessageType::kCallError;
      if (envelope.size() < 3 || envelope.at(2).get_string().get(text)) {
        return Ignored(frame.message_id, "a CALLERROR names its code as a string");
      }
      frame.error_code = ToView(text);
      if (!envelope.at(3).get_string().get(text)) frame.error_description = ToView(text);
      if (envelope.size() == 5 && envelope.at(3).is_string() && envelope.at(4).is_object()) {
        frame.payload = LastElement(buffer, 3);
      }
      return frame;
    default:
      return Ignored(frame.message_id, absl::StrCat("message type ", type, " is unknown"));
  }
}

std::string JsonString(absl::string_view text) {
  return nlohmann::json(std::string(text))
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string MakeCallResult(absl::string_view message_id, absl::string_view payload) {
  return absl::StrCat("[3,", JsonString(message_id), ",", payload, "]");
}

std::string MakeCallError(absl::string_view message_id, ErrorCode code,
                          absl::string_view description) {
  return absl::StrCat("[4,", JsonString(message_id), ",", JsonString(ErrorCodeName(code)), ",",
                      JsonString(description.substr(0, 255)), ",{}]");
}

}  // namespace chargeledger::ocpp
