// The messages that a charge point has to send, in order, one unanswered at a time (OCPP-J 1.6
// §4.1.1). What belongs to a transaction survives a lost connection and is sent again with a new
// message id; the rest does not.
#pragma once

#include <cstddef>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace chargeledger::chargesim {

struct Message {
  std::string action;
  nlohmann::json payload;
  // Number of the transaction it belongs to, as the simulator counts; -1 if none. Its transactionId
  // is filled in when the message is sent.
  int transaction = -1;
};

class Outbox {
 public:
  // As many as charge points are met with that queue 200; beyond it the oldest MeterValues is lost.
  static constexpr size_t kMost = 200;

  // Returns the message that no longer fitted.
  std::optional<Message> Add(Message message);
  // Puts the last message before the one before it, if both are of one transaction and neither is
  // under way; whether it did.
  bool SwapLast();
  // All of `other`, which waits for no answer, behind what is here.
  void Append(Outbox other);
  // The message to send now; it stays until Answered.
  const Message* Next() const {
    return waiting_ || messages_.empty() ? nullptr : &messages_.front();
  }
  void Sent(const std::string& message_id) { waiting_ = message_id; }
  // The message that was answered; none if `message_id` is not the one that waits.
  std::optional<Message> Answered(const std::string& message_id);
  // The connection is gone: what waits will be sent again if it belongs to a transaction.
  void ConnectionLost();

  bool waiting() const { return waiting_.has_value(); }
  bool empty() const { return messages_.empty(); }
  size_t size() const { return messages_.size(); }
  size_t lost() const { return lost_; }

 private:
  std::deque<Message> messages_;
  std::optional<std::string> waiting_;
  size_t lost_ = 0;
};

}  // namespace chargeledger::chargesim
