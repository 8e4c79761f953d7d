#include "ocpi/reading.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/decimal.h"
#include "core/timestamp.h"

namespace chargeledger::ocpi {
namespace {

using core::Json;

// How a value is quoted in a finding: JSON, which has no control characters.
std::string Shown(const Json& json) {
  std::string text = json.ToText();
  if (text.size() > 64) text = text.substr(0, 61) + "...";
  return text;
}

// Letters to add, take away or change to make one of the other.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

}  // namespace

bool Findings::ok() const {
  return std::none_of(all_.begin(), all_.end(), [](const Finding& f) { return f.error; });
}

std::vector<std::string> Findings::warnings() const {
  std::vector<std::string> texts;
  for (const Finding& finding : all_) {
    if (!finding.error) texts.push_back(finding.ToText());
  }
  return texts;
}

absl::Status Findings::status() const {
  std::vector<std::string> errors;
  for (const Finding& finding : all_) {
    if (finding.error) errors.push_back(finding.ToText());
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

ObjectReader::ObjectReader(const Json& json, std::string path, Findings& findings)
    : json_(json), path_(std::move(path)), findings_(findings) {
  if (!json.is(Json::Kind::kObject)) {
    findings_.Error(path_, absl::StrCat("is ", Shown(json), "; it must be an object"));
  }
  for (size_t i = 0; i < json.members().size(); ++i) {
    const std::string& name = json.members()[i].first;
    for (size_t j = 0; j < i; ++j) {
      if (json.members()[j].first != name) continue;
      findings_.Warning(PathOf(name), "stands there more than once; the first one counts");
      break;
    }
  }
}

ObjectReader::~ObjectReader() {
  for (const auto& [name, value] : json_.members()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string* nearest = nullptr;
    size_t distance = 3;
    for (const std::string& known : known_) {
      const size_t d = Distance(name.substr(0, 64), known);
      if (d < distance && d < known.size()) {
        distance = d;
        nearest = &known;
      }
    }
    findings_.Warning(
        PathOf(absl::CHexEscape(name.substr(0, 64))),
        absl::StrCat("is no field of OCPI, and was not read",
                     nearest != nullptr ? absl::StrCat("; did you mean ", *nearest, "?") : ""));
  }
}

std::string ObjectReader::PathOf(absl::string_view name) const {
  return absl::StrCat(path_, ".", name);
}

const Json* ObjectReader::Get(absl::string_view name) {
  known_.emplace_back(name);
  const Json* field = json_.Find(name);
  return field != nullptr && !field->is(Json::Kind::kNull) ? field : nullptr;
}

const Json* ObjectReader::Require(absl::string_view name) {
  const Json* field = Get(name);
  if (field == nullptr && json_.is(Json::Kind::kObject)) {
    findings_.Error(PathOf(name), "is missing");
  }
  return field;
}

void ObjectReader::Know(std::initializer_list<absl::string_view> names) {
  for (absl::string_view name : names) known_.emplace_back(name);
}

std::string ObjectReader::Text(absl::string_view name, size_t most) {
  const Json* field = Get(name);
  if (field == nullptr) return "";
  // Ids are written as numbers by some.
  if (!field->is(Json::Kind::kString) && !field->is(Json::Kind::kNumber)) {
    findings_.Error(PathOf(name), absl::StrCat("is ", Shown(*field), "; it must be a string"));
    return "";
  }
  if (field->text().size() > most) {
    findings_.Error(PathOf(name),
                    absl::StrCat("has ", field->text().size(), " characters; it may have ", most));
    return "";
  }
  return field->text();
}

std::optional<std::string> ObjectReader::NumberText(absl::string_view name) {
  const Json* field = Get(name);
  if (field == nullptr) return std::nullopt;
  if (field->is(Json::Kind::kNumber) || field->is(Json::Kind::kString)) return field->text();
  findings_.Error(PathOf(name), absl::StrCat("is ", Shown(*field), "; it must be a number"));
  return std::nullopt;
}

std::optional<int64_t> ObjectReader::Decimal(absl::string_view name, int scale, bool round) {
  const std::optional<std::string> text = NumberText(name);
  if (!text.has_value()) return std::nullopt;
  auto exact = core::ParseDecimal(*text, scale, core::Excess::kRefuse);
  if (exact.ok()) return *exact;
  if (round) {
    auto rounded = core::ParseDecimal(*text, scale, core::Excess::kRoundHalfAwayFromZero);
    if (rounded.ok()) {
      findings_.Warning(PathOf(name), absl::StrCat("is ", *text, "; it is taken as ",
                                                   PlainDecimal(*rounded, scale)));
      return *rounded;
    }
  }
  findings_.Error(PathOf(name), absl::StrCat("is ", exact.status().message()));
  return std::nullopt;
}

std::optional<int64_t> ObjectReader::Integer(absl::string_view name, int64_t least, int64_t most) {
  const std::optional<std::string> text = NumberText(name);
  if (!text.has_value()) return std::nullopt;
  // 300.0 is an integer too.
  auto value = core::ParseDecimal(*text, 0, core::Excess::kRefuse);
  if (value.ok() && *value >= least && *value <= most) return *value;
  findings_.Error(PathOf(name), absl::StrCat("is ", absl::CHexEscape(text->substr(0, 64)),
                                             "; it must be an integer from ", least, " to ", most));
  return std::nullopt;
}

std::optional<int64_t> ObjectReader::Time(absl::string_view name) {
  const Json* field = Get(name);
  if (field == nullptr) return std::nullopt;
  if (field->is(Json::Kind::kString)) {
    auto time = core::ParseTimestamp(field->text());
    // Beyond it nothing was charged, and differences of times may not fit.
    constexpr int64_t kYear2200Us = int64_t{7'258'118'400} * 1'000'000;
    if (time.ok() && *time >= 0 && *time < kYear2200Us) return *time;
  }
  findings_.Error(PathOf(name), absl::StrCat("is ", Shown(*field),
                                             "; it must be a time from 1970 to 2199 such as "
                                             "2026-11-20T21:46:00Z"));
  return std::nullopt;
}

std::optional<bool> ObjectReader::Bool(absl::string_view name) {
  const Json* field = Get(name);
  if (field == nullptr) return std::nullopt;
  if (field->is(Json::Kind::kBool)) return field->boolean();
  findings_.Error(PathOf(name), absl::StrCat("is ", Shown(*field), "; it must be true or false"));
  return std::nullopt;
}

std::vector<const Json*> ObjectReader::List(absl::string_view name) {
  std::vector<const Json*> items;
  const Json* field = Get(name);
  if (field == nullptr) return items;
  if (!field->is(Json::Kind::kArray)) {
    findings_.Error(PathOf(name), absl::StrCat("is ", Shown(*field), "; it must be a list"));
    return items;
  }
  for (const Json& item : field->items()) items.push_back(&item);
  return items;
}

int ReadEnum(const Json& json, const std::string& path, const std::vector<std::string>& names,
             Findings& findings) {
  const auto found = json.is(Json::Kind::kString)
                         ? std::find(names.begin(), names.end(), json.text())
                         : names.end();
  if (found != names.end()) return static_cast<int>(found - names.begin());
  findings.Error(
      path, absl::StrCat("is ", Shown(json), "; it must be one of ", absl::StrJoin(names, ", ")));
  return -1;
}

std::string PlainDecimal(int64_t value, int scale) {
  std::string text = core::FormatDecimal(value, scale, scale);
  if (text.find('.') == text.npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace chargeledger::ocpi
