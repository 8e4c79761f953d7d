#include "tools/ledgerctl/rpc/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/billing.grpc.pb.h"
#include "chargeledger/v1/query.grpc.pb.h"

namespace chargeledger::ledgerctl {
namespace {

constexpr int64_t kDeadlineMs = 30'000;
constexpr uint32_t kPageSize = 1000;

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(kDeadlineMs, GPR_TIMESPAN)));
}

absl::Status Translate(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

struct Client::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : sites(channel), sessions(channel), billing(channel), faults(channel), logs(channel) {}

  v1::SiteService::Stub sites;
  v1::SessionService::Stub sessions;
  v1::BillingService::Stub billing;
  v1::FaultService::Stub faults;
  v1::LogService::Stub logs;
};

namespace {

template <typename Stub, typename Request, typename Response>
using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);

template <typename Stub, typename Request, typename Response>
absl::Status Call(Stub& stub, Method<Stub, Request, Response> method, const Request& request,
                  Response& response) {
  grpc::ClientContext context;
  SetDeadline(context);
  return Translate((stub.*method)(&context, request, &response));
}

// All pages as one response; MergeFrom appends the lists, and as_of stays the last page's.
template <typename Stub, typename Request, typename Response, typename Count>
absl::Status CallPaged(Stub& stub, Method<Stub, Request, Response> method, Request request,
                       uint64_t limit, Response& all, Count count) {
  do {
    const uint64_t missing = limit == 0 ? kPageSize : limit - count(all);
    request.set_page_size(static_cast<uint32_t>(std::min<uint64_t>(missing, kPageSize)));
    Response page;
    absl::Status status = Call(stub, method, request, page);
    if (!status.ok()) return status;
    request.set_page_token(page.next_page_token());
    all.clear_as_of();
    all.MergeFrom(page);
    all.clear_next_page_token();
  } while (!request.page_token().empty() && (limit == 0 || count(all) < limit));
  return absl::OkStatus();
}

}  // namespace

Client::Client(const std::string& ledger) : ledger_(ledger) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  stubs_ = std::make_unique<Stubs>(
      grpc::CreateCustomChannel(ledger, grpc::InsecureChannelCredentials(), arguments));
}

Client::~Client() = default;

absl::Status Client::Explain(const absl::Status& status) const {
  if (status.code() != absl::StatusCode::kUnavailable &&
      status.code() != absl::StatusCode::kDeadlineExceeded) {
    return status;
  }
  return absl::Status(
      status.code(), absl::StrCat("the ledger at ", ledger_, " does not answer: ", status.message(),
                                  "; --ledger HOST:PORT names another"));
}

#define CL_ANSWER(expression)               \
  absl::Status status = (expression);       \
  if (!status.ok()) return Explain(status); \
  return response

absl::StatusOr<v1::ListSitesResponse> Client::ListSites() {
  v1::ListSitesResponse response;
  CL_ANSWER(
      Call(stubs_->sites, &v1::SiteService::Stub::ListSites, v1::ListSitesRequest(), response));
}

absl::StatusOr<v1::ListStationsResponse> Client::ListStations(
    const v1::ListStationsRequest& request) {
  v1::ListStationsResponse response;
  CL_ANSWER(Call(stubs_->sites, &v1::SiteService::Stub::ListStations, request, response));
}

absl::StatusOr<v1::ListConnectorsResponse> Client::ListConnectors(
    const v1::ListConnectorsRequest& request) {
  v1::ListConnectorsResponse response;
  CL_ANSWER(Call(stubs_->sites, &v1::SiteService::Stub::ListConnectors, request, response));
}

absl::StatusOr<v1::ListSessionsResponse> Client::ListSessions(v1::ListSessionsRequest request,
                                                              uint64_t limit) {
  v1::ListSessionsResponse response;
  CL_ANSWER(CallPaged(stubs_->sessions, &v1::SessionService::Stub::ListSessions, request, limit,
                      response, [](const auto& all) { return uint64_t(all.sessions_size()); }));
}

absl::Status Client::WatchSessions(
    const v1::WatchSessionsRequest& request,
    const std::function<bool(const v1::WatchSessionsResponse&)>& each) {
  grpc::ClientContext context;
  auto reader = stubs_->sessions.WatchSessions(&context, request);
  v1::WatchSessionsResponse response;
  bool ended = false;
  while (!ended && reader->Read(&response)) ended = !each(response);
  if (ended) context.TryCancel();
  const absl::Status status = Translate(reader->Finish());
  return ended ? absl::OkStatus() : Explain(status);
}

absl::StatusOr<v1::GetSessionResponse> Client::GetSession(const v1::GetSessionRequest& request) {
  v1::GetSessionResponse response;
  CL_ANSWER(Call(stubs_->sessions, &v1::SessionService::Stub::GetSession, request, response));
}

absl::StatusOr<v1::ListCdrsResponse> Client::ListCdrs(v1::ListCdrsRequest request, uint64_t limit) {
  v1::ListCdrsResponse response;
  CL_ANSWER(CallPaged(stubs_->billing, &v1::BillingService::Stub::ListCdrs, request, limit,
                      response, [](const auto& all) { return uint64_t(all.cdrs_size()); }));
}

absl::StatusOr<v1::GetCdrResponse> Client::GetCdr(const v1::GetCdrRequest& request) {
  v1::GetCdrResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::GetCdr, request, response));
}

absl::StatusOr<v1::ExplainCdrResponse> Client::ExplainCdr(const v1::ExplainCdrRequest& request) {
  v1::ExplainCdrResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::ExplainCdr, request, response));
}

absl::StatusOr<v1::ListHoldsResponse> Client::ListHolds(v1::ListHoldsRequest request,
                                                        uint64_t limit) {
  v1::ListHoldsResponse response;
  CL_ANSWER(CallPaged(stubs_->billing, &v1::BillingService::Stub::ListHolds, request, limit,
                      response, [](const auto& all) { return uint64_t(all.holds_size()); }));
}

absl::StatusOr<v1::ListTariffsResponse> Client::ListTariffs(const v1::ListTariffsRequest& request) {
  v1::ListTariffsResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::ListTariffs, request, response));
}

absl::StatusOr<v1::PublishTariffResponse> Client::PublishTariff(
    const v1::PublishTariffRequest& request) {
  v1::PublishTariffResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::PublishTariff, request, response));
}

absl::StatusOr<v1::RecordFactResponse> Client::RecordFact(const v1::RecordFactRequest& request) {
  v1::RecordFactResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::RecordFact, request, response));
}

absl::StatusOr<v1::ListJournalResponse> Client::ListJournal(v1::ListJournalRequest request,
                                                            uint64_t limit) {
  v1::ListJournalResponse response;
  CL_ANSWER(CallPaged(stubs_->billing, &v1::BillingService::Stub::ListJournal, request, limit,
                      response, [](const auto& all) { return uint64_t(all.entries_size()); }));
}

absl::StatusOr<v1::GetTrialBalanceResponse> Client::GetTrialBalance(
    const v1::GetTrialBalanceRequest& request) {
  v1::GetTrialBalanceResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::GetTrialBalance, request, response));
}

absl::StatusOr<v1::ListFaultsResponse> Client::ListFaults(v1::ListFaultsRequest request,
                                                          uint64_t limit) {
  v1::ListFaultsResponse response;
  CL_ANSWER(CallPaged(stubs_->faults, &v1::FaultService::Stub::ListFaults, request, limit, response,
                      [](const auto& all) { return uint64_t(all.faults_size()); }));
}

absl::StatusOr<v1::ListTopFaultsResponse> Client::ListTopFaults(
    const v1::ListTopFaultsRequest& request) {
  v1::ListTopFaultsResponse response;
  CL_ANSWER(Call(stubs_->faults, &v1::FaultService::Stub::ListTopFaults, request, response));
}

absl::StatusOr<v1::ListLogsResponse> Client::ListLogs() {
  v1::ListLogsResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::ListLogs, v1::ListLogsRequest(), response));
}

absl::StatusOr<v1::GetLogHeadResponse> Client::GetLogHead(const v1::GetLogHeadRequest& request) {
  v1::GetLogHeadResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::GetLogHead, request, response));
}

absl::StatusOr<v1::GetCheckpointResponse> Client::GetCheckpoint(
    const v1::GetCheckpointRequest& request) {
  v1::GetCheckpointResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::GetCheckpoint, request, response));
}

absl::StatusOr<v1::GetInclusionProofResponse> Client::GetInclusionProof(
    const v1::GetInclusionProofRequest& request) {
  v1::GetInclusionProofResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::GetInclusionProof, request, response));
}

absl::StatusOr<v1::GetConsistencyProofResponse> Client::GetConsistencyProof(
    const v1::GetConsistencyProofRequest& request) {
  v1::GetConsistencyProofResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::GetConsistencyProof, request, response));
}

absl::StatusOr<v1::ListDivergencesResponse> Client::ListDivergences(
    const v1::ListDivergencesRequest& request) {
  v1::ListDivergencesResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::ListDivergences, request, response));
}

absl::StatusOr<v1::CompareLogResponse> Client::CompareLog(const v1::CompareLogRequest& request) {
  v1::CompareLogResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::CompareLog, request, response));
}

absl::StatusOr<v1::RestoreLogResponse> Client::RestoreLog(const v1::RestoreLogRequest& request) {
  v1::RestoreLogResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::RestoreLog, request, response));
}

absl::StatusOr<v1::ListKeysResponse> Client::ListKeys(const v1::ListKeysRequest& request) {
  v1::ListKeysResponse response;
  CL_ANSWER(Call(stubs_->logs, &v1::LogService::Stub::ListKeys, request, response));
}

absl::StatusOr<v1::ResendOutboxResponse> Client::ResendOutbox(
    const v1::ResendOutboxRequest& request) {
  v1::ResendOutboxResponse response;
  CL_ANSWER(Call(stubs_->billing, &v1::BillingService::Stub::ResendOutbox, request, response));
}

#undef CL_ANSWER

absl::Status Client::ListOutbox(const v1::ListOutboxRequest& request,
                                const std::function<void(const v1::ListOutboxResponse&)>& each) {
  grpc::ClientContext context;
  auto reader = stubs_->billing.ListOutbox(&context, request);
  v1::ListOutboxResponse response;
  while (reader->Read(&response)) each(response);
  return Explain(Translate(reader->Finish()));
}

absl::StatusOr<v1::ClosePeriodResponse> Client::ClosePeriod(const v1::ClosePeriodRequest& request) {
  grpc::ClientContext context;
  v1::ClosePeriodResponse response;
  const absl::Status status = Translate(stubs_->billing.ClosePeriod(&context, request, &response));
  if (!status.ok()) return Explain(status);
  return response;
}

absl::Status Client::WhatIf(const v1::WhatIfRequest& request,
                            const std::function<void(const v1::WhatIfResponse&)>& each) {
  grpc::ClientContext context;
  auto reader = stubs_->billing.WhatIf(&context, request);
  v1::WhatIfResponse response;
  while (reader->Read(&response)) each(response);
  return Explain(Translate(reader->Finish()));
}

absl::Status Client::ListInvoices(
    const v1::ListInvoicesRequest& request,
    const std::function<void(const v1::ListInvoicesResponse&)>& each) {
  grpc::ClientContext context;
  auto reader = stubs_->billing.ListInvoices(&context, request);
  v1::ListInvoicesResponse response;
  while (reader->Read(&response)) each(response);
  return Explain(Translate(reader->Finish()));
}

absl::Status Client::ScrubLog(const v1::ScrubLogRequest& request,
                              const std::function<void(const v1::ScrubLogResponse&)>& each) {
  // As long as it takes; progress comes meanwhile.
  grpc::ClientContext context;
  auto reader = stubs_->logs.ScrubLog(&context, request);
  v1::ScrubLogResponse response;
  while (reader->Read(&response)) each(response);
  return Explain(Translate(reader->Finish()));
}

absl::Status Client::ReadEntries(const v1::ReadEntriesRequest& request,
                                 const std::function<void(const v1::ReadEntriesResponse&)>& each) {
  // A whole log may take longer than any fixed time: the deadline is the transport's.
  grpc::ClientContext context;
  auto reader = stubs_->logs.ReadEntries(&context, request);
  v1::ReadEntriesResponse response;
  while (reader->Read(&response)) each(response);
  return Explain(Translate(reader->Finish()));
}

}  // namespace chargeledger::ledgerctl
