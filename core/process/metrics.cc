#include "core/process/metrics.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <exception>

#include "absl/strings/str_cat.h"

namespace chargeledger::core {
namespace {

class Adapter final : public prometheus::Collectable {
 public:
  explicit Adapter(MetricsEndpoint::Collect collect) : collect_(std::move(collect)) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families;
    for (const Metric& metric : collect_()) {
      prometheus::MetricFamily& family = families.emplace_back();
      const bool counter = metric.kind == Metric::Kind::kCounter;
      family.name = metric.name;
      family.help = metric.help;
      family.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
      for (const Metric::Sample& sample : metric.samples) {
        prometheus::ClientMetric& out = family.metric.emplace_back();
        for (const auto& [name, value] : sample.labels) out.label.push_back({name, value});
        (counter ? out.counter.value : out.gauge.value) = sample.value;
      }
    }
    return families;
  }

 private:
  const MetricsEndpoint::Collect collect_;
};

class RunningEndpoint final : public MetricsEndpoint {
 public:
  RunningEndpoint(const Address& address, Collect collect)
      : adapter_(std::make_shared<Adapter>(std::move(collect))), exposer_(address.ToText(), 1) {
    exposer_.RegisterCollectable(adapter_);
    address_ = {address.host, static_cast<uint16_t>(exposer_.GetListeningPorts().at(0))};
  }

  Address address() const override { return address_; }

 private:
  std::shared_ptr<Adapter> adapter_;
  Address address_;
  // Last, so that it stops serving before the rest goes.
  prometheus::Exposer exposer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Listen(const Address& address,
                                                                         Collect collect) {
  // The library tells by an exception that it cannot listen.
  try {
    return std::unique_ptr<MetricsEndpoint>(
        std::make_unique<RunningEndpoint>(address, std::move(collect)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("cannot serve metrics on ", address.ToText(), ": ",
                                               error.what(), "; is the port in use?"));
  }
}

}  // namespace chargeledger::core
