// The router, and the server with clients that misbehave.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "net/http_router.h"
#include "net/http_server.h"
#include "net/metrics_endpoint.h"

namespace chargeledger::net {
namespace {

HttpRouter::Handler Says(const std::string& text) {
  return [text](const HttpRequest& request) {
    return HttpResponse{200, "text/plain", {{"X-Peer", request.peer}}, text + request.body};
  };
}

HttpRequest Asks(const std::string& method, const std::string& target) {
  HttpRequest request;
  request.method = method;
  request.target = target;
  return request;
}

TEST(HttpRouterTest, TheLongestPathThatFitsIsTaken) {
  HttpRouter router;
  router.Add("GET", "/", Says("all"));
  router.Add("GET", "/ocpi/", Says("below"));
  router.Add("GET", "/ocpi/versions", Says("exact"));
  const auto answer = [&](const std::string& target) {
    return router.Answer(Asks("GET", target)).body;
  };
  EXPECT_EQ(answer("/ocpi/versions"), "exact");
  EXPECT_EQ(answer("/ocpi/versions?x=/ocpi/"), "exact");
  EXPECT_EQ(answer("/ocpi/versions/more"), "below");
  EXPECT_EQ(answer("/ocpi/"), "below");
  EXPECT_EQ(answer("/ocpi"), "all");
  EXPECT_EQ(answer("/"), "all");
}

TEST(HttpRouterTest, WhatIsNotServedIs404AndAWrongMethod405) {
  HttpRouter router;
  router.Add("GET", "/a", Says("a"));
  router.Add("POST", "/a", Says("p"));
  EXPECT_EQ(router.Answer(Asks("GET", "/b")).status, 404);
  EXPECT_EQ(router.Answer(Asks("GET", "*")).status, 404);
  EXPECT_EQ(router.Answer(Asks("GET", "")).status, 404);
  const HttpResponse wrong = router.Answer(Asks("DELETE", "/a"));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers[0].second, "GET, POST");
  EXPECT_EQ(router.Answer(Asks("HEAD", "/a")).body, "a");
}

// A connection of its own.
class Peer {
 public:
  explicit Peer(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    address.sin_port = htons(port);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  Peer(const Peer&) = delete;
  ~Peer() { close(fd_); }

  void Send(const std::string& text) {
    for (size_t sent = 0; sent < text.size();) {
      const ssize_t n = send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;
      sent += n;
    }
  }
  std::string ReadAll() { return ReadUntil("\n\n\n"); }
  std::string ReadUntil(const std::string& end) {
    std::string all;
    char buffer[4096];
    while (all.find(end) == all.npos) {
      const ssize_t n = read(fd_, buffer, sizeof buffer);
      if (n <= 0) break;
      all.append(buffer, n);
    }
    return all;
  }

 private:
  const int fd_;
};

class HttpServerTest : public testing::Test {
 protected:
  void Serve(const HttpBounds& bounds,
             const AcceptorOptions& connections = {.reserved_descriptors = 0}) {
    server_ = *HttpServer::Listen({"127.0.0.1", 0}, connections, bounds);
    HttpRouter router;
    router.Add("GET", "/a", Says("hello"));
    router.Add("POST", "/a", Says("got "));
    server_->Serve(std::move(router));
  }
  std::string Ask(const std::string& request) {
    Peer peer(server_->address().port);
    peer.Send(request);
    return peer.ReadAll();
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, OneConnectionCarriesRequestAfterRequest) {
  Serve({});
  Peer peer(server_->address().port);
  peer.Send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(peer.ReadUntil("hello").find("200 OK"), std::string::npos);
  // Two at once.
  peer.Send(
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nyouGET /none "
      "HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string rest = peer.ReadAll();
  EXPECT_NE(rest.find("got you"), std::string::npos) << rest;
  EXPECT_NE(rest.find("404"), std::string::npos) << rest;
  EXPECT_NE(rest.find("X-Peer: 127.0.0.1"), std::string::npos) << rest;
}

TEST_F(HttpServerTest, HeadHasTheHeadersOfGetAndNoBody) {
  Serve({});
  const std::string answer = Ask("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 5"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("hello"), std::string::npos) << answer;
}

TEST_F(HttpServerTest, WhatIsTooLargeOrNoHttpIsRefusedWithItsStatus) {
  Serve({.header_bytes = 1024, .body_bytes = 10});
  const std::string large = "GET /a HTTP/1.1\r\nX: " + std::string(5000, 'x') + "\r\n\r\n";
  EXPECT_NE(Ask(large).find(" 431 "), std::string::npos);
  EXPECT_NE(Ask("POST /a HTTP/1.1\r\nContent-Length: 11\r\n\r\n").find(" 413 "), std::string::npos);
  EXPECT_NE(Ask("POST /a HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n").find(" 400 "),
            std::string::npos);
  EXPECT_NE(
      Ask("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n")
          .find(" 413 "),
      std::string::npos);
  EXPECT_NE(Ask(std::string("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 11)).find(" 400 "),
            std::string::npos);
  EXPECT_NE(Ask("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n").find("hello"), std::string::npos);
}

TEST_F(HttpServerTest, WhoTakesTooLongToAskIsHungUpOn) {
  Serve({.request_ms = 50});
  EXPECT_EQ(Ask(""), "");
  EXPECT_EQ(Ask("GET /a HTTP/1.1\r\nX: "), "");
  while (server_->stats().open > 0) std::this_thread::yield();
}

TEST_F(HttpServerTest, DescriptorsUsedUpAreAnsweredAndServingGoesOn) {
  Serve({});
  Peer before(server_->address().port);
  before.Send("GET /a HTTP/1.1\r\n\r\n");
  EXPECT_NE(before.ReadUntil("hello").find("200"), std::string::npos);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  rlimit low = limit;
  low.rlim_cur = 128;
  setrlimit(RLIMIT_NOFILE, &low);
  std::vector<int> held;
  for (int fd; (fd = dup(0)) >= 0;) held.push_back(fd);
  // For the client's own socket.
  close(held.back());
  held.pop_back();
  {
    Peer without(server_->address().port);
    EXPECT_NE(without.ReadAll().find(" 503 "), std::string::npos);
  }
  before.Send("GET /a HTTP/1.1\r\n\r\n");
  EXPECT_NE(before.ReadUntil("hello").find("200"), std::string::npos);
  EXPECT_LE(server_->stats().failed, 5u);
  for (int fd : held) close(fd);
  setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_NE(Ask("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n").find("hello"), std::string::npos);
}

TEST(MetricsEndpointTest, MetricsAreServedAsPrometheusReadsThem) {
  auto endpoint = *MetricsEndpoint::Listen({"127.0.0.1", 0}, [] {
    return std::vector<core::Metric>{
        {"chargeledger_x_total", "Help\n.", core::Metric::Kind::kCounter, {{{{"a", "b\"c"}}, 7}}}};
  });
  Peer peer(endpoint->address().port);
  peer.Send("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answer = peer.ReadAll();
  EXPECT_NE(answer.find("Content-Type: text/plain; version=0.0.4"), std::string::npos) << answer;
  EXPECT_NE(
      answer.find("# TYPE chargeledger_x_total counter\nchargeledger_x_total{a=\"b\\\"c\"} 7\n"),
      std::string::npos)
      << answer;
}

TEST(MetricsEndpointTest, AListenerSaysWhomItTurnedAway) {
  AcceptorStats stats;
  stats.open = 3;
  stats.too_many_of_address = 2;
  const std::string text = ToPrometheusText(ListenerMetrics("ocpi", stats));
  EXPECT_NE(text.find("chargeledger_connections_open{listener=\"ocpi\"} 3\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("{listener=\"ocpi\",reason=\"too-many-of-address\"} 2\n"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace chargeledger::net
