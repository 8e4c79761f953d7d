#include "server/view.h"

namespace chargeledger::server {

absl::StatusOr<View> View::Take(const Ledger& ledger, const log::Store& states,
                                const std::string& site, History* history, const v1::AsOf& as_of) {
  View view;
  for (HeldLog* held : ledger.logs()) {
    if (site.empty() || held->site() == site) view.logs_.push_back(held);
  }
  if (view.logs_.empty() && !site.empty()) {
    return absl::NotFoundError(absl::StrCat("no site is called \"", absl::CHexEscape(site), "\""));
  }
  if (as_of.positions().empty() && as_of.time_us() == 0) {
    view.states_ = states.Snapshot();
    return view;
  }
  if (history == nullptr) return absl::UnimplementedError("as_of is not answered here");
  CL_ASSIGN_OR_RETURN(History::Past past, history->At(as_of, view.logs_));
  view.states_ = std::move(past.states);
  view.logs_ = std::move(past.logs);
  return view;
}

}  // namespace chargeledger::server
