// Answers to queries, out of one snapshot of the projections' states: every answer is consistent in
// itself and names in as_of the entries that it takes into account. Thread-safe; no gRPC here, rpc/
// carries it.
//
// Errors: NOT_FOUND names what was asked for; INVALID_ARGUMENT names the field, its value and what
// would be right.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/query.pb.h"
#include "log/store.h"
#include "server/history.h"
#include "server/ledger.h"
#include "server/session_feed.h"

namespace chargeledger::server {

class Queries {
 public:
  // All outlive the queries. Without a history nothing is answered as of an earlier position,
  // without a feed nothing can be watched.
  Queries(const Ledger& ledger, const log::Store& states, History* history = nullptr,
          SessionFeed* feed = nullptr)
      : ledger_(ledger), states_(states), history_(history), feed_(feed) {}

  absl::StatusOr<v1::ListSitesResponse> ListSites() const;
  absl::StatusOr<v1::ListStationsResponse> ListStations(
      const v1::ListStationsRequest& request) const;
  absl::StatusOr<v1::ListConnectorsResponse> ListConnectors(
      const v1::ListConnectorsRequest& request) const;
  absl::StatusOr<v1::ListSessionsResponse> ListSessions(
      const v1::ListSessionsRequest& request) const;
  absl::StatusOr<v1::GetSessionResponse> GetSession(const v1::GetSessionRequest& request) const;
  // Calls `each` until it returns false, or `gone` returns true, which is asked twice a second.
  absl::Status WatchSessions(const v1::WatchSessionsRequest& request,
                             const std::function<bool(const v1::WatchSessionsResponse&)>& each,
                             const std::function<bool()>& gone) const;
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
  History* const history_;
  SessionFeed* const feed_;
};

}  // namespace chargeledger::server
