// The templates behind PayloadReader: to be included where messages are instantiated, and nowhere
// else.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "ocpp/payload_reader.h"
#include "ocpp/shape.h"

namespace chargeledger::ocpp {

struct PayloadReader::State {
  std::string buffer;
  simdjson::ondemand::parser parser;
};

namespace reading {

using Value = simdjson::ondemand::value;
using Object = simdjson::ondemand::object;
using Type = simdjson::ondemand::json_type;

inline absl::string_view ToView(std::string_view view) { return {view.data(), view.size()}; }

inline void Reset(Text& field) { field.reset(); }
inline void Reset(Integer& field) { field.reset(); }
inline void Reset(Boolean& field) { field.reset(); }
inline void Reset(Decimal& field) { field.reset(); }
inline void Reset(Anything& field) { field.reset(); }
template <typename T>
void Reset(Maybe<T>& field) {
  field.reset();
}
template <typename T>
void Reset(List<T>& field) {
  field.clear();
}

// Where the reader is, and the first violation. Without `found` nothing is checked.
class Check {
 public:
  explicit Check(std::optional<Violation>* found) : found_(found) {}

  bool wanted() const { return found_ != nullptr && !found_->has_value(); }
  void Violated(ErrorCode code, absl::string_view field, std::string detail) {
    if (!wanted()) return;
    *found_ = Violation{code, absl::StrCat(path_, path_.empty() || field.empty() ? "" : ".", field),
                        std::move(detail)};
  }
  // Runs `inner` with the path one step further.
  template <typename Inner>
  void Within(absl::string_view step, Inner inner) {
    if (found_ == nullptr) return inner();
    const size_t length = path_.size();
    absl::StrAppend(&path_, path_.empty() ? "" : ".", step);
    inner();
    path_.resize(length);
  }
  template <typename Inner>
  void WithinItem(size_t index, Inner inner) {
    if (found_ == nullptr) return inner();
    const size_t length = path_.size();
    absl::StrAppend(&path_, "[", index, "]");
    inner();
    path_.resize(length);
  }

 private:
  std::optional<Violation>* found_;
  std::string path_;
};

void CheckText(absl::string_view text, const Rule& rule, Check& check);
void CheckNumber(absl::string_view text, const Rule& rule, bool integer, Check& check);
void WrongType(absl::string_view wanted, Check& check);

inline void Read(Value& value, const Rule& rule, Text& out, Check& check) {
  std::string_view text;
  if (!value.get_string().get(text)) {
    out = ToView(text);
    if (check.wanted()) CheckText(*out, rule, check);
    return;
  }
  WrongType("a string", check);
  // Some chargers write a tag, or a sampled value, as a number.
  Type type;
  if (!value.type().get(type) && type == Type::number) {
    out = absl::StripTrailingAsciiWhitespace(ToView(value.raw_json_token()));
  }
}

// A string's content, or a number's own characters.
inline bool ReadNumber(Value& value, absl::string_view& out, Check& check) {
  Type type;
  if (value.type().get(type)) return false;
  if (type == Type::number) {
    out = absl::StripTrailingAsciiWhitespace(ToView(value.raw_json_token()));
    return true;
  }
  WrongType("a number", check);
  std::string_view text;
  if (type != Type::string || value.get_string().get(text)) return false;
  out = ToView(text);
  return true;
}

inline void Read(Value& value, const Rule& rule, Decimal& out, Check& check) {
  absl::string_view text;
  if (!ReadNumber(value, text, check)) return;
  out.emplace(text);
  if (check.wanted()) CheckNumber(text, rule, rule.whole, check);
}

// An integer, also when written "7", 7.0 or 7e0.
inline void Read(Value& value, const Rule& rule, Integer& out, Check& check) {
  absl::string_view text;
  if (!ReadNumber(value, text, check)) return;
  auto integer = core::ParseDecimal(text, 0, core::Excess::kRefuse);
  if (integer.ok()) out = *integer;
  if (check.wanted()) CheckNumber(text, rule, true, check);
}

inline void Read(Value& value, const Rule&, Boolean& out, Check& check) {
  bool flag = false;
  if (!value.get_bool().get(flag)) {
    out = flag;
    return;
  }
  WrongType("true or false", check);
  std::string_view text;
  if (value.get_string().get(text)) return;
  if (text == "true" || text == "True") out = true;
  if (text == "false" || text == "False") out = false;
}

inline void Read(Value& value, const Rule&, Anything& out, Check&) {
  out.emplace(absl::StripTrailingAsciiWhitespace(ToView(value.raw_json_token())));
}

template <typename Message>
void ReadObject(Object object, Message& out, Check& check);

template <typename T>
void Read(Value& value, const Rule&, Maybe<T>& out, Check& check) {
  Object object;
  if (value.get_object().get(object)) return WrongType("an object", check);
  ReadObject(object, out.Emplace(), check);
}

// An element of a list: text as it is, a message in full.
inline void ReadItem(Value& value, const Rule& rule, Integer& out, Check& check) {
  out.reset();
  Read(value, rule, out, check);
}

inline void ReadItem(Value& value, const Rule& rule, Text& out, Check& check) {
  out.reset();
  Read(value, rule, out, check);
}

template <typename T>
void ReadItem(Value& value, const Rule&, T& out, Check& check) {
  Object object;
  if (!value.get_object().get(object)) return ReadObject(object, out, check);
  // What is no object is an element that says nothing.
  ForEachFieldOf<T>([&](const auto& field) { Reset(out.*(field.member)); });
  WrongType("an object", check);
}

template <typename T>
void Read(Value& value, const Rule& rule, List<T>& out, Check& check) {
  simdjson::ondemand::array array;
  if (value.get_array().get(array)) return WrongType("an array", check);
  size_t index = 0;
  for (auto element : array) {
    Value item;
    if (element.get(item)) break;
    check.WithinItem(index++, [&] { ReadItem(item, rule, out.Add(), check); });
  }
  if (index < rule.min_items || index > rule.max_items) {
    check.Violated(ErrorCode::kOccurenceConstraintViolation, "",
                   absl::StrCat("has ", index, " elements; it must have ",
                                index < rule.min_items ? "at least " : "at most ",
                                index < rule.min_items ? rule.min_items : rule.max_items));
  }
}

// OCPP 2.x objects may carry a vendor's own data; 1.6 objects nothing that the standard does not
// name.
void CheckCustomData(Value& value, Check& check);

template <typename Message>
void ReadObject(Object object, Message& out, Check& check) {
  ForEachFieldOf<Message>([&](const auto& field) { Reset(out.*(field.member)); });
  uint64_t seen = 0;
  for (auto entry : object) {
    std::string_view key;
    Value value;
    if (entry.unescaped_key().get(key) || entry.value().get(value)) break;
    uint64_t bit = 1;
    bool known = false;
    ForEachFieldOf<Message>([&](const auto& field) {
      if (!known && ToView(key) == field.name) {
        known = true;
        seen |= bit;
        check.Within(field.name, [&] { Read(value, field.rule, out.*(field.member), check); });
      }
      bit <<= 1;
    });
    if (known || !check.wanted()) continue;
    if (kHasCustomData<Message> && key == "customData") {
      CheckCustomData(value, check);
    } else {
      check.Violated(ErrorCode::kFormationViolation, ToView(key),
                     "the standard knows no such field here");
    }
  }
  if (!check.wanted()) return;
  uint64_t bit = 1;
  ForEachFieldOf<Message>([&](const auto& field) {
    if (field.rule.required && (seen & bit) == 0) {
      check.Violated(ErrorCode::kOccurenceConstraintViolation, field.name,
                     "is missing; the standard requires it");
    }
    bit <<= 1;
  });
}

}  // namespace reading

template <typename Message>
absl::Status PayloadReader::ReadAndCheck(absl::string_view payload, Message& message,
                                         std::optional<Violation>* violation) {
  std::string& buffer = state_->buffer;
  buffer.assign(payload.data(), payload.size());
  buffer.reserve(payload.size() + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::document document;
  reading::Object object;
  auto error =
      state_->parser
          .iterate(buffer.data(), buffer.size(), buffer.size() + simdjson::SIMDJSON_PADDING)
          .get(document);
  if (!error) error = document.get_object().get(object);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the payload is no JSON object: ", simdjson::error_message(error)));
  }
  if (violation != nullptr) violation->reset();
  reading::Check check(violation);
  reading::ReadObject(object, message, check);
  return absl::OkStatus();
}

}  // namespace chargeledger::ocpp
