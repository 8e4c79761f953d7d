#include "projections/known_fact.h"

#include <utility>

#include "core/sha256.h"

namespace chargeledger::projections {

std::optional<Fact> FactIn(const Event& event) {
  if (event.kind != Event::Kind::kOther || event.entry == nullptr) return std::nullopt;
  Fact fact;
  fact.known.set_generation(event.generation.value());
  fact.known.set_sequence(event.sequence.value());
  fact.known_at_us = event.received_at_us;
  if (event.entry->has_control_fact()) {
    fact.fact = event.entry->control_fact();
    fact.digest = std::string(core::Sha256(event.entry->SerializeAsString()).bytes());
    fact.log_id = std::string(event.log_id.bytes());
    fact.said = fact.known;
    return fact;
  }
  if (!event.entry->has_known_fact()) return std::nullopt;
  const v1::KnownFact& known = event.entry->known_fact();
  v1::Entry entry;
  if (!entry.ParseFromString(known.entry()) || !entry.has_control_fact()) return std::nullopt;
  fact.fact = std::move(*entry.mutable_control_fact());
  fact.digest = std::string(core::Sha256(known.entry()).bytes());
  fact.log_id = known.log_id();
  fact.said.set_generation(known.generation());
  fact.said.set_sequence(known.sequence());
  return fact;
}

}  // namespace chargeledger::projections
