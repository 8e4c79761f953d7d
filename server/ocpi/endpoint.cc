#include "server/ocpi/endpoint.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace chargeledger::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kPatience = std::chrono::seconds(10);
constexpr uint64_t kMostBody = 1 << 10;

// One connection: request after request, until one of both has enough.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const OcpiEndpoint::Get& get)
      : stream_(std::move(socket)), get_(get) {}

  void Read() {
    parser_.emplace();
    parser_->body_limit(kMostBody);
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, size_t) {
                       if (!error) self->Answer();
                     });
  }

 private:
  void Answer() {
    const auto& request = parser_->get();
    OcpiAnswer answer{405, {{"Allow", "GET"}}, ""};
    if (request.method() == http::verb::get) {
      answer =
          get_(std::string(request.target()), std::string(request[http::field::authorization]));
    }
    response_.emplace(static_cast<http::status>(answer.status), request.version());
    response_->set(http::field::content_type, "application/json");
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    response_->keep_alive(request.keep_alive());
    response_->body() = std::move(answer.body);
    response_->prepare_payload();
    stream_.expires_after(kPatience);
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (!error && self->response_->keep_alive()) self->Read();
                      });
  }

  beast::tcp_stream stream_;
  const OcpiEndpoint::Get& get_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

class Endpoint final : public OcpiEndpoint {
 public:
  ~Endpoint() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Open(const core::Address& address) {
    beast::error_code error;
    tcp::resolver resolver(io_);
    const auto found = resolver.resolve(address.host, absl::StrCat(address.port), error);
    if (!error) acceptor_.open(found.begin()->endpoint().protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(found.begin()->endpoint(), error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", address.ToText(), ": ", error.message()));
    }
    address_ = {address.host, acceptor_.local_endpoint().port()};
    return absl::OkStatus();
  }

  void Serve(Get get) override {
    get_ = std::move(get);
    Accept();
    thread_ = std::thread([this] { io_.run(); });
  }

  core::Address address() const override { return address_; }

 private:
  void Accept() {
    acceptor_.async_accept([this](beast::error_code error, tcp::socket socket) {
      if (!error) std::make_shared<Connection>(std::move(socket), get_)->Read();
      if (error != asio::error::operation_aborted) Accept();
    });
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_};
  core::Address address_;
  Get get_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<OcpiEndpoint>> OcpiEndpoint::Listen(const core::Address& address) {
  auto endpoint = std::make_unique<Endpoint>();
  const absl::Status status = endpoint->Open(address);
  if (!status.ok()) return status;
  return endpoint;
}

}  // namespace chargeledger::server
