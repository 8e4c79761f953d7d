#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
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

absl::StatusOr<v1::AsOf> ParseAsOf(const std::string& text) {
  v1::AsOf as_of;
  if (text.empty()) return as_of;
  if (auto time = core::ParseTimestamp(text); time.ok()) {
    as_of.set_time_us(*time);
    return as_of;
  }
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::vector<std::string> fields = absl::StrSplit(part, ':');
    v1::LogPosition& position = *as_of.add_positions();
    uint32_t generation = 0;
    uint64_t size = 0;
    if (fields.size() != 3 || fields[0].empty() || !absl::SimpleAtoi(fields[1], &generation) ||
        !absl::SimpleAtoi(fields[2], &size)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--as-of is \"", text,
          "\"; it must be a time as in 2026-11-20T21:46:00Z, or LOG:GENERATION:SIZE as "
          "in north:1:4711, several with commas between"));
    }
    const bool hex =
        fields[0].size() >= 8 && std::all_of(fields[0].begin(), fields[0].end(), [](char c) {
          return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
        });
    hex ? position.set_log_id(fields[0]) : position.set_site(fields[0]);
    position.set_generation(generation);
    position.set_size(size);
  }
  return as_of;
}

absl::StatusOr<v1::SessionFlag> ParseFlag(const std::string& text) {
  v1::SessionFlag flag = v1::SESSION_FLAG_UNSPECIFIED;
  if (text.empty() || v1::SessionFlag_Parse("SESSION_FLAG_" + absl::AsciiStrToUpper(text), &flag)) {
    return flag;
  }
  std::vector<std::string> names;
  for (int i = 1; i < v1::SessionFlag_descriptor()->value_count(); ++i) {
    names.push_back(ShortName(v1::SessionFlag_descriptor()->value(i)->name(), "SESSION_FLAG_"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--flag is \"", text, "\"; it must be one of ", absl::StrJoin(names, ", ")));
}

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
