#include "net/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <limits>
#include <optional>
#include <thread>
#include <utility>

#include "net/acceptor.h"

namespace chargeledger::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// Reading goes in steps of this size, so that a header beyond the bound is noticed.
constexpr size_t kMostBuffered = 64 << 10;

// What a request that cannot be read is answered with; 0: nothing, since the peer has gone or had
// its time.
int StatusOf(beast::error_code error) {
  if (error == http::error::header_limit) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
  if (error == beast::error::timeout) return 0;
  return error.category() == make_error_code(http::error::bad_method).category() ? 400 : 0;
}

// One connection: request after request, until one of both has enough.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Admission admission, const HttpRouter& router,
             const HttpBounds& bounds)
      : admission_(std::move(admission)),
        stream_(std::move(socket)),
        buffer_(kMostBuffered),
        router_(router),
        bounds_(bounds) {}

  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(bounds_.header_bytes));
    parser_->body_limit(bounds_.body_bytes);
    stream_.expires_after(std::chrono::milliseconds(bounds_.request_ms));
    http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](beast::error_code error, size_t) { self->OnRead(error); });
  }

 private:
  void OnRead(beast::error_code error) {
    if (error) {
      const int status = StatusOf(error);
      if (status == 0) return End();
      HttpResponse refusal;
      refusal.status = status;
      refusal.body = error.message() + "\n";
      return Write(std::move(refusal), 11, false, false);
    }
    auto& parsed = parser_->get();
    HttpRequest request;
    request.method = std::string(parsed.method_string());
    request.target = std::string(parsed.target());
    for (const auto& field : parsed)
      request.headers.emplace_back(field.name_string(), field.value());
    request.body = std::move(parsed.body());
    request.peer = admission_.peer();
    Write(router_.Answer(request), parsed.version(), parsed.keep_alive(), request.method == "HEAD");
  }

  void Write(HttpResponse answer, unsigned version, bool keep_alive, bool head) {
    response_.emplace(static_cast<http::status>(answer.status), version);
    response_->set(http::field::content_type, answer.content_type);
    for (const auto& [name, value] : answer.headers) response_->set(name, value);
    response_->keep_alive(keep_alive);
    response_->content_length(answer.body.size());
    if (!head) response_->body() = std::move(answer.body);
    stream_.expires_after(std::chrono::milliseconds(bounds_.answer_ms));
    http::async_write(stream_, *response_,
                      [self = shared_from_this()](beast::error_code error, size_t) {
                        if (error || !self->response_->keep_alive()) return self->End();
                        self->response_.reset();
                        self->Read();
                      });
  }

  void End() {
    beast::error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  // Before the socket, which closes first.
  const Admission admission_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  const HttpRouter& router_;
  const HttpBounds& bounds_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

class RunningServer final : public HttpServer {
 public:
  explicit RunningServer(const HttpBounds& bounds) : bounds_(bounds) {}
  ~RunningServer() override {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Open(const core::Address& address, const AcceptorOptions& connections) {
    auto acceptor = Acceptor::Listen(io_, address, connections);
    if (!acceptor.ok()) return acceptor.status();
    acceptor_ = *std::move(acceptor);
    return absl::OkStatus();
  }

  void Serve(HttpRouter router) override {
    router_ = std::move(router);
    acceptor_->Start([this](tcp::socket socket, Admission admission) {
      std::make_shared<Connection>(std::move(socket), std::move(admission), router_, bounds_)
          ->Read();
    });
    thread_ = std::thread([this] { io_.run(); });
  }

  const core::Address& address() const override { return acceptor_->address(); }
  AcceptorStats stats() const override { return acceptor_->stats(); }

 private:
  const HttpBounds bounds_;
  HttpRouter router_;
  asio::io_context io_{1};
  std::unique_ptr<Acceptor> acceptor_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Listen(const core::Address& address,
                                                               const AcceptorOptions& connections,
                                                               const HttpBounds& bounds) {
  auto server = std::make_unique<RunningServer>(bounds);
  if (absl::Status status = server->Open(address, connections); !status.ok()) return status;
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace chargeledger::net
