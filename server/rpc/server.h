// The gRPC server: replication, queries, health (grpc.health.v1) and reflection on one port.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/process/address.h"
#include "server/billing_queries.h"
#include "server/invoicing.h"
#include "server/ledger.h"
#include "server/log_queries.h"
#include "server/ocpi/sender.h"
#include "server/queries.h"
#include "server/site_session.h"

namespace chargeledger::server {

class ControlHub;

// What is served. All outlive the server.
struct Served {
  Ledger& ledger;
  const Queries& queries;
  const LogQueries& logs;
  ControlHub& control;
  // May be empty.
  OnDigests on_digests;
  // Null: the billing service is not served.
  BillingQueries* billing = nullptr;
  Invoicing* invoicing = nullptr;
  // Null: there are no OCPI partners.
  OcpiSender* ocpi = nullptr;
};

class RpcServer {
 public:
  // UNAVAILABLE names an address that cannot be listened on.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Listen(const core::Address& address,
                                                           const Served& served);
  // Cancels the streams and waits for the calls under way.
  virtual ~RpcServer() = default;

  // The address in use, with the port that the system chose for port 0.
  virtual core::Address address() const = 0;
};

}  // namespace chargeledger::server
