// Invoices of closed periods: per contract or partner and currency, with numbers without a gap in
// each series.
//
// Closing a period records where each log stood. Its invoices are all CDRs and credits that were
// made before there, whose session ended before the period's end, and that no earlier closing of
// the series had: what comes late goes to the next one, and the same invoices come out whenever
// they are asked for. That they do is checked against the hash that was recorded.
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
  Invoicing(const Ledger& ledger, const log::Store& states, ControlFacts& facts, core::Clock& clock)
      : ledger_(ledger), states_(states), facts_(facts), clock_(clock) {}

  // FAILED_PRECONDITION if the period is closed, or a later one is, or is not over yet and that is
  // not what is asked for.
  absl::StatusOr<v1::ClosePeriodResponse> Close(const v1::ClosePeriodRequest& request);
  // In the order of their numbers; `each` returns false to stop. DATA_LOSS if they are not those
  // that were made.
  absl::Status List(const v1::ListInvoicesRequest& request,
                    const std::function<bool(const v1::ListInvoicesResponse&)>& each) const;

 private:
  absl::StatusOr<std::vector<v1::Invoice>> Make(const v1::PeriodClosed& closed,
                                                const std::vector<v1::PeriodClosed>& before) const;

  const Ledger& ledger_;
  const log::Store& states_;
  ControlFacts& facts_;
  core::Clock& clock_;
  // Periods are closed one after the other.
  absl::Mutex closing_;
};

}  // namespace chargeledger::server
