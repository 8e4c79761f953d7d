#include "edge-agent/endpoint/endpoint.h"

#include <utility>

#include "edge-agent/endpoint/http_handshake.h"

namespace chargeledger::edge_agent {
namespace {

const char* Reason(net::Turned why) {
  switch (why) {
    case net::Turned::kTooMany:
      return "as many connections are open as --max-connections allows";
    case net::Turned::kTooManyOfAddress:
      return "as many connections of this address are open as --max-connections-per-address allows";
    case net::Turned::kNoDescriptor:
      return "no file descriptor is left for it (ulimit -n)";
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Endpoint>> Endpoint::Listen(boost::asio::io_context& io, Site& site,
                                                           core::Clock& clock,
                                                           const core::Address& address,
                                                           const EndpointOptions& options) {
  std::unique_ptr<Endpoint> endpoint(new Endpoint(site, clock, options));
  auto acceptor = net::Acceptor::Listen(io, address, options.accept);
  if (!acceptor.ok()) return acceptor.status();
  endpoint->acceptor_ = *std::move(acceptor);
  Endpoint* const self = endpoint.get();
  self->acceptor_->Start(
      [self](boost::asio::ip::tcp::socket socket, net::Admission admission) {
        std::make_shared<HttpHandshake>(std::move(socket), std::move(admission), self->site_,
                                        self->clock_, self->options_)
            ->Start();
      },
      [self](const std::string& peer, net::Turned why) { self->OnTurned(peer, why); });
  return endpoint;
}

void Endpoint::OnTurned(const std::string& peer, net::Turned why) {
  v1::ConnectionRefused refused;
  refused.set_remote_address(peer);
  refused.set_http_status(503);
  refused.set_reason(Reason(why));
  site_.Refuse(std::move(refused));
}

}  // namespace chargeledger::edge_agent
