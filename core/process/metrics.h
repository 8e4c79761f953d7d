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

namespace chargeledger::core {

class MetricsEndpoint {
 public:
  // Called for each request, from any thread, until the endpoint is destroyed.
  using Collect = std::function<std::vector<Metric>()>;

  // UNAVAILABLE if `address` cannot be listened on; port 0 takes a free one.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Listen(const Address& address,
                                                                 Collect collect);
  virtual ~MetricsEndpoint() = default;

  virtual Address address() const = 0;
};

}  // namespace chargeledger::core
