#include "core/process/address.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::core {

absl::StatusOr<Address> Address::Parse(absl::string_view setting, absl::string_view text) {
  const size_t colon = text.rfind(':');
  absl::string_view host = text.substr(0, colon == text.npos ? 0 : colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    host = {};
  }
  uint32_t port = 0;
  if (host.empty() || !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65'535) {
    return absl::InvalidArgumentError(absl::StrCat(
        setting, " is \"", text, "\"; it must be HOST:PORT such as 127.0.0.1:9000 or [::1]:9000"));
  }
  return Address{std::string(host), static_cast<uint16_t>(port)};
}

std::string Address::ToText() const {
  const bool v6 = host.find(':') != std::string::npos;
  return absl::StrCat(v6 ? "[" : "", host, v6 ? "]" : "", ":", port);
}

}  // namespace chargeledger::core
