#include "log/tlog/text.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log::tlog {

absl::StatusOr<std::string> DecodeBase64(absl::string_view text) {
  std::string bytes;
  // Abseil is lenient about padding and white space.
  if (!absl::Base64Unescape(text, &bytes) || absl::Base64Escape(bytes) != text) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(text.substr(0, 100)), "\" is not standard base64"));
  }
  return bytes;
}

absl::StatusOr<core::Hash> DecodeHash(absl::string_view text) {
  CL_ASSIGN_OR_RETURN(std::string bytes, DecodeBase64(text));
  return core::Hash::FromBytes(bytes);
}

std::string EncodeHash(const core::Hash& hash) { return absl::Base64Escape(hash.bytes()); }

absl::StatusOr<uint64_t> DecodeNumber(absl::string_view text) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || absl::StrCat(number) != text ||
      number > uint64_t{INT64_MAX}) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(text.substr(0, 100)),
                     "\" is not a decimal number without leading zeroes below 2^63"));
  }
  return number;
}

}  // namespace chargeledger::log::tlog
