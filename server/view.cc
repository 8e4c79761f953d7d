#include "server/view.h"

namespace chargeledger::server {

absl::StatusOr<View> View::Take(const Ledger& ledger, const log::Store& states,
                                const std::string& site) {
  View view;
  for (HeldLog* held : ledger.logs()) {
    if (site.empty() || held->site() == site) view.logs_.push_back(held);
  }
  if (view.logs_.empty() && !site.empty()) {
    return absl::NotFoundError(absl::StrCat("no site is called \"", absl::CHexEscape(site), "\""));
  }
  view.states_ = states.Snapshot();
  return view;
}

}  // namespace chargeledger::server
