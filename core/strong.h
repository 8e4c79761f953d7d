// Integers that cannot be mistaken for each other: Strong<struct XTag, uint64_t> converts to
// nothing by itself.
//
// Ordered and hashable; arithmetic only where a type's own header allows it.
#pragma once

#include <compare>
#include <utility>

namespace chargeledger::core {

template <typename Tag, typename T>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(value) {}

  constexpr T value() const { return value_; }

  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

  template <typename H>
  friend H AbslHashValue(H h, const Strong& s) {
    return H::combine(std::move(h), s.value_);
  }

 private:
  T value_{};
};

}  // namespace chargeledger::core
