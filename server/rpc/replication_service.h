// ReplicationService over gRPC's callback API: one small object a stream and no thread, so that
// thousands of agents can stay connected.
//
// A stream reads the next package only when the one before is durable and acknowledged: memory is
// bounded by one package a stream, and HTTP/2's own window holds back an author that is faster than
// the disk.
#pragma once

#include <functional>

#include "chargeledger/v1/replication.grpc.pb.h"
#include "server/ledger.h"
#include "server/rpc/control_hub.h"
#include "server/rpc/server.h"

namespace chargeledger::server {

class ReplicationServiceImpl final : public v1::ReplicationService::CallbackService {
 public:
  // All outlive the service. `on_digests` may be empty.
  ReplicationServiceImpl(Ledger& ledger, ControlHub& control, OnDigests on_digests)
      : ledger_(ledger), control_(control), on_digests_(std::move(on_digests)) {}

  grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse>* Replicate(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest>* Follow(
      grpc::CallbackServerContext* context) override;

 private:
  Ledger& ledger_;
  ControlHub& control_;
  OnDigests on_digests_;
};

}  // namespace chargeledger::server
