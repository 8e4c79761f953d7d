#include "projections/sessions/times.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace chargeledger::projections {
namespace {

using Clock = v1::StoredSession::Clock;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = int64_t{24} * 3600 * kSecondUs;
constexpr int64_t kMostEarlyUs = kDayUs;

}  // namespace

bool SaidLive(int64_t told_us, int64_t received_us, int64_t later_told_us,
              int64_t later_received_us) {
  const int64_t told = later_told_us - told_us, received = later_received_us - received_us;
  return received >= kApartUs && std::abs(told - received) <= 60 * kSecondUs + received / 10;
}

bool Credible(int64_t told_us, int64_t received_us) {
  return told_us >= received_us - kMostLateUs && told_us <= received_us + kMostEarlyUs;
}

int64_t PointTime(int64_t told_us, int64_t received_us) {
  return Credible(told_us, received_us) ? told_us : received_us;
}

std::optional<int64_t> SkewOfLive(const v1::StoredSession& stored) {
  const std::array<const Clock*, 4> clocks = {&stored.start(), &stored.first(), &stored.last(),
                                              &stored.stop()};
  std::optional<int64_t> skew;
  bool live = false;
  const Clock* before = nullptr;
  for (const Clock* clock : clocks) {
    if (clock->told_us() == 0) continue;
    const int64_t ahead = clock->told_us() - clock->received_us();
    skew = std::max(ahead, skew.value_or(ahead));
    if (before != nullptr) {
      live = live || SaidLive(before->told_us(), before->received_us(), clock->told_us(),
                              clock->received_us());
    }
    before = clock;
  }
  return live ? skew : std::nullopt;
}
TimeUsed ChooseTime(const Clock& clock, std::optional<int64_t> station_skew,
                    std::optional<int64_t> session_skew) {
  const int64_t told = clock.told_us(), received = clock.received_us();
  if (told == 0) return {received, v1::TIME_RULE_RECEIVED};
  const int64_t ahead = told - received;
  if (std::abs(ahead) <= kNearUs) return {told, v1::TIME_RULE_TOLD};
  // What the clock is wrong by: as the charge point's live messages tell, or these, if they are.
  const std::optional<int64_t> skew = station_skew.has_value() ? station_skew : session_skew;
  if (!skew.has_value()) {
    // A message may be late, never early.
    if (ahead < 0 && ahead >= -kMostLateUs) return {told, v1::TIME_RULE_TOLD, 0, true};
    if (ahead > 0 && ahead <= kDayUs) return {received, v1::TIME_RULE_RECEIVED, ahead};
    return {received, v1::TIME_RULE_UNDECIDABLE, ahead};
  }
  if (std::abs(*skew) <= kNearUs) {
    if (ahead < 0 && ahead >= -kMostLateUs) return {told, v1::TIME_RULE_TOLD, 0, true};
    // The clock was right at another time of the session, not at this one.
    return session_skew.has_value() ? TimeUsed{received, v1::TIME_RULE_RECEIVED, ahead}
                                    : TimeUsed{received, v1::TIME_RULE_UNDECIDABLE, ahead};
  }
  if (std::abs(ahead - *skew) <= kNearUs) return {received, v1::TIME_RULE_RECEIVED, *skew};
  const int64_t corrected = told - *skew;
  if (corrected <= received && corrected >= received - kMostLateUs) {
    return {corrected, v1::TIME_RULE_CORRECTED, *skew, true};
  }
  return {received, v1::TIME_RULE_UNDECIDABLE, *skew};
}

}  // namespace chargeledger::projections
