#include "tools/chargesim/outbox.h"

#include <algorithm>
#include <utility>

namespace chargeledger::chargesim {

void Outbox::Add(Message message) {
  messages_.push_back(std::move(message));
  if (messages_.size() <= kMost) return;
  // Never the first one: it may be under way.
  auto oldest = std::find_if(messages_.begin() + 1, messages_.end(),
                             [](const Message& m) { return m.action == "MeterValues"; });
  if (oldest == messages_.end()) oldest = messages_.begin() + 1;
  messages_.erase(oldest);
  ++lost_;
}

void Outbox::Append(Outbox other) {
  lost_ += other.lost_;
  for (Message& message : other.messages_) Add(std::move(message));
}

std::optional<Message> Outbox::Answered(const std::string& message_id) {
  if (waiting_ != message_id) return std::nullopt;
  waiting_.reset();
  Message message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

void Outbox::ConnectionLost() {
  waiting_.reset();
  messages_.erase(std::remove_if(messages_.begin(), messages_.end(),
                                 [](const Message& m) { return m.transaction < 0; }),
                  messages_.end());
}

}  // namespace chargeledger::chargesim
