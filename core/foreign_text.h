// Text that others wrote, on its way into a protobuf string: bytes that are not UTF-8 would make
// the message unreadable for ever.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace chargeledger::core {

// At most `most` bytes, without half a character at the end.
absl::string_view CutUtf8(absl::string_view text, size_t most);
// The same; what is not UTF-8 is escaped.
std::string Recordable(absl::string_view text, size_t most);

}  // namespace chargeledger::core
