#include "edge-agent/endpoint/websocket_stream.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/escaping.h"

namespace chargeledger::edge_agent {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using Error = boost::system::error_code;

namespace {

constexpr size_t kMaxRecordedText = 256;
// A control frame holds at most 123 bytes of reason (RFC 6455 §5.5).
constexpr size_t kMaxCloseReason = 123;
// RFC 6455 §7.4.2: 3000 to 4999 are for applications, none is above.
constexpr uint16_t kLastCloseCode = 4999;
constexpr uint16_t kProtocolError = 1002;

}  // namespace

std::string RecordableText(absl::string_view text) {
  return absl::CHexEscape(text.substr(0, kMaxRecordedText));
}

void CloseCheckedTcpStream::Correct(asio::const_buffer frame) const {
  // A closing frame of a server: final, not masked, its code first (RFC 6455 §5.5.1).
  auto* bytes = const_cast<uint8_t*>(static_cast<const uint8_t*>(frame.data()));
  if (frame.size() < 4 || bytes[0] != 0x88 || bytes[1] + size_t{2} != frame.size()) return;
  if ((bytes[2] << 8 | bytes[3]) != bad_code_) return;
  bytes[2] = kProtocolError >> 8;
  bytes[3] = kProtocolError & 0xff;
}

void teardown(beast::role_type role, CloseCheckedTcpStream& stream, Error& error) {
  using websocket::teardown;
  teardown(role, static_cast<beast::tcp_stream&>(stream), error);
}

WebSocketStream::WebSocketStream(beast::tcp_stream tcp, net::Admission admission, Request request,
                                 std::string subprotocol, const StreamLimits& limits)
    : admission_(std::move(admission)),
      ws_(std::move(tcp)),
      request_(std::make_unique<Request>(std::move(request))) {
  ws_.next_layer().expires_never();
  ws_.set_option(websocket::stream_base::timeout{std::chrono::seconds(limits.handshake_timeout_s),
                                                 std::chrono::seconds(2 * limits.ping_interval_s),
                                                 true});
  ws_.set_option(websocket::stream_base::decorator(
      [name = std::move(subprotocol)](websocket::response_type& response) {
        if (!name.empty()) response.set(http::field::sec_websocket_protocol, name);
        response.set(http::field::server, "chargeledger");
      }));
  ws_.read_message_max(limits.max_frame_bytes);
  ws_.control_callback([this](websocket::frame_type kind, beast::string_view) {
    if (kind != websocket::frame_type::close) return;
    const uint16_t code = ws_.reason().code;
    if (code > kLastCloseCode) ws_.next_layer().CorrectEcho(code);
  });
}

Outcome WebSocketStream::ToOutcome(const Error& error) const {
  if (!error) return {};
  if (error == websocket::error::closed) {
    const websocket::close_reason& reason = ws_.reason();
    return {Outcome::Kind::kClosedByPeer, reason.code,
            RecordableText({reason.reason.data(), reason.reason.size()})};
  }
  if (error == beast::error::timeout) return {Outcome::Kind::kTimedOut, 0, error.message()};
  if (error == websocket::error::message_too_big || error == websocket::error::bad_frame_payload) {
    return {Outcome::Kind::kBadMessage, 0, error.message()};
  }
  if (error.category() == make_error_code(websocket::error::closed).category()) {
    return {Outcome::Kind::kProtocolError, 0, error.message()};
  }
  return {Outcome::Kind::kLost, 0, error.message()};
}

void WebSocketStream::Accept(Done done) {
  ws_.async_accept(*request_, [this, done = std::move(done)](Error error) mutable {
    request_.reset();
    ws_.text(true);
    done(ToOutcome(error));
  });
}

void WebSocketStream::Read(Received done) {
  ws_.async_read(buffer_, [this, done = std::move(done)](Error error, size_t) mutable {
    // The next read begins within `done`: it must not find these bytes.
    beast::flat_buffer message = std::move(buffer_);
    buffer_ = beast::flat_buffer();
    done(ToOutcome(error), {static_cast<const char*>(message.data().data()), message.size()},
         ws_.got_binary());
  });
}

void WebSocketStream::Write(absl::string_view text, Done done) {
  ws_.async_write(
      asio::buffer(text.data(), text.size()),
      [this, done = std::move(done)](Error error, size_t) mutable { done(ToOutcome(error)); });
}

void WebSocketStream::Close(uint16_t code, absl::string_view reason, Done done) {
  const absl::string_view cut = reason.substr(0, kMaxCloseReason);
  ws_.async_close(
      websocket::close_reason(static_cast<websocket::close_code>(code), std::string(cut)),
      [this, done = std::move(done)](Error error) mutable { done(ToOutcome(error)); });
}

void WebSocketStream::Wait(int64_t us, Done done) {
  if (timer_ == nullptr) timer_ = std::make_unique<asio::steady_timer>(ws_.get_executor());
  timer_->expires_after(std::chrono::microseconds(us));
  timer_->async_wait([done = std::move(done)](Error) mutable { done({}); });
}

}  // namespace chargeledger::edge_agent
