// What projections fold: log entries, decoded once for all of them, frames put together from their
// parts.
//
// An EventReader reads one generation's entries in order. It is not thread-safe; an Event borrows
// from it until the next Read. The bytes are untrusted: an entry that cannot be decoded is an event
// of its own kind, never a stop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/ids.h"
#include "core/orphans.h"
#include "ocpp/frame.h"

namespace chargeledger::projections {

struct Event {
  enum class Kind {
    // A well-formed OCPP-J frame: `frame`.
    kFrame,
    // A frame that is none: `bad_frame`.
    kBadFrame,
    // Something else the author recorded: `entry`.
    kOther,
    // Bytes that are no Entry.
    kUnreadable,
  };

  Kind kind = Kind::kOther;
  core::LogId log_id;
  // Site of the log's author.
  absl::string_view site;
  core::Generation generation;
  // Of the entry; of a frame in parts, the first one's.
  core::Sequence sequence;
  // The author's wall clock.
  int64_t received_at_us = 0;
  // By how much that clock moved against the monotonic one since the event before (0: it did not,
  // as far as the entries tell). What was received before is that much earlier than by this clock.
  int64_t clock_step_us = 0;
  const v1::Entry* entry = nullptr;
  // It was carried over from a branch that was given up: it may have been said before.
  bool orphan = false;

  // Of frames, and the connection also of ConnectionOpened and ConnectionClosed: a number that no
  // connection of another branch has.
  absl::string_view charge_point_id;
  uint64_t connection = 0;
  v1::Direction direction = v1::DIRECTION_UNSPECIFIED;
  v1::Subprotocol subprotocol = v1::SUBPROTOCOL_UNSPECIFIED;
  ocpp::Frame frame;
  const ocpp::BadFrame* bad_frame = nullptr;
};

// A frame that a log puts together has at most these bytes, which is the most that an edge agent
// can be configured to take (max_frame_bytes), and parts: they are cut at 64,000 bytes, so that
// there are 263 of them. What claims more, or does not follow its predecessor, is a bad frame.
constexpr size_t kMostFrameBytes = size_t{16} << 20;
constexpr uint32_t kMostFrameParts = 512;

// Key under which a fold keeps a CALL until its answer comes: the same for a CALL and for what
// answers it.
std::string PendingCallKey(const Event& event);

// Clocks that part by more than this between two entries: the wall clock stepped. A step that the
// author recorded counts from its own tolerance on.
constexpr int64_t kStepToleranceUs = int64_t{5} * 1'000'000;
// More than any clock can be wrong by: a larger step is taken for this much.
constexpr int64_t kMostStepUs = int64_t{200} * 366 * 24 * 3600 * 1'000'000;
// `time_us` by a clock that has stepped since; as it is if there is no such time.
int64_t AfterStep(int64_t time_us, int64_t step_us);

class EventReader {
 public:
  // The author's clocks at an entry; boot 0: not known.
  struct Clocks {
    uint32_t boot = 0;
    int64_t wall_us = 0;
    uint64_t monotonic_us = 0;
  };

  EventReader(const core::LogId& log_id, absl::string_view site, core::Generation generation)
      : log_id_(log_id), site_(site), generation_(generation) {}

  // The event that ends with this entry; none while parts of a frame are missing.
  std::optional<Event> Read(core::Sequence sequence, absl::string_view bytes);

  // Entries read that belong to an event which is not complete yet: at most kMostFrameParts, each
  // of core::kMostOrphanParts.
  uint64_t pending() const { return pending_entries_; }

  // At the last event's last entry; to be given to the reader that goes on behind it.
  const Clocks& clocks() const { return settled_clocks_; }
  void SetClocks(const Clocks& clocks) { clocks_ = settled_clocks_ = clocks; }

 private:
  // By how much the wall clock stepped at this entry.
  int64_t StepAt(const v1::Entry& entry);
  std::optional<Event> ReadEntry(Event event, absl::string_view bytes);
  std::optional<Event> ReadOrphan(Event event);
  std::optional<Event> ReadFrame(Event event);
  std::optional<Event> BadPart(Event event, absl::string_view why);
  uint64_t ConnectionOf(const Event& event, uint64_t number) const;
  void DropParts();

  const core::LogId log_id_;
  const std::string site_;
  const core::Generation generation_;
  v1::Entry entry_;
  ocpp::FrameReader frame_reader_;
  ocpp::BadFrame bad_frame_;
  std::string parts_;
  uint64_t pending_parts_ = 0;
  core::Sequence first_part_;
  core::OrphanReader orphans_;
  v1::Entry orphan_;
  uint32_t orphan_generation_ = 0;
  uint64_t orphan_sequence_ = 0;
  // Entries since the one that the open event began with, and since the orphan's first part.
  uint64_t pending_entries_ = 0;
  uint64_t orphan_entries_ = 0;
  Clocks clocks_;
  Clocks settled_clocks_;
  // At entries of which the event is not complete yet.
  int64_t pending_step_us_ = 0;
};

}  // namespace chargeledger::projections
