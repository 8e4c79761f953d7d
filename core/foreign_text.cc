#include "core/foreign_text.h"

#include <simdjson.h>

#include "absl/strings/escaping.h"

namespace chargeledger::core {

absl::string_view CutUtf8(absl::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

std::string Recordable(absl::string_view text, size_t most) {
  const absl::string_view cut = CutUtf8(text, most);
  if (simdjson::validate_utf8(cut.data(), cut.size())) return std::string(cut);
  return absl::CHexEscape(text.substr(0, most)).substr(0, most);
}

}  // namespace chargeledger::core
