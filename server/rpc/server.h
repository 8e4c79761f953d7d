// The gRPC server: replication, queries, health (grpc.health.v1) and reflection on one port.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/process/address.h"
#include "server/ledger.h"
#include "server/log_queries.h"
#include "server/queries.h"

namespace chargeledger::server {

class RpcServer {
 public:
  // All outlive the server. UNAVAILABLE names an address that cannot be listened on.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Listen(const core::Address& address,
                                                           Ledger& ledger, const Queries& queries,
                                                           const LogQueries& logs);
  // Cancels the streams and waits for the calls under way.
  virtual ~RpcServer() = default;

  // The address in use, with the port that the system chose for port 0.
  virtual core::Address address() const = 0;
};

}  // namespace chargeledger::server
