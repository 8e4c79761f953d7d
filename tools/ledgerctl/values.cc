#include <google/protobuf/util/json_util.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "core/decimal.h"
#include "core/money.h"
#include "core/timestamp.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {

std::string HumanTime(int64_t us) {
  if (us == 0) return "-";
  std::string text = core::FormatTimestamp(us).substr(0, 19);
  text[10] = ' ';
  return text;
}

std::string RawTime(int64_t us) { return us == 0 ? "" : core::FormatTimestamp(us); }

std::string HumanDuration(int64_t us) {
  const int64_t seconds = us / 1'000'000;
  if (seconds < 0) return absl::StrCat("-", HumanDuration(-us));
  return absl::StrFormat("%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string ShortName(const std::string& enum_name, const std::string& prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(enum_name, prefix));
}

std::string HumanMoney(int64_t e4, const std::string& currency) {
  auto parsed = core::Currency::FromCode(currency);
  if (!parsed.ok()) return core::FormatDecimal(e4, 4, 4);
  return core::FormatMoney(core::MoneyE4(e4), *parsed);
}

absl::Status PrintJson(const google::protobuf::Message& message, std::ostream& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError(status.ToString());
  out << json;
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
