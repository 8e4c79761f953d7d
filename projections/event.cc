#include "projections/event.h"

#include <algorithm>
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
  ++pending_entries_;
  std::optional<Event> read = ReadEntry(event, bytes);
  if (!read.has_value()) return read;
  read->clock_step_us = std::exchange(pending_step_us_, 0);
  pending_entries_ = 0;
  settled_clocks_ = clocks_;
  return read;
}

int64_t AfterStep(int64_t time_us, int64_t step_us) {
  int64_t after = 0;
  return __builtin_add_overflow(time_us, step_us, &after) ? time_us : after;
}

int64_t EventReader::StepAt(const v1::Entry& entry) {
  const Clocks before =
      std::exchange(clocks_, Clocks{entry.boot(), entry.wall_time_us(), entry.monotonic_us()});
  int64_t step = 0;
  int64_t wall = 0;
  if (__builtin_sub_overflow(clocks_.wall_us, before.wall_us, &wall)) wall = 0;
  if (before.boot != 0 && before.boot == clocks_.boot) {
    // An author without a monotonic clock leaves it at 0; one that goes back is none.
    int64_t monotonic = 0;
    const bool known =
        before.monotonic_us > 0 && clocks_.monotonic_us >= before.monotonic_us &&
        !__builtin_sub_overflow(clocks_.monotonic_us, before.monotonic_us, &monotonic);
    if (!known || __builtin_sub_overflow(wall, monotonic, &step)) step = 0;
  } else if (before.boot != 0 && wall < 0) {
    // The clock may well have gone on while nothing ran, but not back.
    step = wall;
  }
  if (step >= -kStepToleranceUs && step <= kStepToleranceUs) step = 0;
  // What an author says of it, two entries have mostly told already. The rest is what grew slowly,
  // and what only the operating system's boot could tell.
  if (step == 0 && entry.has_clock_stepped() &&
      __builtin_sub_overflow(entry.clock_stepped().step_us(), entry.clock_stepped().wall_back_us(),
                             &step)) {
    return 0;
  }
  return std::clamp(step, -kMostStepUs, kMostStepUs);
}

std::optional<Event> EventReader::ReadEntry(Event event, absl::string_view bytes) {
  event.entry = &entry_;
  if (!entry_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    DropParts();
    orphans_.Clear();
    event.kind = Event::Kind::kUnreadable;
    clocks_ = Clocks();
    return event;
  }
  pending_step_us_ = std::clamp(pending_step_us_ + StepAt(entry_), -kMostStepUs, kMostStepUs);
  event.received_at_us = entry_.wall_time_us();
  if (entry_.has_orphaned_entry() && entry_.orphaned_entry().log_id().empty()) {
    return ReadOrphan(event);
  }
  orphans_.Clear();
  orphan_generation_ = 0;
  if (entry_.has_frame_recorded()) return ReadFrame(event);
  DropParts();
  if (entry_.has_connection_opened()) event.connection = event.sequence.value();
  if (entry_.has_connection_closed()) event.connection = entry_.connection_closed().connection();
  return event;
}

// The event that the carried entry was, at the place where it is carried.
std::optional<Event> EventReader::ReadOrphan(Event event) {
  // A frame in parts may go on in the next orphan, but not in what is of this generation.
  const bool open = orphans_.pending() > 0;
  const v1::OrphanedEntry& part = entry_.orphaned_entry();
  auto whole = orphans_.Add(part);
  if (!whole.has_value() && orphans_.pending() == 0) {
    // No part of an orphan: it says nothing, and what was open ends.
    DropParts();
    event.kind = Event::Kind::kUnreadable;
    return event;
  }
  orphan_entries_ = uint64_t{part.part_index()} + 1;
  if (open && part.part_index() == 0) DropParts();
  if (pending_parts_ == 0) pending_entries_ = orphan_entries_;
  if (!whole.has_value()) return std::nullopt;
  orphan_generation_ = whole->generation;
  orphan_sequence_ = whole->sequence;
  event.orphan = true;
  event.entry = &orphan_;
  if (!orphan_.ParseFromArray(whole->bytes.data(), static_cast<int>(whole->bytes.size()))) {
    DropParts();
    event.kind = Event::Kind::kUnreadable;
    return event;
  }
  event.received_at_us = orphan_.wall_time_us();
  if (orphan_.has_frame_recorded()) return ReadFrame(event);
  DropParts();
  if (orphan_.has_connection_opened()) event.connection = ConnectionOf(event, orphan_sequence_);
  if (orphan_.has_connection_closed()) {
    event.connection = ConnectionOf(event, orphan_.connection_closed().connection());
  }
  return event;
}

// Two branches number their connections alike: those of an orphan get numbers that no log reaches.
uint64_t EventReader::ConnectionOf(const Event& event, uint64_t number) const {
  constexpr int kGenerationAt = 48;
  if (!event.orphan) return number;
  return uint64_t{1} << 63 | uint64_t{orphan_generation_ & 0x7fff} << kGenerationAt |
         (number & ((uint64_t{1} << kGenerationAt) - 1));
}

std::optional<Event> EventReader::ReadFrame(Event event) {
  const v1::FrameRecorded& recorded = event.entry->frame_recorded();
  event.charge_point_id = recorded.charge_point_id();
  event.connection = ConnectionOf(event, recorded.connection());
  event.direction = recorded.direction();
  event.subprotocol = recorded.subprotocol();
  absl::string_view payload = recorded.payload();
  if (recorded.part_count() > 1) {
    if (recorded.part_index() != pending_parts_) {
      DropParts();
      if (recorded.part_index() > 0) return BadPart(event, "a part of a message without its start");
    }
    if (recorded.part_count() > kMostFrameParts) {
      return BadPart(event, "a message in too many parts");
    }
    if (payload.size() > kMostFrameBytes - parts_.size()) {
      return BadPart(event, "a message of too many bytes");
    }
    if (pending_parts_ == 0) {
      first_part_ = event.sequence;
      pending_entries_ = event.orphan ? orphan_entries_ : 1;
    }
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

// What was recorded as a part and belongs to no message, at its own place.
std::optional<Event> EventReader::BadPart(Event event, absl::string_view why) {
  DropParts();
  bad_frame_ = ocpp::BadFrame{"-1", ocpp::ErrorCode::kFormationViolation, std::string(why), false};
  event.kind = Event::Kind::kBadFrame;
  event.bad_frame = &bad_frame_;
  return event;
}

void EventReader::DropParts() {
  parts_.clear();
  pending_parts_ = 0;
}

}  // namespace chargeledger::projections
