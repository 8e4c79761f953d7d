// The query services over gRPC: each call is one of server::Queries. Statuses are translated here.
#pragma once

#include <memory>
#include <vector>

#include "server/billing_queries.h"
#include "server/invoicing.h"
#include "server/log_queries.h"
#include "server/ocpi/sender.h"
#include "server/queries.h"

namespace grpc {
class Service;
}

namespace chargeledger::server {

// Site, session, billing, fault and log services; all arguments outlive them. Null: no
// billing.
std::vector<std::unique_ptr<grpc::Service>> MakeQueryServices(const Queries& queries,
                                                              const LogQueries& logs,
                                                              BillingQueries* billing,
                                                              Invoicing* invoicing,
                                                              OcpiSender* ocpi);

}  // namespace chargeledger::server
