#include "core/json.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::core {

// What nlohmann's parser calls. Each open array or object is on the stack until it ends.
class JsonBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add(Json()); }
  bool boolean(bool value) override { return Add(Json::Bool(value)); }
  bool number_integer(number_integer_t value) override { return Add(Json::Number(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return Add(Json::Number(absl::StrCat(value)));
  }
  // What does not fit into 64 bits comes here too: `text` is what was written.
  bool number_float(number_float_t, const string_t& text) override {
    return Add(Json::Number(text));
  }
  bool string(string_t& text) override { return Add(Json::String(std::move(text))); }
  bool binary(binary_t&) override { return false; }
  bool start_array(size_t) override { return Begin(Json::Array()); }
  bool start_object(size_t) override { return Begin(Json::Object()); }
  bool key(string_t& name) override {
    open_.back().name = std::move(name);
    return true;
  }
  bool end_array() override { return End(); }
  bool end_object() override { return End(); }
  bool parse_error(size_t position, const std::string& token,
                   const nlohmann::detail::exception&) override {
    error_ = absl::StrCat(
        "is no JSON: byte ", position, " cannot follow",
        token.empty() ? "" : absl::StrCat(" (near \"", absl::CHexEscape(token), "\")"));
    return false;
  }

  Json Take() { return std::move(root_); }
  const std::string& error() const { return error_; }

 private:
  struct Open {
    Json value;
    // Of the member that comes next.
    std::string name;
  };

  bool Begin(Json value) {
    if (open_.size() == Json::kMostDepth) {
      error_ = absl::StrCat("is nested more than ", Json::kMostDepth, " deep");
      return false;
    }
    open_.push_back({std::move(value), {}});
    return true;
  }
  bool End() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    return Add(std::move(value));
  }
  bool Add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().value.is(Json::Kind::kArray)) {
      open_.back().value.Append(std::move(value));
    } else {
      open_.back().value.members_.emplace_back(std::move(open_.back().name), std::move(value));
    }
    return true;
  }

  Json root_;
  std::vector<Open> open_;
  std::string error_;
};

absl::StatusOr<Json> Json::Parse(absl::string_view text) {
  JsonBuilder builder;
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return builder.Take();
  return absl::InvalidArgumentError(builder.error());
}

Json Json::Bool(bool value) {
  Json json(Kind::kBool);
  json.boolean_ = value;
  return json;
}

Json Json::Number(std::string text) {
  Json json(Kind::kNumber);
  json.text_ = std::move(text);
  return json;
}

Json Json::Number(int64_t value) { return Number(absl::StrCat(value)); }

Json Json::String(std::string text) {
  Json json(Kind::kString);
  json.text_ = std::move(text);
  return json;
}

Json Json::Array() { return Json(Kind::kArray); }
Json Json::Object() { return Json(Kind::kObject); }

const Json* Json::Find(absl::string_view name) const {
  for (const auto& [member, value] : members_) {
    if (member == name) return &value;
  }
  return nullptr;
}

Json& Json::Append(Json item) {
  items_.push_back(std::move(item));
  return items_.back();
}

Json& Json::Set(std::string name, Json value) {
  for (auto& [member, old] : members_) {
    if (member == name) return old = std::move(value);
  }
  return members_.emplace_back(std::move(name), std::move(value)).second;
}

std::string Json::ToText(bool indent) const {
  std::string out;
  Write(0, indent, out);
  return out;
}

void Json::Write(int level, bool indent, std::string& out) const {
  const auto line = [&](int at) {
    if (indent) out += '\n' + std::string(static_cast<size_t>(2 * at), ' ');
  };
  const auto quote = [](const std::string& text) {
    // What is not UTF-8 is replaced rather than refused.
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  switch (kind_) {
    case Kind::kNull:
      out += "null";
      return;
    case Kind::kBool:
      out += boolean_ ? "true" : "false";
      return;
    case Kind::kNumber:
      out += text_;
      return;
    case Kind::kString:
      out += quote(text_);
      return;
    case Kind::kArray:
      out += '[';
      for (size_t i = 0; i < items_.size(); ++i) {
        if (i > 0) out += ',';
        line(level + 1);
        items_[i].Write(level + 1, indent, out);
      }
      if (!items_.empty()) line(level);
      out += ']';
      return;
    case Kind::kObject:
      out += '{';
      for (size_t i = 0; i < members_.size(); ++i) {
        if (i > 0) out += ',';
        line(level + 1);
        absl::StrAppend(&out, quote(members_[i].first), indent ? ": " : ":");
        members_[i].second.Write(level + 1, indent, out);
      }
      if (!members_.empty()) line(level);
      out += '}';
      return;
  }
}

}  // namespace chargeledger::core
