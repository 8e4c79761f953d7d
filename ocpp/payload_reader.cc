#include "ocpp/payload_reader.h"

#include <algorithm>

#include "ocpp/payload_reading.h"

namespace chargeledger::ocpp {
namespace reading {
namespace {

// OCPP counts characters, not bytes.
size_t Characters(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

// As the schemas' date-time asks: a date and a time.
bool IsDateTime(absl::string_view text) {
  return text.size() >= 19 && core::ParseTimestamp(text).ok();
}

bool IsUri(absl::string_view text) {
  const size_t colon = text.find(':');
  return colon != text.npos && colon > 0 && colon + 1 < text.size() &&
         absl::ascii_isalpha(text[0]) &&
         std::none_of(text.begin(), text.end(), [](char c) { return absl::ascii_isspace(c); });
}

}  // namespace

void CheckText(absl::string_view text, const Rule& rule, Check& check) {
  if (rule.max_length > 0 && text.size() > rule.max_length && Characters(text) > rule.max_length) {
    check.Violated(ErrorCode::kPropertyConstraintViolation, "",
                   absl::StrCat("has ", Characters(text), " characters; it may have at most ",
                                rule.max_length));
  }
  if (rule.date_time && !IsDateTime(text)) {
    check.Violated(ErrorCode::kTypeConstraintViolation, "",
                   absl::StrCat("is \"", text.substr(0, 40),
                                "\"; it must be a time as in 2026-11-20T21:46:00Z"));
  }
  if (rule.uri && !IsUri(text)) {
    check.Violated(
        ErrorCode::kPropertyConstraintViolation, "",
        absl::StrCat("is \"", text.substr(0, 40), "\"; it must be a URI as in ftp://host/path"));
  }
  if (!rule.one_of.empty() && std::none_of(rule.one_of.begin(), rule.one_of.end(),
                                           [&](absl::string_view word) { return word == text; })) {
    check.Violated(
        ErrorCode::kPropertyConstraintViolation, "",
        absl::StrCat("is \"", text.substr(0, 40), "\"; the standard has no such value here"));
  }
}

void CheckNumber(absl::string_view text, const Rule& rule, bool integer, Check& check) {
  const bool fits = !integer || core::ParseDecimal(text, 0, core::Excess::kRefuse).ok();
  if (!fits) {
    return check.Violated(ErrorCode::kTypeConstraintViolation, "",
                          absl::StrCat("is ", text.substr(0, 40), "; it must be an integer"));
  }
  if (rule.tenths && !core::ParseDecimal(text, 1, core::Excess::kRefuse).ok()) {
    return check.Violated(
        ErrorCode::kPropertyConstraintViolation, "",
        absl::StrCat("is ", text.substr(0, 40), "; it may have at most one decimal"));
  }
  constexpr int kPlaces = 6;
  constexpr int64_t kScale = 1'000'000;
  const bool bounded = rule.at_least != Rule().at_least || rule.at_most != Rule().at_most;
  if (!bounded) return;
  auto value = core::ParseDecimal(text, kPlaces, core::Excess::kRoundHalfAwayFromZero);
  const bool low =
      value.ok() && rule.at_least != Rule().at_least && *value < rule.at_least * kScale;
  const bool high = value.ok() && rule.at_most != Rule().at_most && *value > rule.at_most * kScale;
  if (!value.ok() || low || high) {
    check.Violated(
        ErrorCode::kPropertyConstraintViolation, "",
        absl::StrCat("is ", text.substr(0, 40), "; it must be ", high ? "at most " : "at least ",
                     high ? rule.at_most : rule.at_least));
  }
}

void WrongType(absl::string_view wanted, Check& check) {
  check.Violated(ErrorCode::kTypeConstraintViolation, "", absl::StrCat("must be ", wanted));
}

void CheckCustomData(Value& value, Check& check) {
  check.Within("customData", [&] {
    Object object;
    if (value.get_object().get(object)) return WrongType("an object", check);
    bool named = false;
    for (auto entry : object) {
      std::string_view key;
      Value inner;
      if (entry.unescaped_key().get(key) || entry.value().get(inner)) break;
      if (key != "vendorId") continue;
      named = true;
      Text vendor;
      check.Within("vendorId", [&] { Read(inner, MaxLength(255), vendor, check); });
    }
    if (!named) {
      check.Violated(ErrorCode::kOccurenceConstraintViolation, "vendorId",
                     "is missing; the standard requires it");
    }
  });
}

}  // namespace reading

PayloadReader::PayloadReader() : state_(std::make_unique<State>()) {}
PayloadReader::~PayloadReader() = default;

}  // namespace chargeledger::ocpp
