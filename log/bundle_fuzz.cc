// Bundles and tiles as they come from a disk or a folder that nobody vouches for.
#include <cstdint>

#include "core/check.h"
#include "log/bundle.h"
#include "log/tlog/tiles.h"

namespace log_ = chargeledger::log;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto bundle = log_::Bundle::Open(bytes, 512);
  if (bundle.ok()) {
    CL_CHECK(bundle->entries().size() == 256, "a bundle has 256 entries");
    (void)bundle->LeafHashes();
  } else {
    const uint64_t damaged = log_::Bundle::FirstDamaged(bytes, 512);
    CL_CHECK(damaged >= 512 && damaged < 768, "the damaged entry is one of the bundle's");
  }
  if (size == 0) return 0;
  const uint64_t count = uint64_t{data[0]} + 1;
  auto entries = log_::tlog::ReadBundle(bytes.substr(1), count);
  if (!entries.ok()) return 0;
  std::string again;
  for (absl::string_view entry : *entries) log_::tlog::AppendToBundle(entry, again);
  CL_CHECK(again == bytes.substr(1) && entries->size() == count, "an entry bundle has one form");
  return 0;
}
