// How OCPP messages are declared: plain structs whose Fields() name each member's JSON field and
// what the standard's schema demands of it. payload_reader.h reads them.
//
//   struct Authorize {
//     Text id_tag;
//     static constexpr auto Fields() {
//       return std::make_tuple(Field("idTag", &Authorize::id_tag, kRequired | MaxLength(20)));
//     }
//   };
//
// What is absent, or could not be understood, has no value: real chargers leave out required
// fields, and the caller decides whether it can do without. Views borrow from the reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace chargeledger::ocpp {

using Text = std::optional<absl::string_view>;
using Integer = std::optional<int64_t>;
using Boolean = std::optional<bool>;

// A number's own characters, or the content of a string where a number belongs: core/decimal.h
// reads it exactly.
struct Decimal : std::optional<absl::string_view> {
  using std::optional<absl::string_view>::optional;
};

// A value of whatever type, as JSON text.
struct Anything : std::optional<absl::string_view> {
  using std::optional<absl::string_view>::optional;
};

// An object that may be absent. Keeps its storage when it is read again.
template <typename T>
class Maybe {
 public:
  bool has_value() const { return present_; }
  explicit operator bool() const { return present_; }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }
  T& Emplace() {
    present_ = true;
    return value_;
  }
  void reset() { present_ = false; }

 private:
  bool present_ = false;
  T value_;
};

// Elements in their order. Keeps its storage, and that of its elements, when it is read again.
template <typename T>
class List {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  const T& operator[](size_t i) const { return items_[i]; }
  const T& front() const { return items_[0]; }
  const T& back() const { return items_[size_ - 1]; }
  // The element still has what it held before.
  T& Add() {
    if (size_ == items_.size()) items_.emplace_back();
    return items_[size_++];
  }
  void clear() { size_ = 0; }

 private:
  size_t size_ = 0;
  std::vector<T> items_;
};

// What a schema demands of a field, beside its type.
struct Rule {
  bool required = false;
  bool date_time = false;
  // A scheme and something behind it.
  bool uri = false;
  // At most one decimal place.
  bool tenths = false;
  // Of a Decimal: no decimal places. Read with them all the same.
  bool whole = false;
  // Characters; 0: any number.
  size_t max_length = 0;
  size_t min_items = 0;
  size_t max_items = std::numeric_limits<size_t>::max();
  int64_t at_least = std::numeric_limits<int64_t>::min();
  int64_t at_most = std::numeric_limits<int64_t>::max();
  // Empty: any text.
  absl::Span<const char* const> one_of;
};

constexpr Rule operator|(Rule a, const Rule& b) {
  const Rule none;
  a.required |= b.required;
  a.date_time |= b.date_time;
  a.uri |= b.uri;
  a.tenths |= b.tenths;
  a.whole |= b.whole;
  if (b.max_length != none.max_length) a.max_length = b.max_length;
  if (b.min_items != none.min_items) a.min_items = b.min_items;
  if (b.max_items != none.max_items) a.max_items = b.max_items;
  if (b.at_least != none.at_least) a.at_least = b.at_least;
  if (b.at_most != none.at_most) a.at_most = b.at_most;
  if (!b.one_of.empty()) a.one_of = b.one_of;
  return a;
}

inline constexpr Rule kRequired = {.required = true};
inline constexpr Rule kDateTime = {.date_time = true};
inline constexpr Rule kUri = {.uri = true};
inline constexpr Rule kWhole = {.whole = true};
inline constexpr Rule kTenths = {.tenths = true};
constexpr Rule MaxLength(size_t most) { return {.max_length = most}; }
constexpr Rule MinItems(size_t least) { return {.min_items = least}; }
constexpr Rule MaxItems(size_t most) { return {.max_items = most}; }
constexpr Rule AtLeast(int64_t least) { return {.at_least = least}; }
constexpr Rule AtMost(int64_t most) { return {.at_most = most}; }
template <size_t N>
constexpr Rule OneOf(const std::array<const char*, N>& words) {
  return {.one_of = absl::Span<const char* const>(words.data(), N)};
}

template <typename M, typename T>
struct FieldOf {
  absl::string_view name;
  T M::*member;
  Rule rule;
};

template <typename M, typename T>
constexpr FieldOf<M, T> Field(absl::string_view name, T M::*member, Rule rule = {}) {
  return {name, member, rule};
}

// A message without fields.
struct Empty {
  static constexpr auto Fields() { return std::make_tuple(); }
};

// An object that may also carry a vendor's own data: all of OCPP 2.x. In 1.6 there is none.
struct Extensible {};

template <typename M>
inline constexpr bool kHasCustomData = std::is_base_of_v<Extensible, M>;

// M's fields, made once: rules are too large to be made anew for each field that is read.
template <typename M>
inline constexpr auto kFieldsOf = M::Fields();

// Calls `visit` with every field of M.
template <typename M, typename Visit>
constexpr void ForEachFieldOf(Visit visit) {
  std::apply([&](const auto&... field) { (visit(field), ...); }, kFieldsOf<M>);
}

}  // namespace chargeledger::ocpp
