// The bounds on strangers, in one place: what a listener allows, and what it counts of those who
// wanted more.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/process/descriptors.h"

namespace chargeledger::net {

struct AcceptorOptions {
  // Connections at one time, in all and of one address (PeerAddress).
  size_t max_connections = 1024;
  size_t max_per_address = 64;
  // Loopback addresses are under the first bound only: a proxy on this machine speaks for many.
  bool loopback_exempt = false;
  // Descriptors of the process that connections leave to files.
  uint64_t reserved_descriptors = core::kReservedDescriptors;
};

// Why a connection was turned away.
enum class Turned {
  kTooMany,
  kTooManyOfAddress,
  kNoDescriptor,
};

// Counters since the acceptor was made, but for `open`.
struct AcceptorStats {
  size_t open = 0;
  uint64_t accepted = 0;
  uint64_t too_many = 0;
  uint64_t too_many_of_address = 0;
  uint64_t no_descriptor = 0;
  // Tries to accept that the system refused.
  uint64_t failed = 0;
};

// What one HTTP connection may do; beyond, it is answered with 400, 413 or 431 where there is time,
// and ended.
struct HttpBounds {
  size_t header_bytes = 8 << 10;
  size_t body_bytes = 1 << 10;
  // From the answer before (or the connection's begin) to the last byte of a request.
  int64_t request_ms = 10'000;
  // To take the whole answer.
  int64_t answer_ms = 30'000;
};

}  // namespace chargeledger::net
