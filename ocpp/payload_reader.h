// Reads payloads into the structs of v16.h, v201.h and v21.h, leniently: what can be understood is
// read (numbers written as strings too), what cannot is absent, and fields that nobody knows are
// passed over. Beside it, on request, the first thing that the standard's schema would refuse.
//
// A PayloadReader is not thread-safe. What a message borrows from it lives until its next Read, and
// from the payload as long as that. In steady state nothing is allocated.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ocpp/frame.h"

namespace chargeledger::ocpp {

// Why a schema refuses a payload.
struct Violation {
  ErrorCode code = ErrorCode::kFormationViolation;
  // Where: "meterValue[0].sampledValue[2].value".
  std::string path;
  // What is wrong there and what would be right.
  std::string detail;

  std::string ToText() const { return path + ": " + detail; }
};

class PayloadReader {
 public:
  PayloadReader();
  ~PayloadReader();

  // Reads the JSON object `payload`. Only text that is no JSON object at all is an error
  // (INVALID_ARGUMENT); a FrameReader lets none such through. What was read before an error stands.
  template <typename Message>
  absl::Status Read(absl::string_view payload, Message& message) {
    return ReadAndCheck(payload, message, nullptr);
  }
  template <typename Message>
  absl::StatusOr<Message> Read(absl::string_view payload) {
    Message message;
    absl::Status status = Read(payload, message);
    if (!status.ok()) return status;
    return message;
  }
  // The same, and sets `violation` to the first deviation from the schema, if there is one.
  template <typename Message>
  absl::Status Read(absl::string_view payload, Message& message,
                    std::optional<Violation>& violation) {
    return ReadAndCheck(payload, message, &violation);
  }

 private:
  struct State;

  // Instantiated for every message in v16.cc, v201.cc and v21.cc.
  template <typename Message>
  absl::Status ReadAndCheck(absl::string_view payload, Message& message,
                            std::optional<Violation>* violation);

  std::unique_ptr<State> state_;
};

}  // namespace chargeledger::ocpp
