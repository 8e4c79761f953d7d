// Which of two clocks a session's times are taken from: the charge point's, which may be wrong, or
// the one that the message was received by, which may be late. The rules are in docs/sessions.md.
#pragma once

#include <cstdint>
#include <optional>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"

namespace chargeledger::projections {

// Told and received this near to each other are the same time.
constexpr int64_t kNearUs = int64_t{5} * 60 * 1'000'000;
// A charge point's queue may be this late.
constexpr int64_t kMostLateUs = int64_t{60} * 24 * 3600 * 1'000'000;

// Whether a clock that is anything near right may tell this: not 60 days late, nor a day early.
bool Credible(int64_t told_us, int64_t received_us);
// The time at which a point that was told and received then is kept: as told, or as received if
// nothing credible was told (0: nothing).
int64_t PointTime(int64_t told_us, int64_t received_us);

// Two messages of one clock tell its error only this far apart.
constexpr int64_t kApartUs = int64_t{30} * 1'000'000;
// Whether two messages were said as they came: their distance is the same as told and as received.
bool SaidLive(int64_t told_us, int64_t received_us, int64_t later_told_us,
              int64_t later_received_us);

// How far the clock is ahead, if some messages of the session were said as they came: two whose
// distance is the same as told and as received. What was late is behind those.
std::optional<int64_t> SkewOfLive(const v1::StoredSession& stored);

struct TimeUsed {
  int64_t us = 0;
  v1::TimeRule rule = v1::TIME_RULE_UNSPECIFIED;
  int64_t skew_us = 0;
  bool late = false;
};

// `station_skew`: as the charge point's live messages told it then; `session_skew`: as those of the
// session do.
TimeUsed ChooseTime(const v1::StoredSession::Clock& clock, std::optional<int64_t> station_skew,
                    std::optional<int64_t> session_skew);

}  // namespace chargeledger::projections
