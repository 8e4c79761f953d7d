#include "projections/event.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "projections/keys.h"

namespace chargeledger::projections {

std::string PendingCallKey(const Event& event) {
  return absl::StrCat(ChargePointKey('p', event.charge_point_id, event.connection),
                      event.frame.message_id);
}

std::optional<Event> EventReader::Read(core::Sequence sequence, absl::string_view bytes) {
  Event event;
  event.log_id = log_id_;
  event.site = site_;
  event.generation = generation_;
  event.sequence = sequence;
  event.entry = &entry_;
  if (!entry_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    DropParts();
    event.kind = Event::Kind::kUnreadable;
    return event;
  }
  event.received_at_us = entry_.wall_time_us();
  if (!entry_.has_frame_recorded()) {
    DropParts();
    return event;
  }
  return ReadFrame(event);
}

std::optional<Event> EventReader::ReadFrame(Event event) {
  const v1::FrameRecorded& recorded = entry_.frame_recorded();
  event.charge_point_id = recorded.charge_point_id();
  event.connection = recorded.connection();
  event.direction = recorded.direction();
  event.subprotocol = recorded.subprotocol();
  absl::string_view payload = recorded.payload();
  if (recorded.part_count() > 1) {
    // A part that does not follow its predecessor is a frame that was never whole: judged as it
    // stands.
    if (recorded.part_index() != pending_parts_) DropParts();
    if (pending_parts_ == 0) first_part_ = event.sequence;
    parts_.append(recorded.payload());
    ++pending_parts_;
    if (recorded.part_index() + 1 < recorded.part_count()) return std::nullopt;
    payload = parts_;
    event.sequence = first_part_;
  }
  auto read = frame_reader_.Read(payload);
  if (recorded.part_count() > 1) DropParts();
  if (std::holds_alternative<ocpp::Frame>(read)) {
    event.kind = Event::Kind::kFrame;
    event.frame = std::get<ocpp::Frame>(read);
  } else {
    bad_frame_ = std::get<ocpp::BadFrame>(std::move(read));
    event.kind = Event::Kind::kBadFrame;
    event.bad_frame = &bad_frame_;
  }
  return event;
}

void EventReader::DropParts() {
  parts_.clear();
  pending_parts_ = 0;
}

}  // namespace chargeledger::projections
