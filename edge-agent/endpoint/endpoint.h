// The OCPP-J endpoint: WebSocket connections on ws://HOST:PORT/ocpp/<chargePointId> (OCPP-J 1.6
// §3).
//
// net/acceptor.h accepts, with bounds on connections and descriptors. One thread runs everything
// (the io_context's). Every wait is bounded: the HTTP request and the handshake by
// `handshake_timeout_s`; an idle or half-open connection, and one that never reads, by pings every
// `ping_interval_s` and an end after two of them. What is queued for one connection is bounded by
// `max_unanswered`, what it may say by `max_messages_per_s` (connection.h).
//
// http_handshake.h reads and answers the request, handshake.h judges it, connection.h is the
// connection from then on, over stream.h, which websocket_stream.h implements.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/process/address.h"
#include "edge-agent/endpoint/connection.h"
#include "edge-agent/endpoint/site.h"
#include "edge-agent/endpoint/websocket_stream.h"
#include "net/acceptor.h"

namespace chargeledger::edge_agent {

struct EndpointOptions {
  // Beyond them a connection is answered with 503.
  net::AcceptorOptions accept = {
      .max_connections = 12'000, .max_per_address = 1'024, .loopback_exempt = true};
  StreamLimits stream;
  ConnectionLimits connection;
  // Charge points that may connect; empty: any with a well-formed id.
  std::set<std::string> allowed;
};

class Endpoint {
 public:
  // All outlive the endpoint. UNAVAILABLE names an address that cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Endpoint>> Listen(boost::asio::io_context& io, Site& site,
                                                          core::Clock& clock,
                                                          const core::Address& address,
                                                          const EndpointOptions& options);

  // The address in use, with the port that the system chose for port 0.
  const core::Address& address() const { return acceptor_->address(); }
  // Takes no more connections.
  void Close() { acceptor_->Close(); }
  net::AcceptorStats stats() const { return acceptor_->stats(); }

 private:
  Endpoint(Site& site, core::Clock& clock, const EndpointOptions& options)
      : site_(site), clock_(clock), options_(options) {}

  // A connection was turned away before its request was read.
  void OnTurned(const std::string& peer, net::Turned why);

  Site& site_;
  core::Clock& clock_;
  const EndpointOptions options_;
  std::unique_ptr<net::Acceptor> acceptor_;
};

}  // namespace chargeledger::edge_agent
