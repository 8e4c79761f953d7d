// A small HTTP/1.1 server on a thread of its own: Acceptor's bounds on connections, HttpBounds on
// requests.
//
// Requests are answered one at a time, also those of different connections: a handler has to be
// quick.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/process/address.h"
#include "net/bounds.h"
#include "net/http_router.h"

namespace chargeledger::net {

class HttpServer {
 public:
  // Listens and answers nothing yet. UNAVAILABLE names an address that cannot be listened on.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Listen(const core::Address& address,
                                                            const AcceptorOptions& connections,
                                                            const HttpBounds& bounds);
  // Ends all connections; no handler is called afterwards.
  virtual ~HttpServer() = default;

  // Answers from now on: who answers may have to know the address first. Once.
  virtual void Serve(HttpRouter router) = 0;
  virtual const core::Address& address() const = 0;
  virtual AcceptorStats stats() const = 0;
};

}  // namespace chargeledger::net
