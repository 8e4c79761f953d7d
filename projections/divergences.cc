#include "projections/divergences.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace chargeledger::projections {
namespace {

std::string Key(absl::string_view id) {
  return absl::StrCat(absl::string_view(&kDivergenceKind, 1), id);
}

}  // namespace

void Divergences::Apply(const Event& event, State& state) {
  if (event.kind != Event::Kind::kOther) return;
  v1::Divergence divergence;
  if (event.entry->has_divergence_found()) {
    const v1::DivergenceFound& found = event.entry->divergence_found();
    GetMessage(state, Key(found.id()), divergence);
    divergence.set_id(found.id());
    divergence.set_times(divergence.times() + 1);
    *divergence.mutable_found() = found;
    divergence.set_recorded_in(event.log_id.ToHex());
    divergence.set_found_generation(event.generation.value());
    divergence.set_found_sequence(event.sequence.value());
    divergence.set_found_at_us(event.received_at_us);
    // Found again, it is open again.
    divergence.clear_resolved();
    divergence.clear_resolved_generation();
    divergence.clear_resolved_sequence();
    divergence.clear_resolved_at_us();
    PutMessage(state, Key(found.id()), divergence);
  } else if (event.entry->has_divergence_resolved()) {
    const v1::DivergenceResolved& resolved = event.entry->divergence_resolved();
    if (!GetMessage(state, Key(resolved.id()), divergence)) return;
    *divergence.mutable_resolved() = resolved;
    divergence.set_resolved_generation(event.generation.value());
    divergence.set_resolved_sequence(event.sequence.value());
    divergence.set_resolved_at_us(event.received_at_us);
    PutMessage(state, Key(resolved.id()), divergence);
  }
}

}  // namespace chargeledger::projections
