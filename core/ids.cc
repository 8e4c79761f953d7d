#include "core/ids.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::core {

absl::StatusOr<LogId> LogId::FromBytes(absl::string_view bytes) {
  if (bytes.size() != kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("log id has ", bytes.size(), " bytes; a log id has ", kSize));
  }
  LogId id;
  std::memcpy(id.bytes_.data(), bytes.data(), kSize);
  return id;
}

absl::string_view LogId::bytes() const { return absl::string_view(bytes_.data(), bytes_.size()); }

std::string LogId::ToHex() const { return absl::BytesToHexString(bytes()); }

absl::Status CheckChargePointId(absl::string_view id) {
  if (id.empty() || id.size() > 48) {
    return absl::InvalidArgumentError(
        absl::StrCat("charge point id has ", id.size(), " characters; it must have 1 to 48"));
  }
  if (id.front() == ' ' || id.back() == ' ') {
    return absl::InvalidArgumentError(absl::StrCat("charge point id \"", absl::CHexEscape(id),
                                                   "\" begins or ends with a space; a space is "
                                                   "allowed only inside"));
  }
  for (char c : id) {
    if (!absl::ascii_isprint(c) || absl::string_view("/?#\"<>\\").find(c) != id.npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("charge point id \"", absl::CHexEscape(id),
                       "\" holds a character that is not allowed; printable ASCII without "
                       "/ ? # \" < > \\ is"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  const bool allowed = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (name.empty() || name.size() > 64 || !allowed) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " is \"", absl::CHexEscape(name),
                     "\"; it must have 1 to 64 characters of A-Z a-z 0-9 . _ -"));
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::core
