#include "edge-agent/endpoint/endpoint.h"

#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edge-agent/endpoint/http_handshake.h"

namespace chargeledger::edge_agent {

namespace asio = boost::asio;
using asio::ip::tcp;

absl::StatusOr<std::unique_ptr<Endpoint>> Endpoint::Listen(asio::io_context& io, Site& site,
                                                           core::Clock& clock,
                                                           const core::Address& address,
                                                           const EndpointOptions& options) {
  std::unique_ptr<Endpoint> endpoint(new Endpoint(io, site, clock, options));
  boost::system::error_code error;
  tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(address.host, absl::StrCat(address.port), tcp::resolver::passive, error);
  if (!error) {
    const tcp::endpoint local = found.begin()->endpoint();
    tcp::acceptor& acceptor = endpoint->acceptor_;
    acceptor.open(local.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(local, error);
    if (!error) acceptor.listen(4096, error);
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", address.ToText(), ": ", error.message()));
  }
  endpoint->Accept();
  return endpoint;
}

core::Address Endpoint::address() const {
  boost::system::error_code error;
  const tcp::endpoint local = acceptor_.local_endpoint(error);
  return {local.address().to_string(), local.port()};
}

void Endpoint::Close() {
  boost::system::error_code error;
  acceptor_.close(error);
  retry_.cancel();
}

void Endpoint::Accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (error) {
      // Out of file descriptors, mostly: to try again at once would only burn the processor.
      spdlog::error("cannot accept a connection: {}", error.message());
      retry_.expires_after(std::chrono::milliseconds(100));
      retry_.async_wait([this](boost::system::error_code cancelled) {
        if (!cancelled) Accept();
      });
      return;
    }
    std::make_shared<HttpHandshake>(std::move(socket), site_, clock_, options_)->Start();
    Accept();
  });
}

}  // namespace chargeledger::edge_agent
