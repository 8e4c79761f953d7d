// Entries as they come from the network or the disk.
#include <cstdint>

#include "chargeledger/v1/entry.pb.h"
#include "core/check.h"
#include "log/entry_place.h"

namespace v1 = chargeledger::v1;
namespace core = chargeledger::core;
namespace log_ = chargeledger::log;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  v1::Entry entry;
  const bool parsed = entry.ParseFromArray(data, static_cast<int>(size));
  const bool placed =
      log_::CheckEntryPlace(core::Generation(entry.generation()), entry.sequence(), bytes).ok();
  CL_CHECK(placed == (parsed && size <= 65'535), "an entry stands where it says that it does");
  if (!parsed) return 0;
  v1::Entry again;
  CL_CHECK(again.ParseFromString(entry.SerializeAsString()), "what is written can be read");
  return 0;
}
