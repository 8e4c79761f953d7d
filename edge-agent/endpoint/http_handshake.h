// The HTTP request with which a connection begins: read within bounds, judged (handshake.h), and
// answered with a refusal or handed on as a Connection. Belongs to the I/O thread; lives as long as
// an operation on its socket is under way.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <memory>
#include <string>

#include "edge-agent/endpoint/endpoint.h"
#include "edge-agent/endpoint/handshake.h"
#include "edge-agent/endpoint/site.h"
#include "net/acceptor.h"

namespace chargeledger::edge_agent {

class HttpHandshake final : public std::enable_shared_from_this<HttpHandshake> {
 public:
  // All outlive it.
  HttpHandshake(boost::asio::ip::tcp::socket socket, net::Admission admission, Site& site,
                core::Clock& clock, const EndpointOptions& options);

  void Start();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;

  void OnRequest();
  void Accept(const HandshakeAccepted& accepted);
  // Answers with an error, tells the site, and ends.
  void Refuse(const HandshakeRefused& refused);
  // OCPP-J 1.6 §3.1.2: completes the handshake without a subprotocol, and closes.
  void AcceptAndClose();
  // The client sent more than its request before it was answered, which no WebSocket client may.
  bool SentTooEarly() const { return buffer_.size() > 0; }

  boost::beast::tcp_stream tcp_;
  net::Admission admission_;
  Site& site_;
  core::Clock& clock_;
  const EndpointOptions& options_;
  boost::beast::flat_buffer buffer_;
  Parser parser_;
  std::string remote_address_;
};

}  // namespace chargeledger::edge_agent
