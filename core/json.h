// JSON whose numbers stay the text that was written: 0.10 is "0.10", and 0.1 never becomes a binary
// fraction. For documents of money; OCPP's payloads have a faster reader (ocpp/payload_reader.h).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::core {

class Json {
 public:
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  // How deep a document may be nested.
  static constexpr size_t kMostDepth = 64;

  Json() = default;
  // The document `text`; INVALID_ARGUMENT says where it is none, or is nested too deeply.
  static absl::StatusOr<Json> Parse(absl::string_view text);

  static Json Bool(bool value);
  // `text` is a JSON number.
  static Json Number(std::string text);
  static Json Number(int64_t value);
  static Json String(std::string text);
  static Json Array();
  static Json Object();

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool boolean() const { return boolean_; }
  // Of a number as it was written, or of a string.
  const std::string& text() const { return text_; }
  const std::vector<Json>& items() const { return items_; }
  // In the order in which they were written.
  const std::vector<Member>& members() const { return members_; }
  // The first member of that name; null if there is none.
  const Json* Find(absl::string_view name) const;

  Json& Append(Json item);
  Json& Set(std::string name, Json value);

  // On one line, or two spaces a level if `indent`.
  std::string ToText(bool indent = false) const;

 private:
  explicit Json(Kind kind) : kind_(kind) {}
  void Write(int level, bool indent, std::string& out) const;

  Kind kind_ = Kind::kNull;
  bool boolean_ = false;
  std::string text_;
  std::vector<Json> items_;
  std::vector<Member> members_;

  friend class JsonBuilder;
};

}  // namespace chargeledger::core
