#include "projections/sessions/tally.h"

#include <algorithm>

namespace chargeledger::projections {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = int64_t{24} * 3600 * kSecondUs;
// 10^9 kWh: no register is beyond it.
constexpr int64_t kMostEnergyMwh = 1'000'000'000'000'000;
// Whatever the time between two readings: registers are told in steps, and clocks jitter.
constexpr int64_t kSlackMwh = 1'000'000;
// Frozen: power of a kilowatt for ten minutes and three values, and no step.
constexpr int64_t kSomePowerMw = 1'000'000;
constexpr int64_t kFrozenUs = 600 * kSecondUs;
constexpr uint32_t kFrozenValues = 3;

// Energy that may have flowed in this time.
int64_t Plausible(const v1::StoredSession& stored, int64_t us) {
  constexpr int64_t kLongUs = 30 * kDayUs;
  const int64_t seconds = std::clamp<int64_t>(us, 0, kLongUs) / kSecondUs;
  const int64_t rated_w = stored.rated_power_w();
  const int64_t power_mw =
      rated_w > 0 && rated_w < kMostPowerMw / 1000 ? rated_w * 1000 : kMostPowerMw;
  return power_mw / 3600 * seconds / 10 * 11 + kSlackMwh;
}

// The register's range, if it has just passed its end: a power of ten of watt-hours; 0 if not.
int64_t RolledOver(int64_t before, int64_t now, int64_t plausible) {
  int64_t range = 100'000'000;  // five digits of Wh
  for (int digits = 5; digits <= 9; ++digits, range *= 10) {
    if (before < range && before >= range / 10 * 9 && now <= range / 10 &&
        range - before + now <= plausible) {
      return range;
    }
  }
  return 0;
}

}  // namespace

void TallyAdder::Add(const Point& point) {
  tally_.set_last_at_us(point.at_us());
  switch (point.kind()) {
    case Point::KIND_START:
      tally_.set_begun(true);
      ExpectFrom(point.at_us());
      Enter(point.state() == v1::CHARGING_STATE_UNSPECIFIED ? tally_.state() : point.state(),
            point.at_us());
      if (point.has_register_mwh()) AddRegister(point);
      return;
    case Point::KIND_METER_CHANGED:
      tally_.set_meter_changed(true);
      return;
    case Point::KIND_STATE:
      if (!tally_.stopped()) Enter(point.state(), point.at_us());
      return;
    case Point::KIND_SAMPLE:
      return AddSample(point);
    case Point::KIND_STOP:
      AddGap(point.at_us(), false);
      Enter(v1::CHARGING_STATE_UNSPECIFIED, point.at_us());
      if (point.has_register_mwh() && !tally_.stopped()) AddRegister(point);
      tally_.set_stopped(true);
      return;
    default:
      return;
  }
}

void TallyAdder::Enter(v1::ChargingState state, int64_t now) {
  const int64_t spent = std::max<int64_t>(0, now - tally_.state_since_us());
  if (tally_.state_since_us() != 0) {
    switch (tally_.state()) {
      case v1::CHARGING_STATE_CHARGING:
        tally_.set_charging_us(tally_.charging_us() + spent);
        break;
      case v1::CHARGING_STATE_SUSPENDED_EV:
        tally_.set_suspended_ev_us(tally_.suspended_ev_us() + spent);
        break;
      case v1::CHARGING_STATE_SUSPENDED_EVSE:
        tally_.set_suspended_evse_us(tally_.suspended_evse_us() + spent);
        break;
      case v1::CHARGING_STATE_EV_CONNECTED:
      case v1::CHARGING_STATE_IDLE:
        tally_.set_idle_us(tally_.idle_us() + spent);
        break;
      default:
        break;
    }
  }
  const bool flowed = Flows();
  tally_.set_state(state);
  tally_.set_state_since_us(now);
  // Meter values are expected while energy can flow.
  if (flowed && !Flows()) {
    AddGap(now, false);
    ExpectFrom(0);
  } else if (!flowed && Flows()) {
    ExpectFrom(now);
  }
}

void TallyAdder::Flag(v1::SessionFlag flag, const Point& point) {
  Note(flag, point.generation(), point.sequence(), *tally_.mutable_causes());
}

void TallyAdder::ExpectFrom(int64_t now) {
  tally_.set_last_periodic_at_us(now);
  tally_.set_last_periodic_came(false);
}

bool TallyAdder::Flows() const {
  return tally_.state() == v1::CHARGING_STATE_CHARGING ||
         tally_.state() == v1::CHARGING_STATE_UNSPECIFIED;
}

void TallyAdder::AddSample(const Point& point) {
  if (!tally_.begun()) return;
  if (tally_.stopped()) {
    Flag(v1::SESSION_FLAG_METER_VALUE_AFTER_STOP, point);
    return;
  }
  if (point.has_power_mw()) {
    tally_.set_last_power_mw(point.power_mw());
    if (point.power_mw() > tally_.max_power_mw()) {
      tally_.set_max_power_mw(point.power_mw());
      tally_.set_max_power_sequence(point.sequence());
    }
  }
  if (point.has_soc_percent()) {
    if (!tally_.has_soc()) {
      tally_.set_has_soc(true);
      tally_.set_soc_first(point.soc_percent());
      tally_.set_soc_first_sequence(point.sequence());
    }
    tally_.set_soc_last(point.soc_percent());
    tally_.set_soc_last_sequence(point.sequence());
  }
  if (point.has_export_mwh()) {
    if (!tally_.has_first_export_mwh()) tally_.set_first_export_mwh(point.export_mwh());
    tally_.set_last_export_mwh(point.export_mwh());
  }
  if (point.has_interval_mwh() && point.at_us() > tally_.last_interval_at_us()) {
    tally_.set_has_interval(true);
    // Absurd values are flagged by their sum; it must not overflow.
    tally_.set_interval_mwh(std::min(
        kMostEnergyMwh, tally_.interval_mwh() + std::max<int64_t>(0, point.interval_mwh())));
    tally_.set_last_interval_at_us(point.at_us());
  }
  if (point.periodic()) AddGap(point.at_us(), true);
  if (point.has_register_mwh()) AddRegister(point);
}

void TallyAdder::AddGap(int64_t now, bool came) {
  const int64_t before = tally_.last_periodic_at_us();
  const bool between_values = tally_.last_periodic_came();
  if (came) {
    tally_.set_periodic_count(tally_.periodic_count() + 1);
    tally_.set_last_periodic_at_us(now);
    tally_.set_last_periodic_came(true);
  }
  if (before == 0 || now <= before || !Flows()) {
    if (came) tally_.set_expected(tally_.expected() + 1);
    return;
  }
  const int64_t gap = now - before;
  if (came && between_values && gap >= kSecondUs &&
      (tally_.shortest_us() == 0 || gap < tally_.shortest_us())) {
    tally_.set_shortest_us(gap);
  }
  const int64_t interval =
      stored_.interval_s() > 0 ? stored_.interval_s() * kSecondUs : tally_.shortest_us();
  // Half an interval early or late is still the one expected; the end may come at any time.
  const int64_t passed = interval == 0 ? 0 : (came ? gap + interval / 2 : gap - 1) / interval;
  const int64_t expected = came ? std::max<int64_t>(1, passed) : passed;
  tally_.set_expected(tally_.expected() +
                      static_cast<uint32_t>(std::min<int64_t>(expected, 1'000'000)));
  tally_.set_longest_us(std::max(tally_.longest_us(), gap));
}

void TallyAdder::Take(const Point& point, int64_t energy) {
  tally_.set_energy_mwh(tally_.energy_mwh() + energy);
  tally_.set_last_register_mwh(point.register_mwh());
  tally_.set_last_register_sequence(point.sequence());
  tally_.set_last_register_at_us(point.at_us());
  tally_.clear_suspect_mwh();
}

void TallyAdder::AddRegister(const Point& point) {
  const int64_t now = point.register_mwh();
  if (!tally_.has_last_register_mwh()) {
    tally_.set_first_register_mwh(now);
    tally_.set_first_register_sequence(point.sequence());
    return Take(point, 0);
  }
  const int64_t before = tally_.last_register_mwh();
  const int64_t plausible = Plausible(stored_, point.at_us() - tally_.last_register_at_us());
  if (tally_.meter_changed()) {
    tally_.set_meter_changed(false);
    // The same value from a new meter is no new meter.
    if (now < before || now - before > plausible) {
      tally_.set_stepped(true);
      Flag(v1::SESSION_FLAG_METER_REPLACED, point);
      return Take(point, 0);
    }
  }
  if (now >= before && now - before <= plausible) {
    LookForFrozen(point, before);
    return Take(point, now - before);
  }
  if (tally_.has_suspect_mwh()) {
    // The value before did not fit; does this one go on from there?
    const int64_t suspect = tally_.suspect_mwh();
    const int64_t since = Plausible(stored_, point.at_us() - tally_.suspect_at_us());
    if (now >= suspect && now - suspect <= since) {
      tally_.set_stepped(true);
      Flag(v1::SESSION_FLAG_METER_REPLACED, point);
      return Take(point, now - suspect);
    }
  }
  if (now > before) {
    Flag(v1::SESSION_FLAG_ENERGY_IMPLAUSIBLE, point);
  } else if (const int64_t range = RolledOver(before, now, Likely(plausible, point)); range > 0) {
    tally_.set_stepped(true);
    Flag(v1::SESSION_FLAG_REGISTER_ROLLOVER, point);
    return Take(point, range - before + now);
  } else if (now >= 0 && now <= plausible && now < before / 2) {
    tally_.set_stepped(true);
    Flag(v1::SESSION_FLAG_REGISTER_RESET, point);
    return Take(point, now);
  } else {
    Flag(v1::SESSION_FLAG_REGISTER_BACKWARD, point);
    // A small step back is a reading that came late or was rounded: the register will pass it.
    if (before - now <= kSlackMwh) return;
  }
  tally_.set_suspect_mwh(now);
  tally_.set_suspect_at_us(point.at_us());
}

int64_t TallyAdder::Likely(int64_t plausible, const Point& point) const {
  constexpr int64_t kLittleMwh = 100'000;
  if (tally_.max_power_mw() == 0) return plausible;
  const int64_t seconds = (point.at_us() - tally_.last_register_at_us()) / kSecondUs;
  const int64_t most = tally_.max_power_mw() / 3600 * std::max<int64_t>(0, seconds);
  return std::min(plausible, most / 4 * 5 + kLittleMwh);
}

void TallyAdder::LookForFrozen(const Point& point, int64_t before) {
  if (point.register_mwh() != before || tally_.last_power_mw() < kSomePowerMw ||
      point.kind() != Point::KIND_SAMPLE) {
    tally_.set_frozen_values(0);
    return;
  }
  if (tally_.frozen_values() == 0) tally_.set_frozen_since_us(tally_.last_register_at_us());
  tally_.set_frozen_values(tally_.frozen_values() + 1);
  if (tally_.frozen_values() >= kFrozenValues &&
      point.at_us() - tally_.frozen_since_us() >= kFrozenUs) {
    Flag(v1::SESSION_FLAG_REGISTER_FROZEN, point);
  }
}

}  // namespace chargeledger::projections
