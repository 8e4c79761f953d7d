// What a projection may remember: one key-value map per projection and log. The runtime keeps it
// and writes it together with the position that was read, in one atomic batch; a projection never
// sees a failing disk (the runtime discards the batch and stops).
#pragma once

#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace chargeledger::projections {

class State {
 public:
  // Returns false to stop.
  using Visitor = absl::FunctionRef<bool(absl::string_view key, absl::string_view value)>;

  virtual ~State() = default;

  virtual std::optional<std::string> Get(absl::string_view key) const = 0;
  virtual void Put(absl::string_view key, absl::string_view value) = 0;
  virtual void Delete(absl::string_view key) = 0;
  // Keys that begin with `prefix`, ascending, as they are now; the visitor must not change the
  // state.
  virtual void Scan(absl::string_view prefix, Visitor visit) const = 0;
};

// Reads the message at `key` into `message`; false (and `message` untouched) if there is none.
template <typename Message>
bool GetMessage(const State& state, absl::string_view key, Message& message) {
  std::optional<std::string> bytes = state.Get(key);
  return bytes.has_value() && message.ParseFromString(*bytes);
}

template <typename Message>
void PutMessage(State& state, absl::string_view key, const Message& message) {
  // Fields in the order of their numbers and no maps in any message: equal messages give equal
  // bytes.
  state.Put(key, message.SerializeAsString());
}

}  // namespace chargeledger::projections
