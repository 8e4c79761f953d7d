#include "projections/sessions/curve.h"

#include <algorithm>

#include "projections/sessions/account.h"
#include "projections/sessions/tally.h"

namespace chargeledger::projections {
namespace {

using Point = v1::StoredSession::Point;
using Tally = v1::StoredSession::Tally;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kStepS = 900;
constexpr int kMostMarks = 128;

}  // namespace

Mark Reached(const Tally& tally, int64_t at_us) {
  Mark mark{at_us, tally.has_last_register_mwh() ? tally.energy_mwh() : tally.interval_mwh(),
            tally.suspended_ev_us()};
  if (tally.state() == v1::CHARGING_STATE_SUSPENDED_EV) {
    mark.parking_us += std::max<int64_t>(0, at_us - tally.state_since_us());
  }
  return mark;
}

Marks::Marks(v1::StoredSession& stored) : stored_(stored) {
  if (stored_.mark_step_s() == 0) stored_.set_mark_step_s(kStepS);
}

std::vector<Mark> Marks::Read(const v1::StoredSession& stored) {
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

void Marks::Add(const Mark& mark) {
  const int64_t before_us = std::max(last_.at_us, Newest());
  const bool first = stored_.marks().empty();
  if (first || Step(mark.at_us) != Step(before_us)) {
    if (last_.at_us > Newest()) Append(last_);
    Append(mark);
  }
  last_ = mark;
}

void Marks::Finish() {
  if (last_.at_us > Newest()) Append(last_);
  if (stored_.marks_size() > 3 * kMostMarks) Thin();
}

int64_t Marks::Step(int64_t us) const { return us / (stored_.mark_step_s() * kSecondUs); }

void Marks::Append(const Mark& mark) {
  stored_.add_marks(mark.at_us - stored_.mark_at_us());
  stored_.add_marks(mark.energy_mwh - stored_.mark_energy_mwh());
  stored_.add_marks(mark.parking_us - stored_.mark_parking_us());
  stored_.set_mark_at_us(mark.at_us);
  stored_.set_mark_energy_mwh(mark.energy_mwh);
  stored_.set_mark_parking_us(mark.parking_us);
}

void Marks::Thin() {
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

v1::PricingInput PricingInputOf(const v1::StoredSession& stored, const v1::Session& session) {
  std::vector<Mark> marks = Marks::Read(stored);
  Tally tally = stored.tally();
  TallyAdder adder(tally, stored, HasCause(stored, v1::SESSION_FLAG_MISSING_START));
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
