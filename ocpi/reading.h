// How OCPI's JSON objects are read: field by field, with everything that is wrong or unknown
// reported under its JSON path, and numbers exactly as they were written, as numbers or as strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/json.h"

namespace chargeledger::ocpi {

struct Finding {
  // Errors refuse the document, the others are only told.
  bool error = false;
  // Such as $.elements[0].price_components[1].type
  std::string path;
  // What is wrong and what would be right.
  std::string detail;

  std::string ToText() const { return path + ": " + detail; }
};

class Findings {
 public:
  void Error(std::string path, std::string detail) {
    all_.push_back({true, std::move(path), std::move(detail)});
  }
  void Warning(std::string path, std::string detail) {
    all_.push_back({false, std::move(path), std::move(detail)});
  }

  const std::vector<Finding>& all() const { return all_; }
  bool ok() const;
  std::vector<std::string> warnings() const;
  // INVALID_ARGUMENT with all errors, a line each; OK if there is none.
  absl::Status status() const;

 private:
  std::vector<Finding> all_;
};

// Reads one object. What was not asked for when it is gone is reported as unknown.
class ObjectReader {
 public:
  // All outlive the reader. A `json` that is no object is an error, and has no fields.
  ObjectReader(const core::Json& json, std::string path, Findings& findings);
  ~ObjectReader();
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  const std::string& path() const { return path_; }
  std::string PathOf(absl::string_view name) const;

  // The field, if it is there and not null.
  const core::Json* Get(absl::string_view name);
  // The same, and an error if it is not there.
  const core::Json* Require(absl::string_view name);
  // Names that are known but not needed.
  void Know(std::initializer_list<absl::string_view> names);

  // Empty if it is not there. An error if it is no string of at most `most` characters.
  std::string Text(absl::string_view name, size_t most);
  // × 10^scale. More decimals are an error, or, if `round`, are rounded half away from zero with a
  // warning.
  std::optional<int64_t> Decimal(absl::string_view name, int scale, bool round = false);
  std::optional<int64_t> Integer(absl::string_view name, int64_t least, int64_t most);
  std::optional<int64_t> Time(absl::string_view name);
  std::optional<bool> Bool(absl::string_view name);
  // The items of an array; empty with an error if it is none.
  std::vector<const core::Json*> List(absl::string_view name);

 private:
  std::optional<std::string> NumberText(absl::string_view name);

  const core::Json& json_;
  const std::string path_;
  Findings& findings_;
  std::vector<std::string> known_;
};

// Index of `text` in `names`, as OCPI writes enumerations; -1 with an error that names them all.
int ReadEnum(const core::Json& json, const std::string& path, const std::vector<std::string>& names,
             Findings& findings);

// A decimal of `value` × 10^-scale without trailing zeros: 12.5, 3, -0.25.
std::string PlainDecimal(int64_t value, int scale);

}  // namespace chargeledger::ocpi
