#include "core/units.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/decimal.h"

namespace chargeledger::core {
namespace {

absl::StatusOr<int64_t> ParseScaled(absl::string_view value, absl::string_view unit, int multiplier,
                                    absl::string_view small, absl::string_view large) {
  constexpr int kMostMultiplier = 12;
  if (multiplier < -kMostMultiplier || multiplier > kMostMultiplier) {
    return absl::InvalidArgumentError(
        absl::StrCat("the multiplier is ", multiplier, "; it must be from -12 to 12"));
  }
  constexpr Excess kRound = Excess::kRoundHalfAwayFromZero;
  if (unit.empty() || unit == small) return ParseDecimal(value, 3 + multiplier, kRound);
  if (unit == large) return ParseDecimal(value, 6 + multiplier, kRound);
  return absl::InvalidArgumentError(absl::StrCat("unit is \"", absl::CHexEscape(unit.substr(0, 64)),
                                                 "\"; it must be ", small, " or ", large));
}

}  // namespace

absl::StatusOr<MilliwattHours> ParseEnergy(absl::string_view value, absl::string_view unit,
                                           int multiplier) {
  CL_ASSIGN_OR_RETURN(int64_t mwh, ParseScaled(value, unit, multiplier, "Wh", "kWh"));
  return MilliwattHours(mwh);
}

absl::StatusOr<Milliwatts> ParsePower(absl::string_view value, absl::string_view unit,
                                      int multiplier) {
  CL_ASSIGN_OR_RETURN(int64_t mw, ParseScaled(value, unit, multiplier, "W", "kW"));
  return Milliwatts(mw);
}

std::string FormatKilowattHours(MilliwattHours energy) {
  return FormatDecimal(energy.value(), 6, 3);
}

std::string FormatKilowatts(Milliwatts power) { return FormatDecimal(power.value(), 6, 1); }

}  // namespace chargeledger::core
