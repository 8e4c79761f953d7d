#include "net/metrics_endpoint.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "net/http_server.h"

namespace chargeledger::net {
namespace {

// One scraper, or a few, and a person with a browser.
constexpr AcceptorOptions kConnections = {
    .max_connections = 32, .max_per_address = 8, .loopback_exempt = true};

class RunningEndpoint final : public MetricsEndpoint {
 public:
  RunningEndpoint(std::unique_ptr<HttpServer> server, Collect collect)
      : collect_(std::move(collect)), server_(std::move(server)) {
    HttpRouter router;
    router.Add("GET", "/metrics", [this](const HttpRequest&) {
      return HttpResponse{
          200, "text/plain; version=0.0.4; charset=utf-8", {}, ToPrometheusText(collect_())};
    });
    server_->Serve(std::move(router));
  }

  const core::Address& address() const override { return server_->address(); }

 private:
  const Collect collect_;
  // Last, so that it stops serving before the rest goes.
  const std::unique_ptr<HttpServer> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Listen(
    const core::Address& address, Collect collect) {
  auto server = HttpServer::Listen(address, kConnections, {});
  if (!server.ok()) return server.status();
  return std::unique_ptr<MetricsEndpoint>(
      std::make_unique<RunningEndpoint>(*std::move(server), std::move(collect)));
}

std::string ToPrometheusText(const std::vector<core::Metric>& metrics) {
  std::vector<prometheus::MetricFamily> families;
  for (const core::Metric& metric : metrics) {
    prometheus::MetricFamily& family = families.emplace_back();
    const bool counter = metric.kind == core::Metric::Kind::kCounter;
    family.name = metric.name;
    family.help = metric.help;
    family.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const core::Metric::Sample& sample : metric.samples) {
      prometheus::ClientMetric& out = family.metric.emplace_back();
      for (const auto& [name, value] : sample.labels) out.label.push_back({name, value});
      (counter ? out.counter.value : out.gauge.value) = static_cast<double>(sample.value);
    }
  }
  return prometheus::TextSerializer().Serialize(families);
}

std::vector<core::Metric> ListenerMetrics(const std::string& listener, const AcceptorStats& stats) {
  const auto count = [](uint64_t value) { return static_cast<int64_t>(value); };
  const std::pair<std::string, std::string> label = {"listener", listener};
  return {{"chargeledger_connections_open",
           "Connections that are open now.",
           core::Metric::Kind::kGauge,
           {{{label}, count(stats.open)}}},
          {"chargeledger_connections_turned_away_total",
           "Connections that were answered 503, by why.",
           core::Metric::Kind::kCounter,
           {{{label, {"reason", "too-many"}}, count(stats.too_many)},
            {{label, {"reason", "too-many-of-address"}}, count(stats.too_many_of_address)},
            {{label, {"reason", "no-descriptor"}}, count(stats.no_descriptor)}}},
          {"chargeledger_accept_failures_total",
           "How often the system could not accept a connection.",
           core::Metric::Kind::kCounter,
           {{{label}, count(stats.failed)}}}};
}

}  // namespace chargeledger::net
