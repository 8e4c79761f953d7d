#include "server/rpc/query_services.h"

#include <grpcpp/grpcpp.h>

#include <string>
#include <utility>

#include "chargeledger/v1/billing.grpc.pb.h"
#include "chargeledger/v1/query.grpc.pb.h"

namespace chargeledger::server {
namespace {

using grpc::ServerContext;

grpc::Status Translate(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

template <typename Response>
grpc::Status Answer(absl::StatusOr<Response> result, Response* response) {
  if (result.ok()) *response = *std::move(result);
  return Translate(result.status());
}

class Sites final : public v1::SiteService::Service {
 public:
  explicit Sites(const Queries& queries) : queries_(queries) {}

  grpc::Status ListSites(ServerContext*, const v1::ListSitesRequest*,
                         v1::ListSitesResponse* response) override {
    return Answer(queries_.ListSites(), response);
  }
  grpc::Status ListStations(ServerContext*, const v1::ListStationsRequest* request,
                            v1::ListStationsResponse* response) override {
    return Answer(queries_.ListStations(*request), response);
  }
  grpc::Status ListConnectors(ServerContext*, const v1::ListConnectorsRequest* request,
                              v1::ListConnectorsResponse* response) override {
    return Answer(queries_.ListConnectors(*request), response);
  }

 private:
  const Queries& queries_;
};

class Sessions final : public v1::SessionService::Service {
 public:
  explicit Sessions(const Queries& queries) : queries_(queries) {}

  grpc::Status ListSessions(ServerContext*, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse* response) override {
    return Answer(queries_.ListSessions(*request), response);
  }
  grpc::Status GetSession(ServerContext*, const v1::GetSessionRequest* request,
                          v1::GetSessionResponse* response) override {
    return Answer(queries_.GetSession(*request), response);
  }
  grpc::Status WatchSessions(ServerContext* context, const v1::WatchSessionsRequest* request,
                             grpc::ServerWriter<v1::WatchSessionsResponse>* writer) override {
    return Translate(queries_.WatchSessions(
        *request,
        [&](const v1::WatchSessionsResponse& response) { return writer->Write(response); },
        [&] { return context->IsCancelled(); }));
  }

 private:
  const Queries& queries_;
};

class Billing final : public v1::BillingService::Service {
 public:
  Billing(BillingQueries& billing, Invoicing& invoicing, OcpiSender* ocpi)
      : billing_(billing), invoicing_(invoicing), ocpi_(ocpi) {}

  grpc::Status ListCdrs(ServerContext*, const v1::ListCdrsRequest* request,
                        v1::ListCdrsResponse* response) override {
    return Answer(billing_.ListCdrs(*request), response);
  }
  grpc::Status GetCdr(ServerContext*, const v1::GetCdrRequest* request,
                      v1::GetCdrResponse* response) override {
    return Answer(billing_.GetCdr(*request), response);
  }
  grpc::Status ExplainCdr(ServerContext*, const v1::ExplainCdrRequest* request,
                          v1::ExplainCdrResponse* response) override {
    return Answer(billing_.ExplainCdr(*request), response);
  }
  grpc::Status ListHolds(ServerContext*, const v1::ListHoldsRequest* request,
                         v1::ListHoldsResponse* response) override {
    return Answer(billing_.ListHolds(*request), response);
  }
  grpc::Status ListTariffs(ServerContext*, const v1::ListTariffsRequest* request,
                           v1::ListTariffsResponse* response) override {
    *response = billing_.ListTariffs(*request);
    return grpc::Status::OK;
  }
  grpc::Status PublishTariff(ServerContext*, const v1::PublishTariffRequest* request,
                             v1::PublishTariffResponse* response) override {
    return Answer(billing_.PublishTariff(*request), response);
  }
  grpc::Status RecordFact(ServerContext*, const v1::RecordFactRequest* request,
                          v1::RecordFactResponse* response) override {
    return Answer(billing_.RecordFact(*request), response);
  }
  grpc::Status ListJournal(ServerContext*, const v1::ListJournalRequest* request,
                           v1::ListJournalResponse* response) override {
    return Answer(billing_.ListJournal(*request), response);
  }
  grpc::Status GetTrialBalance(ServerContext*, const v1::GetTrialBalanceRequest* request,
                               v1::GetTrialBalanceResponse* response) override {
    return Answer(billing_.GetTrialBalance(*request), response);
  }
  grpc::Status WhatIf(ServerContext*, const v1::WhatIfRequest* request,
                      grpc::ServerWriter<v1::WhatIfResponse>* writer) override {
    return Translate(billing_.WhatIf(
        *request, [&](const v1::WhatIfResponse& response) { return writer->Write(response); }));
  }
  grpc::Status ClosePeriod(ServerContext*, const v1::ClosePeriodRequest* request,
                           v1::ClosePeriodResponse* response) override {
    return Answer(invoicing_.Close(*request), response);
  }
  grpc::Status ListOutbox(ServerContext*, const v1::ListOutboxRequest* request,
                          grpc::ServerWriter<v1::ListOutboxResponse>* writer) override {
    if (ocpi_ == nullptr) return NoPartners();
    auto items = ocpi_->List(request->partner(), request->state());
    if (!items.ok()) return Translate(items.status());
    for (v1::OutboxItem& item : *items) {
      v1::ListOutboxResponse response;
      response.set_circuit_open_until_us(ocpi_->CircuitOpenUntilUs(item.partner()));
      *response.mutable_item() = std::move(item);
      if (!writer->Write(response)) break;
    }
    return grpc::Status::OK;
  }
  grpc::Status ResendOutbox(ServerContext*, const v1::ResendOutboxRequest* request,
                            v1::ResendOutboxResponse*) override {
    if (ocpi_ == nullptr) return NoPartners();
    return Translate(ocpi_->Resend(request->partner(), request->id()));
  }
  grpc::Status ListInvoices(ServerContext*, const v1::ListInvoicesRequest* request,
                            grpc::ServerWriter<v1::ListInvoicesResponse>* writer) override {
    return Translate(invoicing_.List(*request, [&](const v1::ListInvoicesResponse& response) {
      return writer->Write(response);
    }));
  }

 private:
  static grpc::Status NoPartners() {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                        "there are no OCPI partners; --ocpi-partners names them");
  }

  BillingQueries& billing_;
  Invoicing& invoicing_;
  OcpiSender* const ocpi_;
};

class Faults final : public v1::FaultService::Service {
 public:
  explicit Faults(const Queries& queries) : queries_(queries) {}

  grpc::Status ListFaults(ServerContext*, const v1::ListFaultsRequest* request,
                          v1::ListFaultsResponse* response) override {
    return Answer(queries_.ListFaults(*request), response);
  }
  grpc::Status ListTopFaults(ServerContext*, const v1::ListTopFaultsRequest* request,
                             v1::ListTopFaultsResponse* response) override {
    return Answer(queries_.ListTopFaults(*request), response);
  }

 private:
  const Queries& queries_;
};

class Logs final : public v1::LogService::Service {
 public:
  Logs(const Queries& queries, const LogQueries& logs) : queries_(queries), logs_(logs) {}

  grpc::Status ListLogs(ServerContext*, const v1::ListLogsRequest*,
                        v1::ListLogsResponse* response) override {
    return Answer(queries_.ListLogs(), response);
  }
  grpc::Status GetLogHead(ServerContext*, const v1::GetLogHeadRequest* request,
                          v1::GetLogHeadResponse* response) override {
    return Answer(queries_.GetLogHead(*request), response);
  }
  grpc::Status GetCheckpoint(ServerContext*, const v1::GetCheckpointRequest* request,
                             v1::GetCheckpointResponse* response) override {
    return Answer(logs_.GetCheckpoint(*request), response);
  }
  grpc::Status GetInclusionProof(ServerContext*, const v1::GetInclusionProofRequest* request,
                                 v1::GetInclusionProofResponse* response) override {
    return Answer(logs_.GetInclusionProof(*request), response);
  }
  grpc::Status GetConsistencyProof(ServerContext*, const v1::GetConsistencyProofRequest* request,
                                   v1::GetConsistencyProofResponse* response) override {
    return Answer(logs_.GetConsistencyProof(*request), response);
  }
  grpc::Status ListDivergences(ServerContext*, const v1::ListDivergencesRequest* request,
                               v1::ListDivergencesResponse* response) override {
    return Answer(queries_.ListDivergences(*request), response);
  }
  grpc::Status CompareLog(ServerContext*, const v1::CompareLogRequest* request,
                          v1::CompareLogResponse* response) override {
    return Answer(logs_.CompareLog(*request), response);
  }
  grpc::Status RestoreLog(ServerContext*, const v1::RestoreLogRequest* request,
                          v1::RestoreLogResponse* response) override {
    return Answer(logs_.RestoreLog(*request), response);
  }
  grpc::Status ListKeys(ServerContext*, const v1::ListKeysRequest* request,
                        v1::ListKeysResponse* response) override {
    return Answer(logs_.ListKeys(*request), response);
  }
  grpc::Status ScrubLog(ServerContext*, const v1::ScrubLogRequest* request,
                        grpc::ServerWriter<v1::ScrubLogResponse>* writer) override {
    return Translate(logs_.ScrubLog(
        *request, [&](const v1::ScrubLogResponse& response) { return writer->Write(response); }));
  }
  grpc::Status ReadEntries(ServerContext*, const v1::ReadEntriesRequest* request,
                           grpc::ServerWriter<v1::ReadEntriesResponse>* writer) override {
    return Translate(logs_.ReadEntries(*request, [&](const v1::ReadEntriesResponse& response) {
      return writer->Write(response);
    }));
  }

 private:
  const Queries& queries_;
  const LogQueries& logs_;
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeQueryServices(const Queries& queries,
                                                              const LogQueries& logs,
                                                              BillingQueries* billing,
                                                              Invoicing* invoicing,
                                                              OcpiSender* ocpi) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  services.push_back(std::make_unique<Sites>(queries));
  services.push_back(std::make_unique<Sessions>(queries));
  if (billing != nullptr && invoicing != nullptr) {
    services.push_back(std::make_unique<Billing>(*billing, *invoicing, ocpi));
  }
  services.push_back(std::make_unique<Faults>(queries));
  services.push_back(std::make_unique<Logs>(queries, logs));
  return services;
}

}  // namespace chargeledger::server
