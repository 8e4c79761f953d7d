#include "projections/sessions/account.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "projections/sessions/curve.h"
#include "projections/sessions/tally.h"
#include "projections/sessions/times.h"

namespace chargeledger::projections {
namespace {

using Point = v1::StoredSession::Point;
using Tally = v1::StoredSession::Tally;

constexpr int64_t kSecondUs = 1'000'000;

auto OrderOf(const Point& p) {
  return std::make_tuple(p.at_us(), p.kind(), p.register_mwh(), p.interval_mwh(), p.export_mwh(),
                         p.power_mw(), p.soc_percent(), p.state());
}
std::optional<int64_t> Skew(bool known, int64_t skew) {
  return known ? std::optional<int64_t>(skew) : std::nullopt;
}
class Settlement {
 public:
  Settlement(const v1::StoredSession& stored, v1::Session& session)
      : stored_(stored), session_(session), causes_(stored.causes()) {}

  void Run() {
    Clear();
    Tally tally = stored_.tally();
    TallyAdder adder(tally, stored_, HasCause(stored_, v1::SESSION_FLAG_MISSING_START));
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
    if (stop.us < start.us) {
      Cause(v1::SESSION_FLAG_TIME_IMPLAUSIBLE, session_.stop_sequence());
      Cause(v1::SESSION_FLAG_NEGATIVE_LENGTH, session_.stop_sequence());
    }
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
    case v1::SESSION_FLAG_CLOCK_STEPPED:
    case v1::SESSION_FLAG_NEGATIVE_LENGTH:
      return true;
    default:
      return false;
  }
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
  TallyAdder adder(*stored.mutable_tally(), stored, start_missing);
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

}  // namespace chargeledger::projections
