// Load for an edge agent over real sockets: each connection sends its next MeterValues when it is
// due and the one before is answered, and every answer's latency is kept. One line of JSON at the
// end.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/process/address.h"
#include "core/system_clock.h"

namespace chargeledger::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using Error = boost::system::error_code;

struct Flags {
  std::string agent = "127.0.0.1:9000";
  int connections = 50;
  int seconds = 10;
  // Calls per second of all connections together; 0: as fast as answers come.
  int64_t rate = 0;
};

struct Results {
  std::vector<int64_t> latencies_us;
  uint64_t errors = 0;
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  Client(asio::io_context& io, core::SystemClock& clock, int number, int64_t interval_us,
         int64_t first_us, int64_t end_us, Results& results)
      : clock_(clock),
        number_(number),
        interval_us_(interval_us),
        due_us_(first_us),
        end_us_(end_us),
        results_(results),
        ws_(io),
        timer_(io) {}

  void Start(const asio::ip::tcp::endpoint& agent, const std::string& host) {
    beast::get_lowest_layer(ws_).async_connect(agent, [self = shared_from_this(),
                                                       host](Error error) {
      if (error) return self->Fail();
      Error ignored;
      beast::get_lowest_layer(self->ws_).socket().set_option(asio::ip::tcp::no_delay(true),
                                                             ignored);
      self->ws_.set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
        request.set(beast::http::field::sec_websocket_protocol, "ocpp1.6");
      }));
      self->ws_.async_handshake(host, absl::StrCat("/ocpp/LOAD-", self->number_),
                                [self](Error failed) {
                                  if (failed) return self->Fail();
                                  self->Next();
                                });
    });
  }

 private:
  int64_t Now() { return static_cast<int64_t>(clock_.MonotonicMicros()); }

  void Next() {
    const int64_t now = Now();
    if (now >= end_us_) return;
    if (interval_us_ == 0) due_us_ = now;
    if (now < due_us_) {
      timer_.expires_after(std::chrono::microseconds(due_us_ - now));
      timer_.async_wait([self = shared_from_this()](Error) { self->Call(); });
    } else {
      Call();
    }
  }

  void Call() {
    text_ = absl::StrFormat(
        R"([2,"%d-%d","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":)"
        R"("2026-03-01T12:00:00Z","sampledValue":[{"value":"%d","unit":"Wh","measurand":)"
        R"("Energy.Active.Import.Register"},{"value":"11040","unit":"W","measurand":)"
        R"("Power.Active.Import"}]}]}])",
        number_, calls_, number_, calls_ * 10);
    ++calls_;
    ws_.async_write(asio::buffer(text_), [self = shared_from_this()](Error error, size_t) {
      if (error) return self->Fail();
      self->ws_.async_read(self->buffer_, [self](Error failed, size_t) {
        if (failed) return self->Fail();
        self->buffer_.consume(self->buffer_.size());
        // From when it was due, not from when it was sent: waiting behind a slow answer counts.
        self->results_.latencies_us.push_back(self->Now() - self->due_us_);
        self->due_us_ += self->interval_us_;
        self->Next();
      });
    });
  }

  void Fail() { ++results_.errors; }

  core::SystemClock& clock_;
  const int number_;
  const int64_t interval_us_;
  int64_t due_us_;
  const int64_t end_us_;
  Results& results_;
  websocket::stream<beast::tcp_stream> ws_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::string text_;
  int64_t calls_ = 0;
};

int Main(int argc, char** argv) {
  CLI::App app("Loads an edge agent with OCPP 1.6 MeterValues.", "ocpp_load");
  Flags flags;
  app.add_option("--agent", flags.agent, "HOST:PORT, a loopback address");
  app.add_option("--connections", flags.connections, "charge points")->check(CLI::Range(1, 10'000));
  app.add_option("--seconds", flags.seconds, "how long")->check(CLI::Range(1, 600));
  app.add_option("--rate", flags.rate, "calls per second in all; 0: as fast as answers come");
  CLI11_PARSE(app, argc, argv);
  auto address = core::Address::Parse("--agent", flags.agent);
  if (!address.ok()) {
    std::cerr << "ocpp_load: " << address.status().message() << "\n";
    return 2;
  }
  Error error;
  const asio::ip::address host = asio::ip::make_address(address->host, error);
  if (error || !host.is_loopback()) {
    std::cerr << "ocpp_load: --agent is \"" << flags.agent << "\"; it must be a loopback address\n";
    return 2;
  }
  asio::io_context io(1);
  core::SystemClock clock;
  Results results;
  const int64_t begin_us = static_cast<int64_t>(clock.MonotonicMicros());
  const int64_t interval_us =
      flags.rate == 0 ? 0 : int64_t{1'000'000} * flags.connections / flags.rate;
  for (int i = 0; i < flags.connections; ++i) {
    const int64_t first_us = begin_us + interval_us * i / flags.connections;
    std::make_shared<Client>(io, clock, i, interval_us, first_us,
                             begin_us + flags.seconds * int64_t{1'000'000}, results)
        ->Start({host, address->port}, flags.agent);
  }
  io.run();
  std::vector<int64_t>& all = results.latencies_us;
  std::sort(all.begin(), all.end());
  auto at = [&](size_t per_mille) {
    return all.empty() ? 0 : all[std::min(all.size() - 1, all.size() * per_mille / 1000)];
  };
  absl::PrintF(
      "{\"calls\":%d,\"calls_per_second\":%d,\"p50_us\":%d,\"p90_us\":%d,\"p99_us\":%d,"
      "\"max_us\":%d,\"errors\":%d}\n",
      all.size(), all.size() / static_cast<size_t>(flags.seconds), at(500), at(900), at(990),
      at(1000), results.errors);
  return results.errors == 0 ? 0 : 1;
}

}  // namespace
}  // namespace chargeledger::bench

int main(int argc, char** argv) { return chargeledger::bench::Main(argc, argv); }
