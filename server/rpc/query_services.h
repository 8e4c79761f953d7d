// The query services over gRPC: each call is one of server::Queries. Statuses are translated here.
#pragma once

#include <memory>
#include <vector>

#include "server/log_queries.h"
#include "server/queries.h"

namespace grpc {
class Service;
}

namespace chargeledger::server {

// Site, session, billing, fault and log services; `queries` outlives them.
std::vector<std::unique_ptr<grpc::Service>> MakeQueryServices(const Queries& queries,
                                                              const LogQueries& logs);

}  // namespace chargeledger::server
