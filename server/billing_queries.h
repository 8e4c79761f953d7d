// Answers about tariffs, bills and the journal, and what is recorded of them in the control log.
// Like queries.h; thread-safe; no gRPC here.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/billing.pb.h"
#include "log/store.h"
#include "server/control_facts.h"
#include "server/history.h"
#include "server/ledger.h"
#include "server/ocpi/objects.h"

namespace chargeledger::server {

class View;

class BillingQueries {
 public:
  // All outlive the queries. Without a history nothing is answered as of an earlier position.
  BillingQueries(const Ledger& ledger, const log::Store& states, History* history,
                 ControlFacts& facts, const OcpiObjects& objects)
      : ledger_(ledger), states_(states), history_(history), facts_(facts), objects_(objects) {}

  absl::StatusOr<v1::ListCdrsResponse> ListCdrs(const v1::ListCdrsRequest& request) const;
  absl::StatusOr<v1::GetCdrResponse> GetCdr(const v1::GetCdrRequest& request) const;
  absl::StatusOr<v1::ExplainCdrResponse> ExplainCdr(const v1::ExplainCdrRequest& request) const;
  absl::StatusOr<v1::ListHoldsResponse> ListHolds(const v1::ListHoldsRequest& request) const;
  absl::StatusOr<v1::ListJournalResponse> ListJournal(const v1::ListJournalRequest& request) const;
  absl::StatusOr<v1::GetTrialBalanceResponse> GetTrialBalance(
      const v1::GetTrialBalanceRequest& request) const;
  // Calls `each` until it returns false.
  absl::Status WhatIf(const v1::WhatIfRequest& request,
                      const std::function<bool(const v1::WhatIfResponse&)>& each) const;

  v1::ListTariffsResponse ListTariffs(const v1::ListTariffsRequest& request) const;
  absl::StatusOr<v1::PublishTariffResponse> PublishTariff(const v1::PublishTariffRequest& request);
  absl::StatusOr<v1::RecordFactResponse> RecordFact(v1::RecordFactRequest request);

 private:
  // Whether any log has facts that differ from the control log's, and whether a CDR waits for them.
  bool HasHeldFacts(const View& view) const;
  bool IsHeld(const View& view, const v1::Cdr& cdr) const;
  // Accepts what there is of a log up to now.
  absl::Status Complete(v1::KnownFactsAccepted& accepted) const;
  absl::Status CheckReview(const v1::SessionReviewed& review) const;

  const Ledger& ledger_;
  const log::Store& states_;
  History* const history_;
  ControlFacts& facts_;
  const OcpiObjects& objects_;
};

}  // namespace chargeledger::server
