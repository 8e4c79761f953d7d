// One charge point's WebSocket connection, from the HTTP request to the end. Lives as long as an
// operation on its socket is under way; belongs to the I/O thread.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "edge-agent/endpoint/endpoint.h"
#include "edge-agent/endpoint/site.h"

namespace chargeledger::edge_agent {

class Connection final : public Link, public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, Site& site, const EndpointOptions& options);

  void Start();

  void OnRecorded(std::optional<std::string> answer) override;
  void OnReplaced() override;
  void OnShutdown() override;

 private:
  using Error = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;
  using Request = boost::beast::http::request<boost::beast::http::empty_body>;

  void OnRequest();
  // Answers the HTTP request with an error, records it, and ends.
  void RefuseRequest(boost::beast::http::status status, const std::string& reason);
  // OCPP-J 1.6 §3.1.2: completes the handshake without a subprotocol, and closes.
  void RefuseSubprotocol();
  void AcceptHandshake(const std::string& charge_point_id, const std::string& name,
                       v1::Subprotocol subprotocol);
  v1::ConnectionRefused Refused(unsigned status, const std::string& reason) const;

  // Unless a read is under way or too much waits for its answer.
  void Read();
  void OnRead(const Error& error);
  void Write();

  // Starts the closing handshake; the socket ends when it is done or has timed out.
  void Close(boost::beast::websocket::close_code code, const std::string& why);
  // The transport has ended with `error`: tells the site, once.
  void Ended(const Error& error);
  void RefuseFrame(const std::string& reason);

  Site& site_;
  const EndpointOptions& options_;
  boost::beast::websocket::stream<boost::beast::tcp_stream> ws_;
  boost::beast::flat_buffer buffer_;
  // Only until the handshake is done: an idle connection should cost little.
  std::unique_ptr<Parser> parser_;
  std::string remote_address_;
  std::optional<Peer> peer_;
  std::deque<std::string> outbox_;
  // Messages received whose answer is not yet durable and sent.
  int unanswered_ = 0;
  bool reading_ = false;
  bool closing_ = false;
  v1::ConnectionClosed::Reason close_reason_ = v1::ConnectionClosed::REASON_UNSPECIFIED;
  std::string close_detail_;
};

}  // namespace chargeledger::edge_agent
