#include "server/rpc/server.h"

#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rpc/query_services.h"
#include "server/rpc/replication_service.h"

namespace chargeledger::server {
namespace {

// A package is at most 1 MiB of entries; twice that leaves room for one oversized batch and its
// framing.
constexpr int kMaxMessageBytes = 4 << 20;
// Queries that are under way when the process stops get this long.
constexpr int64_t kGoodbyeMs = 500;

class RunningServer final : public RpcServer {
 public:
  explicit RunningServer(const Served& served)
      : replication_(served.ledger, served.control, served.on_digests),
        services_(MakeQueryServices(served.queries, served.logs, served.billing, served.invoicing,
                                    served.ocpi)) {}
  ~RunningServer() override {
    if (server_ == nullptr) return;
    server_->Shutdown(
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(kGoodbyeMs, GPR_TIMESPAN)));
  }

  absl::Status Start(const core::Address& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(address.ToText(), grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Agents ping every 20 s to notice a dead link.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.RegisterService(&replication_);
    for (const auto& service : services_) builder.RegisterService(service.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address.ToText(), "; is the port in use?"));
    }
    address_ = {address.host, static_cast<uint16_t>(port)};
    return absl::OkStatus();
  }

  core::Address address() const override { return address_; }

 private:
  ReplicationServiceImpl replication_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  std::unique_ptr<grpc::Server> server_;
  core::Address address_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Listen(const core::Address& address,
                                                             const Served& served) {
  auto server = std::make_unique<RunningServer>(served);
  absl::Status status = server->Start(address);
  if (!status.ok()) return status;
  return std::unique_ptr<RpcServer>(std::move(server));
}

}  // namespace chargeledger::server
