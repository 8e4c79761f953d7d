// Answers to queries, out of one snapshot of the projections' states: every answer is consistent in
// itself and names in as_of the entries that it takes into account. Thread-safe; no gRPC here, rpc/
// carries it.
//
// Errors: NOT_FOUND names what was asked for; INVALID_ARGUMENT names the field, its value and what
// would be right.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/query.pb.h"
#include "log/store.h"
#include "server/ledger.h"

namespace chargeledger::server {

class Queries {
 public:
  // Both outlive the queries.
  Queries(const Ledger& ledger, const log::Store& states) : ledger_(ledger), states_(states) {}

  absl::StatusOr<v1::ListSitesResponse> ListSites() const;
  absl::StatusOr<v1::ListStationsResponse> ListStations(
      const v1::ListStationsRequest& request) const;
  absl::StatusOr<v1::ListConnectorsResponse> ListConnectors(
      const v1::ListConnectorsRequest& request) const;
  absl::StatusOr<v1::ListSessionsResponse> ListSessions(
      const v1::ListSessionsRequest& request) const;
  absl::StatusOr<v1::GetSessionResponse> GetSession(const v1::GetSessionRequest& request) const;
  absl::StatusOr<v1::ListCdrsResponse> ListCdrs(const v1::ListCdrsRequest& request) const;
  absl::StatusOr<v1::GetCdrResponse> GetCdr(const v1::GetCdrRequest& request) const;
  absl::StatusOr<v1::ListFaultsResponse> ListFaults(const v1::ListFaultsRequest& request) const;
  absl::StatusOr<v1::ListTopFaultsResponse> ListTopFaults(
      const v1::ListTopFaultsRequest& request) const;
  absl::StatusOr<v1::ListDivergencesResponse> ListDivergences(
      const v1::ListDivergencesRequest& request) const;
  absl::StatusOr<v1::ListLogsResponse> ListLogs() const;
  absl::StatusOr<v1::GetLogHeadResponse> GetLogHead(const v1::GetLogHeadRequest& request) const;

 private:
  absl::StatusOr<v1::LogInfo> Describe(const HeldLog& held, const log::Reader& states) const;

  const Ledger& ledger_;
  const log::Store& states_;
};

}  // namespace chargeledger::server
