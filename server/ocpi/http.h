// One HTTP exchange, by libcurl.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace chargeledger::server {

struct HttpRequest {
  // PUT or POST.
  std::string method;
  std::string url;
  // "Name: value"
  std::vector<std::string> headers;
  std::string body;
  int64_t timeout_ms = 10'000;
};

struct HttpResponse {
  int64_t status = 0;
  // Of the header of that name; empty without.
  std::string location;
  // At most 64 KiB of it.
  std::string body;
};

// UNAVAILABLE says why there was no answer; CANCELLED: `cancelled` became true. Redirects are not
// followed: a token is for who was named.
absl::StatusOr<HttpResponse> Exchange(const HttpRequest& request,
                                      const std::atomic<bool>& cancelled);

}  // namespace chargeledger::server
