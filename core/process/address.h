// HOST:PORT as a setting.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::core {

struct Address {
  std::string host;
  uint16_t port = 0;

  // host:port, [v6]:port; port 0 to 65535. INVALID_ARGUMENT names `setting` and the text.
  static absl::StatusOr<Address> Parse(absl::string_view setting, absl::string_view text);
  std::string ToText() const;
};

}  // namespace chargeledger::core
