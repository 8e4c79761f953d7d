#include "tools/chargesim/outbox.h"

#include <algorithm>
#include <utility>

namespace chargeledger::chargesim {

std::optional<Message> Outbox::Add(Message message) {
  messages_.push_back(std::move(message));
  if (messages_.size() <= kMost) return std::nullopt;
  // Never the first one: it may be under way.
  auto oldest = std::find_if(messages_.begin() + 1, messages_.end(),
                             [](const Message& m) { return m.action == "MeterValues"; });
  if (oldest == messages_.end()) oldest = messages_.begin() + 1;
  std::optional<Message> lost = std::move(*oldest);
  messages_.erase(oldest);
  ++lost_;
  return lost;
}

bool Outbox::SwapLast() {
  const size_t size = messages_.size();
  // The first one may be under way.
  if (size < 3 || messages_[size - 1].transaction != messages_[size - 2].transaction) return false;
  std::swap(messages_[size - 1], messages_[size - 2]);
  return true;
}

void Outbox::Append(Outbox other) {
  lost_ += other.lost_;
  for (Message& message : other.messages_) (void)Add(std::move(message));
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
