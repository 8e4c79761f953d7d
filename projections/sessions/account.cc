#include "projections/sessions/account.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <tuple>
#include <vector>

namespace chargeledger::projections {
namespace {

using Point = v1::StoredSession::Point;
using Tally = v1::StoredSession::Tally;
using Clock = v1::StoredSession::Clock;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = int64_t{24} * 3600 * kSecondUs;
// 10^9 kWh: no register is beyond it.
constexpr int64_t kMostEnergyMwh = 1'000'000'000'000'000;
constexpr int64_t kMostEarlyUs = kDayUs;
// Whatever the time between two readings: registers are told in steps, and clocks jitter.
constexpr int64_t kSlackMwh = 1'000'000;
// Frozen: power of a kilowatt for ten minutes and three values, and no step.
constexpr int64_t kSomePowerMw = 1'000'000;
constexpr int64_t kFrozenUs = 600 * kSecondUs;
constexpr uint32_t kFrozenValues = 3;

auto OrderOf(const Point& p) {
  return std::make_tuple(p.at_us(), p.kind(), p.register_mwh(), p.interval_mwh(), p.export_mwh(),
                         p.power_mw(), p.soc_percent(), p.state());
}

template <typename Causes>
void Note(v1::SessionFlag flag, uint32_t generation, uint64_t sequence, Causes& causes) {
  for (const v1::FlagCause& cause : causes) {
    if (cause.flag() == flag) return;
  }
  v1::FlagCause& cause = *causes.Add();
  cause.set_flag(flag);
  cause.set_generation(generation);
  cause.set_sequence(sequence);
}

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

class Adder {
 public:
  Adder(Tally& tally, const v1::StoredSession& stored, bool start_missing)
      : tally_(tally), stored_(stored) {
    if (start_missing) tally_.set_begun(true);
  }

  void Add(const Point& point) {
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

  // Time in the last state, up to `now`.
  void Enter(v1::ChargingState state, int64_t now) {
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

 private:
  void Flag(v1::SessionFlag flag, const Point& point) {
    Note(flag, point.generation(), point.sequence(), *tally_.mutable_causes());
  }

  void ExpectFrom(int64_t now) {
    tally_.set_last_periodic_at_us(now);
    tally_.set_last_periodic_came(false);
  }

  bool Flows() const {
    return tally_.state() == v1::CHARGING_STATE_CHARGING ||
           tally_.state() == v1::CHARGING_STATE_UNSPECIFIED;
  }

  void AddSample(const Point& point) {
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

  // A periodic value came, or the time in which they were expected ended.
  void AddGap(int64_t now, bool came) {
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

  void Take(const Point& point, int64_t energy) {
    tally_.set_energy_mwh(tally_.energy_mwh() + energy);
    tally_.set_last_register_mwh(point.register_mwh());
    tally_.set_last_register_sequence(point.sequence());
    tally_.set_last_register_at_us(point.at_us());
    tally_.clear_suspect_mwh();
  }

  void AddRegister(const Point& point) {
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

  // Near the end of its range a reset looks like a rollover: by what power has been told, energy
  // that may have flowed since the last value.
  int64_t Likely(int64_t plausible, const Point& point) const {
    constexpr int64_t kLittleMwh = 100'000;
    if (tally_.max_power_mw() == 0) return plausible;
    const int64_t seconds = (point.at_us() - tally_.last_register_at_us()) / kSecondUs;
    const int64_t most = tally_.max_power_mw() / 3600 * std::max<int64_t>(0, seconds);
    return std::min(plausible, most / 4 * 5 + kLittleMwh);
  }

  void LookForFrozen(const Point& point, int64_t before) {
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

  Tally& tally_;
  const v1::StoredSession& stored_;
};

// How far the clock is ahead, if some messages of the session were said as they came: two whose
// distance is the same as told and as received. What was late is behind those.
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

struct TimeUsed {
  int64_t us = 0;
  v1::TimeRule rule = v1::TIME_RULE_UNSPECIFIED;
  int64_t skew_us = 0;
  bool late = false;
};

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

std::optional<int64_t> Skew(bool known, int64_t skew) {
  return known ? std::optional<int64_t>(skew) : std::nullopt;
}

// How far a session had come.
struct Mark {
  int64_t at_us = 0;
  int64_t energy_mwh = 0;
  int64_t parking_us = 0;
};

Mark Reached(const Tally& tally, int64_t at_us) {
  Mark mark{at_us, tally.has_last_register_mwh() ? tally.energy_mwh() : tally.interval_mwh(),
            tally.suspended_ev_us()};
  if (tally.state() == v1::CHARGING_STATE_SUSPENDED_EV) {
    mark.parking_us += std::max<int64_t>(0, at_us - tally.state_since_us());
  }
  return mark;
}

// Of points that are no longer kept, the last before and the first behind each step of the clock,
// so that what was reached at the step is between two neighbours. The steps are a quarter of an
// hour, longer in sessions of many hours.
class Marks {
 public:
  explicit Marks(v1::StoredSession& stored) : stored_(stored) {
    if (stored_.mark_step_s() == 0) stored_.set_mark_step_s(kStepS);
  }

  static std::vector<Mark> Read(const v1::StoredSession& stored) {
    std::vector<Mark> marks;
    Mark mark;
    for (int i = 0; i + 2 < stored.marks_size(); i += 3) {
      mark.at_us += stored.marks(i);
      mark.energy_mwh += stored.marks(i + 1);
      mark.parking_us += stored.marks(i + 2);
      marks.push_back(mark);
    }
    return marks;
  }

  void Add(const Mark& mark) {
    const int64_t before_us = std::max(last_.at_us, Newest());
    const bool first = stored_.marks().empty();
    if (first || Step(mark.at_us) != Step(before_us)) {
      if (last_.at_us > Newest()) Append(last_);
      Append(mark);
    }
    last_ = mark;
  }
  // What was added last is kept too: what comes next goes on from there.
  void Finish() {
    if (last_.at_us > Newest()) Append(last_);
    if (stored_.marks_size() > 3 * kMostMarks) Thin();
  }

 private:
  static constexpr int64_t kStepS = 900;
  static constexpr int kMostMarks = 128;

  int64_t Step(int64_t us) const { return us / (stored_.mark_step_s() * kSecondUs); }
  int64_t Newest() const { return stored_.mark_at_us(); }

  void Append(const Mark& mark) {
    stored_.add_marks(mark.at_us - stored_.mark_at_us());
    stored_.add_marks(mark.energy_mwh - stored_.mark_energy_mwh());
    stored_.add_marks(mark.parking_us - stored_.mark_parking_us());
    stored_.set_mark_at_us(mark.at_us);
    stored_.set_mark_energy_mwh(mark.energy_mwh);
    stored_.set_mark_parking_us(mark.parking_us);
  }

  void Thin() {
    const std::vector<Mark> marks = Read(stored_);
    stored_.set_mark_step_s(2 * stored_.mark_step_s());
    stored_.clear_marks();
    stored_.clear_mark_at_us();
    stored_.clear_mark_energy_mwh();
    stored_.clear_mark_parking_us();
    for (size_t i = 0; i < marks.size(); ++i) {
      const bool edge = i == 0 || i + 1 == marks.size() ||
                        Step(marks[i].at_us) != Step(marks[i - 1].at_us) ||
                        Step(marks[i].at_us) != Step(marks[i + 1].at_us);
      if (edge) Append(marks[i]);
    }
  }

  v1::StoredSession& stored_;
  // Not appended yet.
  Mark last_;
};

class Settlement {
 public:
  Settlement(const v1::StoredSession& stored, v1::Session& session)
      : stored_(stored), session_(session), causes_(stored.causes()) {}

  void Run() {
    Clear();
    Tally tally = stored_.tally();
    Adder adder(tally, stored_, HasCause(stored_, v1::SESSION_FLAG_MISSING_START));
    for (const Point& point : stored_.points()) adder.Add(point);
    const v1::ChargingState state = tally.state();
    if (session_.state() == v1::SESSION_STATE_CLOSED && !tally.stopped()) {
      adder.Enter(v1::CHARGING_STATE_UNSPECIFIED,
                  std::max(tally.last_at_us(), stored_.inferred_at_us()));
    } else if (!tally.stopped()) {
      adder.Enter(state, tally.last_at_us());
    }
    SetTimes(tally);
    SetEnergy(tally);
    SetStates(tally, state);
    SetCompleteness(tally);
    SetFlags(tally);
  }

 private:
  // What followed from what was known before must not shine through.
  void Clear() {
    session_.clear_stopped_at_us();
    session_.clear_stopped_told_us();
    session_.clear_stopped_by();
    session_.clear_meter_start_mwh();
    session_.clear_meter_last_mwh();
    v1::SessionSources& sources = *session_.mutable_sources();
    sources.clear_meter_start();
    sources.clear_meter_last();
    sources.clear_max_power();
    sources.clear_soc_first();
    sources.clear_soc_last();
  }

  void Cause(v1::SessionFlag flag, uint64_t sequence) {
    Note(flag, session_.generation(), sequence, causes_);
  }

  void SetTimes(const Tally& tally) {
    const std::optional<int64_t> live = SkewOfLive(stored_);
    TimeUsed start = ChooseTime(stored_.start(),
                                Skew(stored_.has_start_skew_us(), stored_.start_skew_us()), live);
    session_.set_started_at_us(start.us);
    session_.set_started_told_us(stored_.start().told_us());
    session_.set_started_by(start.rule);
    session_.set_clock_skew_us(start.skew_us);
    Judge(start, session_.start_sequence());
    if (session_.state() != v1::SESSION_STATE_CLOSED) return;
    TimeUsed stop;
    if (session_.end() == v1::SESSION_END_STOP) {
      stop = ChooseTime(stored_.stop(), Skew(stored_.has_stop_skew_us(), stored_.stop_skew_us()),
                        live);
      if (stop.skew_us != 0) session_.set_clock_skew_us(stop.skew_us);
      Judge(stop, session_.stop_sequence());
    } else {
      // Nobody said when it ended: with the last thing that was said of it.
      stop.rule = start.rule;
      stop.us = std::max(session_.started_at_us(), tally.last_at_us() - start.skew_us);
    }
    session_.set_stopped_at_us(stop.us);
    session_.set_stopped_told_us(stored_.stop().told_us());
    session_.set_stopped_by(stop.rule);
    if (stop.us < start.us) Cause(v1::SESSION_FLAG_TIME_IMPLAUSIBLE, session_.stop_sequence());
  }

  void Judge(const TimeUsed& used, uint64_t sequence) {
    if (used.skew_us != 0) Cause(v1::SESSION_FLAG_CLOCK_SKEW, sequence);
    if (used.late) Cause(v1::SESSION_FLAG_OFFLINE, sequence);
    if (used.rule == v1::TIME_RULE_UNDECIDABLE) {
      Cause(v1::SESSION_FLAG_TIME_UNDECIDABLE, sequence);
    }
  }

  void SetEnergy(const Tally& tally) {
    v1::SessionSources& sources = *session_.mutable_sources();
    session_.set_energy_mwh(0);
    session_.set_energy_rule(v1::ENERGY_RULE_UNSPECIFIED);
    if (tally.has_last_register_mwh()) {
      session_.set_energy_rule(tally.stepped() ? v1::ENERGY_RULE_STEPS : v1::ENERGY_RULE_REGISTER);
      session_.set_energy_mwh(tally.energy_mwh());
      session_.set_meter_start_mwh(tally.first_register_mwh());
      session_.set_meter_last_mwh(tally.last_register_mwh());
      sources.set_meter_start(tally.first_register_sequence());
      sources.set_meter_last(tally.last_register_sequence());
    } else if (tally.has_interval()) {
      session_.set_energy_rule(v1::ENERGY_RULE_INTERVALS);
      session_.set_energy_mwh(tally.interval_mwh());
    } else if (session_.state() == v1::SESSION_STATE_CLOSED) {
      Cause(v1::SESSION_FLAG_NO_ENERGY, session_.stop_sequence());
    }
    if (tally.has_suspect_mwh() && session_.end() == v1::SESSION_END_STOP) {
      // It ended on a value that does not fit: what flowed since the last good one is unknown.
      Cause(v1::SESSION_FLAG_ENERGY_IMPLAUSIBLE, session_.stop_sequence());
    }
    if (session_.energy_mwh() > kMuchEnergyMwh) {
      Cause(v1::SESSION_FLAG_ENERGY_IMPLAUSIBLE, tally.last_register_sequence());
    }
    session_.set_export_mwh(
        std::max<int64_t>(0, tally.last_export_mwh() - tally.first_export_mwh()));
    session_.set_max_power_mw(tally.max_power_mw());
    session_.set_soc_first_percent(tally.has_soc() ? tally.soc_first() : -1);
    session_.set_soc_last_percent(tally.has_soc() ? tally.soc_last() : -1);
    if (tally.max_power_mw() > 0) sources.set_max_power(tally.max_power_sequence());
    if (tally.has_soc()) {
      sources.set_soc_first(tally.soc_first_sequence());
      sources.set_soc_last(tally.soc_last_sequence());
    }
    session_.set_meter_value_count(stored_.meter_value_count());
    session_.set_last_sample_at_us(tally.last_at_us());
  }

  void SetStates(const Tally& tally, v1::ChargingState state) {
    session_.set_charging_state(
        session_.state() == v1::SESSION_STATE_CLOSED ? v1::CHARGING_STATE_UNSPECIFIED : state);
    session_.set_charging_us(tally.charging_us());
    session_.set_suspended_ev_us(tally.suspended_ev_us());
    session_.set_suspended_evse_us(tally.suspended_evse_us());
    session_.set_idle_us(tally.idle_us());
  }

  void SetCompleteness(const Tally& tally) {
    v1::Completeness& completeness = *session_.mutable_completeness();
    const bool configured = stored_.interval_s() > 0;
    const int64_t interval_us = configured ? stored_.interval_s() * kSecondUs : tally.shortest_us();
    completeness.set_configured(configured);
    completeness.set_interval_s(static_cast<uint32_t>(interval_us / kSecondUs));
    completeness.set_came(tally.periodic_count());
    completeness.set_expected(std::max(tally.expected(), tally.periodic_count()));
    completeness.set_permille(completeness.expected() == 0
                                  ? 1000
                                  : static_cast<uint32_t>(uint64_t{completeness.came()} * 1000 /
                                                          completeness.expected()));
    completeness.set_longest_gap_s(
        static_cast<uint32_t>(std::min<int64_t>(tally.longest_us() / kSecondUs, int64_t{1} << 31)));
    // Two and a half intervals without one: at least one is missing, whatever jitters.
    if (interval_us > 0 && tally.longest_us() / 5 * 2 >= interval_us) {
      Cause(v1::SESSION_FLAG_METER_GAP, tally.last_register_sequence());
    }
  }

  void SetFlags(const Tally& tally) {
    for (const v1::FlagCause& cause : tally.causes()) {
      Note(cause.flag(), cause.generation(), cause.sequence(), causes_);
    }
    if (HasSeqGap()) Cause(v1::SESSION_FLAG_SEQ_GAP, session_.stop_sequence());
    std::sort(causes_.begin(), causes_.end(),
              [](const auto& a, const auto& b) { return a.flag() < b.flag(); });
    session_.clear_flags();
    session_.set_held(false);
    for (const v1::FlagCause& cause : causes_) {
      session_.add_flags(cause.flag());
      if (HoldsByDefault(cause.flag())) session_.set_held(true);
    }
    session_.mutable_causes()->Swap(&causes_);
  }

  // Numbers between those that came; at the end, also those before the first and up to the last.
  bool HasSeqGap() const {
    if (stored_.seen().empty()) return false;
    if (stored_.seen_size() > 1) return true;
    return stored_.has_stop_seq() && stored_.seen(0).to() < stored_.stop_seq();
  }

  const v1::StoredSession& stored_;
  v1::Session& session_;
  google::protobuf::RepeatedPtrField<v1::FlagCause> causes_;
};

}  // namespace

bool HoldsByDefault(v1::SessionFlag flag) {
  switch (flag) {
    case v1::SESSION_FLAG_MISSING_STOP:
    case v1::SESSION_FLAG_MISSING_START:
    case v1::SESSION_FLAG_CONFLICTING_STOP:
    case v1::SESSION_FLAG_REGISTER_BACKWARD:
    case v1::SESSION_FLAG_UNREADABLE_METER_VALUE:
    case v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID:
    case v1::SESSION_FLAG_INFERRED_END:
    case v1::SESSION_FLAG_REGISTER_RESET:
    case v1::SESSION_FLAG_REGISTER_ROLLOVER:
    case v1::SESSION_FLAG_METER_REPLACED:
    case v1::SESSION_FLAG_REGISTER_FROZEN:
    case v1::SESSION_FLAG_ENERGY_IMPLAUSIBLE:
    case v1::SESSION_FLAG_TIME_UNDECIDABLE:
    case v1::SESSION_FLAG_NO_ENERGY:
      return true;
    default:
      return false;
  }
}

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

bool AddPoint(const Point& point, bool start_missing, v1::StoredSession& stored) {
  auto& points = *stored.mutable_points();
  const auto order = OrderOf(point);
  int at = points.size();
  while (at > 0 && order < OrderOf(points.Get(at - 1))) --at;
  if (at > 0 && order == OrderOf(points.Get(at - 1))) return true;
  if (at == 0 && stored.tally().last_at_us() > point.at_us()) return false;
  *points.Add() = point;
  for (int i = points.size() - 1; i > at; --i) points.SwapElements(i, i - 1);
  if (points.size() < 2 * kKeptPoints) return true;
  Adder adder(*stored.mutable_tally(), stored, start_missing);
  Marks marks(stored);
  for (int i = 0; i < kKeptPoints; ++i) {
    adder.Add(points.Get(i));
    marks.Add(Reached(stored.tally(), points.Get(i).at_us()));
  }
  marks.Finish();
  points.DeleteSubrange(0, kKeptPoints);
  return true;
}

void AddCause(v1::SessionFlag flag, uint32_t generation, uint64_t sequence,
              v1::StoredSession& stored) {
  Note(flag, generation, sequence, *stored.mutable_causes());
}

void RemoveCause(v1::SessionFlag flag, v1::StoredSession& stored) {
  auto& causes = *stored.mutable_causes();
  for (int i = 0; i < causes.size(); ++i) {
    if (causes.Get(i).flag() == flag) return causes.DeleteSubrange(i, 1);
  }
}

bool HasCause(const v1::StoredSession& stored, v1::SessionFlag flag) {
  return std::any_of(stored.causes().begin(), stored.causes().end(),
                     [&](const v1::FlagCause& cause) { return cause.flag() == flag; });
}

bool HasFlag(const v1::Session& session, v1::SessionFlag flag) {
  return std::find(session.flags().begin(), session.flags().end(), flag) != session.flags().end();
}

bool SeqSeen(int64_t seq, uint32_t generation, uint64_t sequence, v1::StoredSession& stored) {
  constexpr int kMostRanges = 64;
  auto& seen = *stored.mutable_seen();
  int at = 0;
  while (at < seen.size() && seen.Get(at).to() < seq) ++at;
  if (at < seen.size() && seen.Get(at).from() <= seq) return true;
  auto& range = *seen.Add();
  range.set_from(seq);
  range.set_to(seq);
  for (int i = seen.size() - 1; i > at; --i) seen.SwapElements(i, i - 1);
  for (int i = std::max(at, 1); i < seen.size() && i <= at + 1; ++i) {
    if (seen.Get(i - 1).to() + 1 != seen.Get(i).from()) continue;
    seen.Mutable(i - 1)->set_to(seen.Get(i).to());
    seen.DeleteSubrange(i, 1);
    --i;
  }
  if (seen.size() > kMostRanges) {
    // What is missing below is remembered by its flag alone.
    AddCause(v1::SESSION_FLAG_SEQ_GAP, generation, sequence, stored);
    seen.Mutable(1)->set_from(seen.Get(0).from());
    seen.DeleteSubrange(0, 1);
  }
  return false;
}

void Settle(const v1::StoredSession& stored, v1::Session& session) {
  Settlement(stored, session).Run();
}

v1::PricingInput PricingInputOf(const v1::StoredSession& stored, const v1::Session& session) {
  std::vector<Mark> marks = Marks::Read(stored);
  Tally tally = stored.tally();
  Adder adder(tally, stored, HasCause(stored, v1::SESSION_FLAG_MISSING_START));
  for (const Point& point : stored.points()) {
    if (tally.stopped()) break;
    adder.Add(point);
    marks.push_back(Reached(tally, point.at_us()));
  }
  v1::PricingInput input;
  const int64_t start_us = session.started_at_us();
  const int64_t stop_us = std::max(start_us, session.stopped_at_us());
  input.set_started_at_us(start_us);
  input.set_stopped_at_us(stop_us);
  input.set_energy_mwh(std::max<int64_t>(0, session.energy_mwh()));
  // The points are by the charge point's clock: they are moved to where the session begins.
  const int64_t ahead = marks.empty() ? 0 : marks.front().at_us - start_us;
  Mark last{start_us, 0, 0};
  const auto append = [&](Mark mark) {
    mark.at_us = std::clamp(mark.at_us, last.at_us, stop_us);
    mark.energy_mwh =
        std::clamp(mark.energy_mwh, last.energy_mwh, std::max(last.energy_mwh, input.energy_mwh()));
    mark.parking_us =
        std::clamp(mark.parking_us, last.parking_us, last.parking_us + (mark.at_us - last.at_us));
    if (mark.at_us == last.at_us && mark.energy_mwh == last.energy_mwh) return;
    input.add_curve(mark.at_us - last.at_us);
    input.add_curve(mark.energy_mwh - last.energy_mwh);
    input.add_curve(mark.parking_us - last.parking_us);
    last = mark;
  };
  for (Mark& mark : marks) {
    mark.at_us -= ahead;
    // What flows at once belongs to what follows, but for the end.
    if (mark.at_us > last.at_us) append(mark);
  }
  append(
      {stop_us, input.energy_mwh(),
       last.parking_us + (tally.state() == v1::CHARGING_STATE_SUSPENDED_EV
                              ? stop_us - last.at_us
                              : std::max<int64_t>(0, tally.suspended_ev_us() - last.parking_us))});
  return input;
}

}  // namespace chargeledger::projections
