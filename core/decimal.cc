#include "core/decimal.h"

#include <limits>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/wide.h"

namespace chargeledger::core {
namespace {

constexpr int kMaxDigits = 36;

absl::Status NotANumber(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)),
                                                 "\" is not a decimal number such as 12.34"));
}

absl::Status TooLarge(absl::string_view text) {
  return absl::OutOfRangeError(
      absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)), "\" does not fit into 64 bits"));
}

Wide PowerOfTen(int exponent) {
  Wide power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

bool Fits(Wide value) {
  return value >= std::numeric_limits<int64_t>::min() &&
         value <= std::numeric_limits<int64_t>::max();
}

// The digits of a number without its point: value × 10^-places.
struct Digits {
  Wide value = 0;
  int places = 0;
};

absl::StatusOr<Digits> ReadDigits(absl::string_view original, absl::string_view text) {
  const size_t exponent_at = text.find_first_of("eE");
  absl::string_view mantissa = text.substr(0, exponent_at);
  int exponent = 0;
  if (exponent_at != text.npos) {
    absl::string_view digits = text.substr(exponent_at + 1);
    const bool negative = !digits.empty() && digits[0] == '-';
    if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) {
      return NotANumber(original);
    }
    if (!absl::SimpleAtoi(digits, &exponent)) return TooLarge(original);
    if (negative) exponent = -exponent;
    if (exponent < -100 || exponent > 100) return TooLarge(original);
  }
  Digits result;
  int significant = 0;
  bool any = false, point = false;
  for (char c : mantissa) {
    if (c == '.') {
      if (point) return NotANumber(original);
      point = true;
      continue;
    }
    if (!absl::ascii_isdigit(c)) return NotANumber(original);
    any = true;
    if (significant > 0 || c != '0') ++significant;
    if (significant > kMaxDigits) return TooLarge(original);
    result.value = result.value * 10 + (c - '0');
    if (point) ++result.places;
  }
  if (!any) return NotANumber(original);
  result.places -= exponent;
  return result;
}

}  // namespace

absl::StatusOr<int64_t> ParseDecimal(absl::string_view text, int scale, Excess excess) {
  absl::string_view rest = absl::StripAsciiWhitespace(text);
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  CL_ASSIGN_OR_RETURN(Digits digits, ReadDigits(text, rest));
  Wide value = negative ? -digits.value : digits.value;
  const int shift = scale - digits.places;
  if (value == 0) return 0;
  if (shift >= 0) {
    if (shift > 19) return TooLarge(text);
    const Wide power = PowerOfTen(shift);
    const Wide limit = std::numeric_limits<int64_t>::max() / power;
    if (value > limit || value < -limit) return TooLarge(text);
    value *= power;
  } else if (-shift > kMaxDigits) {
    if (excess == Excess::kRefuse) return NotANumber(text);
    value = 0;
  } else {
    const Wide power = PowerOfTen(-shift);
    if (excess == Excess::kRefuse && value % power != 0) {
      return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(text.substr(0, 64)),
                                                     "\" has more than ", scale,
                                                     " decimal places"));
    }
    value = DivideHalfAway(value, power);
  }
  if (!Fits(value)) return TooLarge(text);
  return static_cast<int64_t>(value);
}

absl::StatusOr<int64_t> MultiplyDivide(int64_t a, int64_t b, int64_t divisor) {
  CL_CHECK(divisor > 0, "the divisor is positive");
  const Wide value = DivideHalfAway(static_cast<Wide>(a) * b, divisor);
  if (!Fits(value)) {
    return absl::OutOfRangeError(
        absl::StrCat(a, " times ", b, " by ", divisor, " does not fit into 64 bits"));
  }
  return static_cast<int64_t>(value);
}

std::string FormatDecimal(int64_t value, int scale, int places) {
  CL_CHECK(places >= 0 && places <= scale && scale <= 18, "places are within the scale");
  const Wide rounded = DivideHalfAway(value, PowerOfTen(scale - places));
  const Wide magnitude = rounded < 0 ? -rounded : rounded;
  const Wide unit = PowerOfTen(places);
  std::string text = absl::StrCat(rounded < 0 ? "-" : "", static_cast<uint64_t>(magnitude / unit));
  if (places > 0) {
    std::string fraction = absl::StrCat(static_cast<uint64_t>(magnitude % unit));
    text += '.' + std::string(static_cast<size_t>(places) - fraction.size(), '0') + fraction;
  }
  return text;
}

}  // namespace chargeledger::core
