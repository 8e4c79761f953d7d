// A process's metrics, served over HTTP at /metrics in Prometheus's text format.
//
// What is served is collected when it is asked for; nothing is kept here. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/metric.h"
#include "core/process/address.h"
#include "net/bounds.h"

namespace chargeledger::net {

class MetricsEndpoint {
 public:
  // Called for each request, from another thread, until the endpoint is destroyed.
  using Collect = std::function<std::vector<core::Metric>()>;

  // UNAVAILABLE if `address` cannot be listened on; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Listen(const core::Address& address,
                                                                 Collect collect);
  virtual ~MetricsEndpoint() = default;

  virtual const core::Address& address() const = 0;
};

// Prometheus's text format, version 0.0.4.
std::string ToPrometheusText(const std::vector<core::Metric>& metrics);

// What a listener counts, with the label `listener`.
std::vector<core::Metric> ListenerMetrics(const std::string& listener, const AcceptorStats& stats);

}  // namespace chargeledger::net
