#include "server/fact_check.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace chargeledger::server {

absl::Status CheckFact(const projections::Event& event, ControlFacts& facts) {
  if (event.kind != projections::Event::Kind::kOther || event.entry == nullptr) {
    return absl::OkStatus();
  }
  std::string difference;
  if (event.entry->has_known_fact()) {
    difference = facts.Difference(event.entry->known_fact());
  } else if (event.entry->has_control_fact()) {
    // The projections would believe it.
    difference = "a site decides nothing: it is no copy out of the control log";
  }
  if (difference.empty()) return absl::OkStatus();
  v1::DivergenceFound found;
  found.set_log_id(std::string(event.log_id.bytes()));
  found.set_site(std::string(event.site));
  found.set_generation(event.generation.value());
  found.set_first_difference(event.sequence.value());
  found.set_detail(absl::StrCat("the control fact in entry ", event.sequence.value(),
                                " is not the ledger's: ", difference));
  return facts.OnFactDiffers(std::move(found));
}

}  // namespace chargeledger::server
