// OCPP-J framing (OCPP-J 1.6 §4): the JSON array around every message.
//
// A FrameReader judges one message at a time. It is not thread-safe, and what it returns borrows
// from it until the next Read. The bytes are untrusted: anything is either a Frame or a BadFrame
// that says how to answer.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace chargeledger::ocpp {

// OCPP-J 1.6 §4.1.3.
enum class MessageType { kCall = 2, kCallResult = 3, kCallError = 4 };

struct Frame {
  MessageType type = MessageType::kCall;
  absl::string_view message_id;
  // Of a CALL.
  absl::string_view action;
  // Of a CALLERROR.
  absl::string_view error_code;
  absl::string_view error_description;
  // JSON text of the object that a CALL or CALLRESULT carries, valid JSON; of a CALLERROR its
  // details.
  absl::string_view payload;
};

// Error codes of OCPP-J 1.6 §4.2.3, in its own spelling.
enum class ErrorCode {
  kNotImplemented,
  kNotSupported,
  kInternalError,
  kProtocolError,
  kSecurityError,
  kFormationViolation,
  kPropertyConstraintViolation,
  kOccurenceConstraintViolation,
  kTypeConstraintViolation,
  kGenericError,
};

absl::string_view ErrorCodeName(ErrorCode code);

struct BadFrame {
  // Of the message, or "-1" if it could not be read (as OCPP-J 2.0.1 §4.2.3 has it; 1.6 is silent).
  std::string message_id;
  ErrorCode code = ErrorCode::kFormationViolation;
  std::string description;
  // False for what must not be answered: an unknown message type (OCPP-J 1.6 §4.1.3 says ignore), a
  // malformed answer.
  bool answer = true;
};

class FrameReader {
 public:
  FrameReader();
  ~FrameReader();

  std::variant<Frame, BadFrame> Read(absl::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// [3,"id",payload]; `payload` is JSON text.
std::string MakeCallResult(absl::string_view message_id, absl::string_view payload);
// [4,"id","code","description",{}]
std::string MakeCallError(absl::string_view message_id, ErrorCode code,
                          absl::string_view description);
// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
std::string JsonString(absl::string_view text);

}  // namespace chargeledger::ocpp
