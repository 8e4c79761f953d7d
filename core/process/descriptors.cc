#include "core/process/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace chargeledger::core {

uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  return DescriptorLimit();
}

uint64_t DescriptorLimit() {
  rlimit limit{};
  // It fails for no resource that exists; 1,024 is what a system gives that says nothing else.
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 1024;
}

uint64_t FirstReservedDescriptor(uint64_t reserved) {
  const uint64_t limit = DescriptorLimit();
  return limit - std::min(reserved, limit / 2);
}

}  // namespace chargeledger::core
