// ReplicationService over gRPC's callback API: one small object a stream and no thread, so that
// thousands of agents can stay connected.
//
// A stream reads the next package only when the one before is durable and acknowledged: memory is
// bounded by one package a stream, and HTTP/2's own window holds back an author that is faster than
// the disk.
#pragma once

#include "chargeledger/v1/replication.grpc.pb.h"
#include "server/ledger.h"

namespace chargeledger::server {

class ReplicationServiceImpl final : public v1::ReplicationService::CallbackService {
 public:
  // `ledger` outlives the service.
  explicit ReplicationServiceImpl(Ledger& ledger) : ledger_(ledger) {}

  grpc::ServerBidiReactor<v1::ReplicateRequest, v1::ReplicateResponse>* Replicate(
      grpc::CallbackServerContext* context) override;

 private:
  Ledger& ledger_;
};

}  // namespace chargeledger::server
