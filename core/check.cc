#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace chargeledger::core {

void CheckFailed(const char* file, int line, const char* condition, const char* message) {
  std::fprintf(stderr, "%s:%d: this must never happen: %s (%s)\n", file, line, message, condition);
  std::abort();
}

}  // namespace chargeledger::core
