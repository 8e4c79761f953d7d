// Serves OcpiPages over HTTP/1.1, on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "core/process/address.h"
#include "server/ocpi/pages.h"

namespace chargeledger::server {

class OcpiEndpoint {
 public:
  using Get =
      std::function<OcpiAnswer(const std::string& target, const std::string& authorization)>;

  // UNAVAILABLE names an address that cannot be listened on.
  static absl::StatusOr<std::unique_ptr<OcpiEndpoint>> Listen(const core::Address& address);
  virtual ~OcpiEndpoint() = default;

  // Answers from now on: who answers has to know the address first. Once.
  virtual void Serve(Get get) = 0;
  virtual core::Address address() const = 0;
};

}  // namespace chargeledger::server
