// A Stream over Boost.Beast. Every operation ends in time: Accept and Close by
// `handshake_timeout_s`, the others by pings every `ping_interval_s` of silence and an end after
// two of them.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <memory>
#include <string>

#include "edge-agent/endpoint/stream.h"
#include "net/acceptor.h"

namespace chargeledger::edge_agent {

struct StreamLimits {
  // A larger message is refused with close code 1009.
  size_t max_frame_bytes = 256 << 10;
  int64_t handshake_timeout_s = 10;
  int64_t ping_interval_s = 60;
};

// Text of a peer for a protobuf string, which must be UTF-8 or its entry could never be read again:
// all but printable ASCII is escaped, and it is cut at 256 bytes.
std::string RecordableText(absl::string_view text);

// A TCP stream that answers a close code which RFC 6455 §7.4.2 does not define (5000 and above,
// which Beast would echo) with 1002.
class CloseCheckedTcpStream : public boost::beast::tcp_stream {
 public:
  explicit CloseCheckedTcpStream(boost::beast::tcp_stream&& stream)
      : boost::beast::tcp_stream(std::move(stream)) {}

  // The peer closed with `code`: the echo of it is put right.
  void CorrectEcho(uint16_t code) { bad_code_ = code; }

  template <typename Buffers, typename Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    if (bad_code_ != 0) Correct(*boost::asio::buffer_sequence_begin(buffers));
    return boost::beast::tcp_stream::async_write_some(buffers, std::forward<Handler>(handler));
  }

 private:
  void Correct(boost::asio::const_buffer frame) const;

  uint16_t bad_code_ = 0;
};

void teardown(boost::beast::role_type role, CloseCheckedTcpStream& stream,
              boost::system::error_code& error);
template <typename Handler>
void async_teardown(boost::beast::role_type role, CloseCheckedTcpStream& stream,
                    Handler&& handler) {
  using boost::beast::websocket::async_teardown;
  async_teardown(role, static_cast<boost::beast::tcp_stream&>(stream),
                 std::forward<Handler>(handler));
}

class WebSocketStream final : public Stream {
 public:
  using Request = boost::beast::http::request<boost::beast::http::empty_body>;

  // `subprotocol` is what the handshake is answered with; empty: none.
  WebSocketStream(boost::beast::tcp_stream tcp, net::Admission admission, Request request,
                  std::string subprotocol, const StreamLimits& limits);

  void Accept(Done done) override;
  void Read(Received done) override;
  void Write(absl::string_view text, Done done) override;
  void Close(uint16_t code, absl::string_view reason, Done done) override;
  void Wait(int64_t us, Done done) override;

 private:
  Outcome ToOutcome(const boost::system::error_code& error) const;

  // The connection's place among those that are counted.
  net::Admission admission_;
  boost::beast::websocket::stream<CloseCheckedTcpStream> ws_;
  boost::beast::flat_buffer buffer_;
  // Only until the handshake is done: an idle connection should cost little.
  std::unique_ptr<Request> request_;
  // Made when it is needed first.
  std::unique_ptr<boost::asio::steady_timer> timer_;
};

}  // namespace chargeledger::edge_agent
