// Invoices of closed periods: per contract or partner and currency, with numbers without a gap in
// each series.
//
// Closing a period records where each log stood. Its invoices are all CDRs and credits that were
// made before there, whose session ended before the period's end, and that no earlier closing had:
// what comes late goes to the next one. What rests on control facts that differ (ControlFacts)
// waits, too.
//
// An invoice is an artefact: made once, its bytes stored, their Merkle root in the control log. It
// is never made differently, whatever becomes of master data or of this code. A closing that was
// made in error is reopened; its invoices stay, and corrections are credits on later ones.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/billing.pb.h"
#include "core/clock.h"
#include "log/store.h"
#include "server/control_facts.h"
#include "server/ledger.h"

namespace chargeledger::server {

class Invoicing {
 public:
  // All outlive this.
  Invoicing(const Ledger& ledger, const log::Store& states, log::Store& artefacts,
            ControlFacts& facts, core::Clock& clock)
      : ledger_(ledger), states_(states), artefacts_(artefacts), facts_(facts), clock_(clock) {}

  // FAILED_PRECONDITION if the period is closed, is not the one behind the last that is, has not
  // begun, or is not over yet and that is not what is asked for. Invoices and closing are durable
  // when it returns OK.
  absl::StatusOr<v1::ClosePeriodResponse> Close(const v1::ClosePeriodRequest& request);
  // In the order of their numbers; `each` returns false to stop. DATA_LOSS if what is stored is not
  // what was issued; of a closing before artefacts were stored, if they cannot be made again.
  absl::Status List(const v1::ListInvoicesRequest& request,
                    const std::function<bool(const v1::ListInvoicesResponse&)>& each) const;

 private:
  absl::StatusOr<std::vector<v1::Invoice>> Make(const v1::PeriodClosed& closed,
                                                const std::vector<v1::PeriodClosed>& before) const;
  // What of an invoice follows from master data, as it is now.
  class MasterData;
  // The stored bytes of a closing's invoices, checked against the recorded root.
  absl::StatusOr<std::vector<std::string>> Stored(const v1::PeriodClosed& closed) const;
  absl::Status ListClosing(const std::vector<v1::PeriodClosed>& periods, size_t index,
                           const v1::ListInvoicesRequest& request,
                           const std::function<bool(const v1::ListInvoicesResponse&)>& each,
                           bool& found, bool& stopped) const;

  const Ledger& ledger_;
  const log::Store& states_;
  log::Store& artefacts_;
  ControlFacts& facts_;
  core::Clock& clock_;
  // Periods are closed one after the other.
  absl::Mutex closing_;
};

}  // namespace chargeledger::server
