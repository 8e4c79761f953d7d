// The connection to the ledger, the same for everything that the agent says to it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace chargeledger::edge_agent {

// `ledger` is HOST:PORT. Connects when it is used, and again when it was lost.
std::shared_ptr<grpc::Channel> ConnectTo(const std::string& ledger);

absl::Status ToStatus(const grpc::Status& status);

}  // namespace chargeledger::edge_agent
