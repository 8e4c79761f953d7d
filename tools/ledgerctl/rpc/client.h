// The ledger's query services as plain calls. Lists are followed to their end, or to `limit` items
// (0: no limit). Every call has a deadline; errors name the ledger's address where it cannot be
// reached.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/billing.pb.h"
#include "chargeledger/v1/query.pb.h"

namespace chargeledger::ledgerctl {

class Client {
 public:
  // `ledger` is HOST:PORT.
  explicit Client(const std::string& ledger);
  ~Client();

  absl::StatusOr<v1::ListSitesResponse> ListSites();
  absl::StatusOr<v1::ListStationsResponse> ListStations(const v1::ListStationsRequest& request);
  absl::StatusOr<v1::ListConnectorsResponse> ListConnectors(
      const v1::ListConnectorsRequest& request);
  absl::StatusOr<v1::ListSessionsResponse> ListSessions(v1::ListSessionsRequest request,
                                                        uint64_t limit);
  absl::StatusOr<v1::GetSessionResponse> GetSession(const v1::GetSessionRequest& request);
  // Calls `each` until it returns false; without a deadline.
  absl::Status WatchSessions(const v1::WatchSessionsRequest& request,
                             const std::function<bool(const v1::WatchSessionsResponse&)>& each);
  absl::StatusOr<v1::ListCdrsResponse> ListCdrs(v1::ListCdrsRequest request, uint64_t limit);
  absl::StatusOr<v1::GetCdrResponse> GetCdr(const v1::GetCdrRequest& request);
  absl::StatusOr<v1::ExplainCdrResponse> ExplainCdr(const v1::ExplainCdrRequest& request);
  absl::StatusOr<v1::ListHoldsResponse> ListHolds(v1::ListHoldsRequest request, uint64_t limit);
  absl::StatusOr<v1::ListTariffsResponse> ListTariffs(const v1::ListTariffsRequest& request);
  absl::StatusOr<v1::PublishTariffResponse> PublishTariff(const v1::PublishTariffRequest& request);
  absl::StatusOr<v1::RecordFactResponse> RecordFact(const v1::RecordFactRequest& request);
  absl::StatusOr<v1::ListJournalResponse> ListJournal(v1::ListJournalRequest request,
                                                      uint64_t limit);
  absl::StatusOr<v1::GetTrialBalanceResponse> GetTrialBalance(
      const v1::GetTrialBalanceRequest& request);
  absl::Status WhatIf(const v1::WhatIfRequest& request,
                      const std::function<void(const v1::WhatIfResponse&)>& each);
  // The ledger makes all invoices: as long as it takes.
  absl::StatusOr<v1::ClosePeriodResponse> ClosePeriod(const v1::ClosePeriodRequest& request);
  absl::Status ListInvoices(const v1::ListInvoicesRequest& request,
                            const std::function<void(const v1::ListInvoicesResponse&)>& each);
  absl::Status ListOutbox(const v1::ListOutboxRequest& request,
                          const std::function<void(const v1::ListOutboxResponse&)>& each);
  absl::StatusOr<v1::ResendOutboxResponse> ResendOutbox(const v1::ResendOutboxRequest& request);
  absl::StatusOr<v1::ListFaultsResponse> ListFaults(v1::ListFaultsRequest request, uint64_t limit);
  absl::StatusOr<v1::ListTopFaultsResponse> ListTopFaults(const v1::ListTopFaultsRequest& request);
  absl::StatusOr<v1::ListLogsResponse> ListLogs();
  absl::StatusOr<v1::GetLogHeadResponse> GetLogHead(const v1::GetLogHeadRequest& request);
  absl::Status ReadEntries(const v1::ReadEntriesRequest& request,
                           const std::function<void(const v1::ReadEntriesResponse&)>& each);
  absl::StatusOr<v1::GetCheckpointResponse> GetCheckpoint(const v1::GetCheckpointRequest& request);
  absl::StatusOr<v1::GetInclusionProofResponse> GetInclusionProof(
      const v1::GetInclusionProofRequest& request);
  absl::StatusOr<v1::GetConsistencyProofResponse> GetConsistencyProof(
      const v1::GetConsistencyProofRequest& request);
  absl::StatusOr<v1::ListDivergencesResponse> ListDivergences(
      const v1::ListDivergencesRequest& request);
  // The ledger waits for the site's answer.
  absl::StatusOr<v1::CompareLogResponse> CompareLog(const v1::CompareLogRequest& request);
  absl::StatusOr<v1::RestoreLogResponse> RestoreLog(const v1::RestoreLogRequest& request);
  absl::StatusOr<v1::ListKeysResponse> ListKeys(const v1::ListKeysRequest& request);
  absl::Status ScrubLog(const v1::ScrubLogRequest& request,
                        const std::function<void(const v1::ScrubLogResponse&)>& each);

 private:
  struct Stubs;

  absl::Status Explain(const absl::Status& status) const;

  const std::string ledger_;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace chargeledger::ledgerctl
