// What becomes of sessions that last across a step of the site's clock.
#include <algorithm>
#include <string>

#include "projections/sessions/book.h"

namespace chargeledger::projections {

void SessionBook::OnClockStep(const Event& event, State& state) {
  auto& steps = state.FindOrCreate<v1::StoredSteps>(kStepsKey);
  steps.set_sum_us(std::clamp(steps.sum_us() + event.clock_step_us, -kMostStepUs, kMostStepUs));
  steps.set_count(steps.count() + 1);
  steps.set_generation(event.generation.value());
  steps.set_sequence(event.sequence.value());
  if (auto* silence = state.Find<v1::StoredSession::Clock>(kSilenceKey)) {
    silence->set_told_us(AfterStep(silence->told_us(), event.clock_step_us));
  }
}

// What was received before the steps, as the clock behind them would have had it. Which of the
// clocks was right is not known: what lasted across them is for a person.
void SessionBook::CatchUp(const v1::StoredSteps& steps) {
  v1::StoredChargePoint& memory = *charge_point_;
  const int64_t step = steps.sum_us() - memory.steps_us();
  memory.set_steps_us(steps.sum_us());
  memory.set_step_count(steps.count());
  // The charge point may follow this clock, or not: its live messages tell.
  memory.clear_skew_us();
  memory.clear_last_status();
  for (auto* tags : {memory.mutable_authorized(), memory.mutable_remote_starts(),
                     memory.mutable_reservations()}) {
    for (v1::StoredChargePoint::Tag& tag : *tags) tag.set_at_us(AfterStep(tag.at_us(), step));
  }
  for (auto& loose : *memory.mutable_loose()) {
    loose.set_received_us(AfterStep(loose.received_us(), step));
  }
  for (const std::string& key : memory.kept()) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr || record.session->end() == v1::SESSION_END_STOP) {
      continue;
    }
    v1::StoredSession& stored = *record.stored;
    AddCause(v1::SESSION_FLAG_CLOCK_STEPPED, steps.generation(), steps.sequence(), stored);
    const auto shift = [step](v1::StoredSession::Clock* clock) {
      clock->set_received_us(AfterStep(clock->received_us(), step));
    };
    if (stored.has_start()) shift(stored.mutable_start());
    if (stored.has_first()) shift(stored.mutable_first());
    if (stored.has_last()) shift(stored.mutable_last());
    if (stored.has_start_skew_us()) {
      stored.set_start_skew_us(AfterStep(stored.start_skew_us(), -step));
    }
    stored.set_heard_at_us(AfterStep(stored.heard_at_us(), step));
    if (stored.inferred_at_us() != 0) {
      stored.set_inferred_at_us(AfterStep(stored.inferred_at_us(), step));
    }
    touched_.push_back(key);
  }
}

}  // namespace chargeledger::projections
