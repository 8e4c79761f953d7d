// CALLs whose answer matters: remembered with the charge point until it comes.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "core/timestamp.h"
#include "projections/sessions/book.h"

namespace chargeledger::projections {

inline v1::StoredChargePoint::Pending& RememberCall(const Event& event, SessionBook& book) {
  constexpr int kMostPending = 16;
  auto& pending = *book.charge_point().mutable_pending();
  if (pending.size() == kMostPending) pending.DeleteSubrange(0, 1);
  v1::StoredChargePoint::Pending& call = *pending.Add();
  call.set_message_id(std::string(event.frame.message_id));
  call.set_action(std::string(event.frame.action));
  call.set_connection(event.connection);
  call.mutable_tag()->set_sequence(event.sequence.value());
  call.mutable_tag()->set_at_us(event.received_at_us);
  return call;
}

// The CALL that `event` answers, forgotten now.
inline std::optional<v1::StoredChargePoint::Pending> TakeCall(const Event& event,
                                                              SessionBook& book) {
  auto& pending = *book.charge_point().mutable_pending();
  for (int i = 0; i < pending.size(); ++i) {
    if (pending.Get(i).connection() != event.connection ||
        absl::string_view(pending.Get(i).message_id()) != event.frame.message_id) {
      continue;
    }
    v1::StoredChargePoint::Pending call = pending.Get(i);
    pending.DeleteSubrange(i, 1);
    return call;
  }
  return std::nullopt;
}

// Of what is kept of tags, the newest.
template <typename Tags>
void KeepTag(Tags& tags, const v1::StoredChargePoint::Tag& tag) {
  constexpr int kMostTags = 8;
  *tags.Add() = tag;
  if (tags.size() > kMostTags) tags.DeleteSubrange(0, 1);
}

inline uint32_t ToConnector(std::optional<int64_t> id) {
  return id.has_value() && *id >= 0 && *id <= std::numeric_limits<int32_t>::max()
             ? static_cast<uint32_t>(*id)
             : 0;
}

// 0 if there is none that can be read.
inline int64_t ToTime(std::optional<absl::string_view> text) {
  if (!text.has_value()) return 0;
  auto time = core::ParseTimestamp(*text);
  return time.ok() ? *time : 0;
}

inline uint32_t ToInterval(std::optional<absl::string_view> text) {
  int64_t seconds = 0;
  if (!text.has_value() || !absl::SimpleAtoi(*text, &seconds)) return 0;
  return seconds > 0 && seconds <= 86'400 ? static_cast<uint32_t>(seconds) : 0;
}

}  // namespace chargeledger::projections
