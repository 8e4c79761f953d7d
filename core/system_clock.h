// The operating system's clocks and entropy: the only place that reads them.
#pragma once

#include <cstdint>
#include <string>

#include "core/clock.h"
#include "core/ids.h"

namespace chargeledger::core {

// Thread-safe.
class SystemClock final : public Clock {
 public:
  int64_t WallMicros() override;
  // Since the machine's boot, running on through suspend.
  uint64_t MonotonicMicros() override;
};

// 128 bits of the operating system's entropy.
LogId RandomLogId();

// `size` bytes of the operating system's entropy.
std::string RandomBytes(size_t size);

// 64 bits of the operating system's entropy: seeds jitter, names requests.
uint64_t RandomBits();

// The kernel's id of this boot of the machine; empty where there is none.
std::string OsBootId();

}  // namespace chargeledger::core
