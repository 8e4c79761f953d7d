#include "edge-agent/endpoint/connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/ids.h"

namespace chargeledger::edge_agent {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

namespace {

constexpr size_t kMaxHeaderBytes = 8 << 10;
constexpr size_t kMaxRecordedText = 256;
constexpr size_t kMaxRefusedHead = 4096;
// A buffer that a large message has grown is given back.
constexpr size_t kKeptBufferBytes = 4096;
constexpr absl::string_view kPathPrefix = "/ocpp/";

// Header bytes for a protobuf string, which must be UTF-8 or the entry could never be read again:
// anything but printable ASCII is escaped.
std::string Recordable(beast::string_view text) {
  return absl::CHexEscape(absl::string_view(text.data(), std::min(text.size(), kMaxRecordedText)));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// OCPP-J 1.6 §3.1.1: the identity is percent-encoded. Absent if the encoding is broken.
std::optional<std::string> PercentDecode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return decoded;
}

struct Spoken {
  absl::string_view name;
  v1::Subprotocol subprotocol;
};

constexpr Spoken kSpoken[] = {{"ocpp1.6", v1::SUBPROTOCOL_OCPP1_6},
                              {"ocpp2.0.1", v1::SUBPROTOCOL_OCPP2_0_1}};

// The first that is spoken here, in the charge point's order of preference (OCPP-J 2.0.1 §3.1.2).
const Spoken* Choose(absl::string_view offered) {
  for (absl::string_view name : absl::StrSplit(offered, ',')) {
    for (const Spoken& spoken : kSpoken) {
      if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(name), spoken.name)) return &spoken;
    }
  }
  return nullptr;
}

}  // namespace

Connection::Connection(asio::ip::tcp::socket socket, Site& site, const EndpointOptions& options)
    : site_(site), options_(options), ws_(std::move(socket)) {}

void Connection::Start() {
  Error error;
  const auto remote = ws_.next_layer().socket().remote_endpoint(error);
  if (!error) remote_address_ = absl::StrCat(remote.address().to_string(), ":", remote.port());
  ws_.next_layer().socket().set_option(asio::ip::tcp::no_delay(true), error);
  ws_.next_layer().expires_after(std::chrono::seconds(options_.handshake_timeout_s));
  parser_ = std::make_unique<Parser>();
  parser_->header_limit(kMaxHeaderBytes);
  http::async_read_header(ws_.next_layer(), buffer_, *parser_,
                          [self = shared_from_this()](Error failed, size_t) {
                            // Whoever does not speak HTTP gets no answer; the socket closes with
                            // this object.
                            if (!failed) self->OnRequest();
                          });
}

v1::ConnectionRefused Connection::Refused(unsigned status, const std::string& reason) const {
  const Request& request = parser_->get();
  v1::ConnectionRefused refused;
  refused.set_path(Recordable(request.target()));
  refused.set_remote_address(remote_address_);
  refused.set_offered_subprotocols(Recordable(request[http::field::sec_websocket_protocol]));
  refused.set_http_status(status);
  refused.set_reason(reason);
  return refused;
}

void Connection::OnRequest() {
  const Request& request = parser_->get();
  if (!websocket::is_upgrade(request)) {
    return RefuseRequest(http::status::upgrade_required,
                         "this is an OCPP-J endpoint: connect with a WebSocket to /ocpp/<id>");
  }
  absl::string_view path(request.target().data(), request.target().size());
  path = path.substr(0, path.find('?'));
  if (!absl::StartsWith(path, kPathPrefix)) {
    return RefuseRequest(http::status::not_found, "the path must be /ocpp/<chargePointId>");
  }
  std::optional<std::string> id = PercentDecode(path.substr(kPathPrefix.size()));
  if (!id.has_value()) {
    return RefuseRequest(http::status::not_found, "the path is not well percent-encoded");
  }
  if (absl::Status status = core::CheckChargePointId(*id); !status.ok()) {
    return RefuseRequest(http::status::not_found, std::string(status.message()));
  }
  if (!options_.allowed.empty() && options_.allowed.count(*id) == 0) {
    return RefuseRequest(http::status::not_found, "this charge point is not known here");
  }
  const beast::string_view offered = request[http::field::sec_websocket_protocol];
  const Spoken* chosen = Choose({offered.data(), offered.size()});
  if (chosen == nullptr) return RefuseSubprotocol();
  AcceptHandshake(*id, std::string(chosen->name), chosen->subprotocol);
}

void Connection::RefuseRequest(http::status status, const std::string& reason) {
  site_.Refuse(Refused(static_cast<unsigned>(status), reason));
  auto response =
      std::make_shared<http::response<http::string_body>>(status, parser_->get().version());
  response->set(http::field::content_type, "text/plain");
  if (status == http::status::upgrade_required) response->set(http::field::upgrade, "websocket");
  response->keep_alive(false);
  response->body() = reason + "\n";
  response->prepare_payload();
  http::async_write(
      ws_.next_layer(), *response, [self = shared_from_this(), response](Error, size_t) {
        Error ignored;
        self->ws_.next_layer().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      });
}

void Connection::RefuseSubprotocol() {
  site_.Refuse(
      Refused(101, "none of the offered subprotocols is spoken here; ocpp1.6 and ocpp2.0.1 are"));
  ws_.next_layer().expires_never();
  ws_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
  ws_.async_accept(parser_->get(), [self = shared_from_this()](Error error) {
    if (error) return;
    self->ws_.async_close(
        websocket::close_reason(websocket::close_code::protocol_error, "subprotocol not supported"),
        [self](Error) {});
  });
}

void Connection::AcceptHandshake(const std::string& charge_point_id, const std::string& name,
                                 v1::Subprotocol subprotocol) {
  const Request& request = parser_->get();
  v1::ConnectionOpened opened;
  opened.set_charge_point_id(charge_point_id);
  opened.set_subprotocol(subprotocol);
  opened.set_remote_address(remote_address_);
  opened.set_user_agent(Recordable(request[http::field::user_agent]));
  auto peer = site_.Connect(shared_from_this(), opened);
  if (!peer.ok()) {
    return RefuseRequest(http::status::service_unavailable, std::string(peer.status().message()));
  }
  peer_ = *std::move(peer);
  ws_.next_layer().expires_never();
  ws_.set_option(websocket::stream_base::timeout{std::chrono::seconds(options_.handshake_timeout_s),
                                                 std::chrono::seconds(2 * options_.ping_interval_s),
                                                 true});
  ws_.set_option(websocket::stream_base::decorator([name](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, name);
    response.set(http::field::server, "chargeledger");
  }));
  ws_.read_message_max(options_.max_frame_bytes);
  ws_.async_accept(parser_->get(), [self = shared_from_this()](Error error) {
    self->parser_.reset();
    if (error) return self->Ended(error);
    self->ws_.text(true);
    self->Read();
  });
}

void Connection::Read() {
  if (reading_ || closing_ || unanswered_ >= options_.max_unanswered) return;
  reading_ = true;
  ws_.async_read(buffer_, [self = shared_from_this()](Error error, size_t) {
    self->reading_ = false;
    self->OnRead(error);
  });
}

void Connection::OnRead(const Error& error) {
  if (error) return Ended(error);
  if (closing_) return;
  const absl::string_view bytes(static_cast<const char*>(buffer_.data().data()), buffer_.size());
  ++unanswered_;
  absl::Status status = site_.Receive(shared_from_this(), *peer_, bytes, ws_.got_binary());
  buffer_.consume(buffer_.size());
  if (buffer_.capacity() > kKeptBufferBytes) buffer_.shrink_to_fit();
  if (!status.ok()) {
    close_reason_ = v1::ConnectionClosed::REASON_PROTOCOL_ERROR;
    return Close(websocket::close_code::try_again_later, std::string(status.message()));
  }
  Read();
}

void Connection::OnRecorded(std::optional<std::string> answer) {
  if (closing_ || !answer.has_value()) {
    --unanswered_;
    return Read();
  }
  outbox_.push_back(*std::move(answer));
  if (outbox_.size() == 1) Write();
}

void Connection::Write() {
  ws_.async_write(asio::buffer(outbox_.front()), [self = shared_from_this()](Error error, size_t) {
    self->outbox_.pop_front();
    --self->unanswered_;
    if (!error) return self->outbox_.empty() ? self->Read() : self->Write();
    self->outbox_.clear();
    // A read that is under way knows better why the connection ended.
    if (!self->reading_) self->Ended(error);
  });
}

void Connection::OnReplaced() {
  close_reason_ = v1::ConnectionClosed::REASON_REPLACED;
  Close(websocket::close_code::policy_error, "another connection took over");
}

void Connection::OnShutdown() {
  close_reason_ = v1::ConnectionClosed::REASON_SHUTDOWN;
  Close(websocket::close_code::going_away, "the edge agent stops");
}

void Connection::Close(websocket::close_code code, const std::string& why) {
  if (closing_) return;
  closing_ = true;
  close_detail_ = why;
  // A control frame holds at most 123 bytes of reason (RFC 6455 §5.5).
  ws_.async_close(websocket::close_reason(code, why.substr(0, 123)),
                  [self = shared_from_this()](Error error) { self->Ended(error); });
}

void Connection::RefuseFrame(const std::string& reason) {
  v1::FrameRefused refused;
  refused.set_charge_point_id(peer_->charge_point_id);
  refused.set_connection(peer_->connection);
  refused.set_reason(reason);
  refused.set_head(static_cast<const char*>(buffer_.data().data()),
                   std::min(buffer_.size(), kMaxRefusedHead));
  refused.set_received_bytes(buffer_.size());
  site_.RefuseFrame(std::move(refused));
}

void Connection::Ended(const Error& error) {
  if (!peer_.has_value()) return;
  closing_ = true;
  v1::ConnectionClosed closed;
  if (close_reason_ != v1::ConnectionClosed::REASON_UNSPECIFIED) {
    closed.set_reason(close_reason_);
    closed.set_detail(close_detail_);
  } else if (error == websocket::error::closed) {
    closed.set_reason(v1::ConnectionClosed::REASON_BY_CHARGE_POINT);
    closed.set_close_code(ws_.reason().code);
    closed.set_detail(Recordable({ws_.reason().reason.data(), ws_.reason().reason.size()}));
  } else if (error == beast::error::timeout) {
    closed.set_reason(v1::ConnectionClosed::REASON_TIMED_OUT);
  } else if (error == websocket::error::message_too_big ||
             error == websocket::error::bad_frame_payload) {
    RefuseFrame(error.message());
    closed.set_reason(v1::ConnectionClosed::REASON_PROTOCOL_ERROR);
    closed.set_detail(error.message());
  } else if (error.category() == make_error_code(websocket::error::closed).category()) {
    closed.set_reason(v1::ConnectionClosed::REASON_PROTOCOL_ERROR);
    closed.set_detail(error.message());
  } else {
    closed.set_reason(v1::ConnectionClosed::REASON_LOST);
    closed.set_detail(error.message());
  }
  site_.Disconnect(*peer_, std::move(closed));
  peer_.reset();
}

}  // namespace chargeledger::edge_agent
