// What a projection may remember: one key-value map per projection and log. The runtime keeps it
// and writes it together with the position that was read, in one atomic batch; a projection never
// sees a failing disk (the runtime discards the batch and stops).
#pragma once

#include <google/protobuf/message_lite.h>

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

  // The message at `key`, to read and to change: parsed once, and written with the batch. Null if
  // there is none. It lives until Put or Delete of that key, or the end of the batch.
  template <typename Message>
  Message* Find(absl::string_view key) {
    return static_cast<Message*>(Object(key, Message::default_instance(), false));
  }
  // The same, or a new one.
  template <typename Message>
  Message& FindOrCreate(absl::string_view key) {
    return *static_cast<Message*>(Object(key, Message::default_instance(), true));
  }

 protected:
  // Of the type of `prototype`. What is stored and is no such message counts as none.
  virtual google::protobuf::MessageLite* Object(absl::string_view key,
                                                const google::protobuf::MessageLite& prototype,
                                                bool create) = 0;
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
