#include "edge-agent/endpoint/http_handshake.h"

#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edge-agent/endpoint/connection.h"
#include "edge-agent/endpoint/websocket_stream.h"

namespace chargeledger::edge_agent {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Error = boost::system::error_code;

namespace {

constexpr size_t kMaxHeaderBytes = 8 << 10;
constexpr uint16_t kProtocolError = 1002;

absl::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

std::vector<absl::string_view> Offered(const WebSocketStream::Request& request) {
  std::vector<absl::string_view> lines;
  const auto [first, last] = request.equal_range(http::field::sec_websocket_protocol);
  for (auto it = first; it != last; ++it) lines.push_back(View(it->value()));
  return lines;
}

}  // namespace

HttpHandshake::HttpHandshake(asio::ip::tcp::socket socket, net::Admission admission, Site& site,
                             core::Clock& clock, const EndpointOptions& options)
    : tcp_(std::move(socket)),
      admission_(std::move(admission)),
      site_(site),
      clock_(clock),
      options_(options) {}

void HttpHandshake::Start() {
  Error error;
  const auto remote = tcp_.socket().remote_endpoint(error);
  if (!error) remote_address_ = absl::StrCat(remote.address().to_string(), ":", remote.port());
  tcp_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  tcp_.expires_after(std::chrono::seconds(options_.stream.handshake_timeout_s));
  parser_.header_limit(kMaxHeaderBytes);
  http::async_read_header(tcp_, buffer_, parser_,
                          [self = shared_from_this()](Error failed, size_t) {
                            // Whoever does not speak HTTP gets no answer; the socket closes with
                            // this object.
                            if (!failed) self->OnRequest();
                          });
}

void HttpHandshake::OnRequest() {
  const WebSocketStream::Request& request = parser_.get();
  const HandshakeRequest asked{beast::websocket::is_upgrade(request), View(request.target()),
                               Offered(request)};
  const auto judged = JudgeHandshake(asked, options_.allowed);
  if (const auto* refused = std::get_if<HandshakeRefused>(&judged)) return Refuse(*refused);
  if (SentTooEarly()) {
    return Refuse({400, "a client sends nothing before its handshake is answered (RFC 6455 §4.1)"});
  }
  Accept(std::get<HandshakeAccepted>(judged));
}

void HttpHandshake::Accept(const HandshakeAccepted& accepted) {
  v1::ConnectionOpened opened;
  opened.set_charge_point_id(accepted.charge_point_id);
  opened.set_subprotocol(accepted.subprotocol);
  opened.set_remote_address(remote_address_);
  opened.set_user_agent(RecordableText(View(parser_.get()[http::field::user_agent])));
  auto connection = std::make_shared<Connection>(site_, clock_, options_.connection);
  if (absl::Status status = connection->Connect(opened); !status.ok()) {
    return Refuse({503, std::string(status.message())});
  }
  connection->Run(std::make_unique<WebSocketStream>(std::move(tcp_), std::move(admission_),
                                                    parser_.release(), accepted.subprotocol_name,
                                                    options_.stream));
}

void HttpHandshake::Refuse(const HandshakeRefused& refused) {
  v1::ConnectionRefused told;
  told.set_path(RecordableText(View(parser_.get().target())));
  told.set_remote_address(remote_address_);
  told.set_offered_subprotocols(RecordableText(absl::StrJoin(Offered(parser_.get()), ", ")));
  told.set_http_status(refused.http_status);
  told.set_reason(refused.reason);
  site_.Refuse(std::move(told));
  if (refused.http_status == 101) return AcceptAndClose();
  auto response = std::make_shared<http::response<http::string_body>>(
      static_cast<http::status>(refused.http_status), parser_.get().version());
  response->set(http::field::content_type, "text/plain");
  if (refused.http_status == 426) response->set(http::field::upgrade, "websocket");
  response->keep_alive(false);
  response->body() = refused.reason + "\n";
  response->prepare_payload();
  http::async_write(tcp_, *response, [self = shared_from_this(), response](Error, size_t) {
    Error ignored;
    self->tcp_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  });
}

void HttpHandshake::AcceptAndClose() {
  auto stream = std::make_shared<WebSocketStream>(std::move(tcp_), std::move(admission_),
                                                  parser_.release(), "", options_.stream);
  stream->Accept([stream](const Outcome& accepted) {
    if (!accepted.ok()) return;
    stream->Close(kProtocolError, "subprotocol not supported", [stream](const Outcome&) {});
  });
}

}  // namespace chargeledger::edge_agent
