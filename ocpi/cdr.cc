#include "ocpi/cdr.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/decimal.h"
#include "core/timestamp.h"

namespace chargeledger::ocpi {
namespace {

using core::Json;

const std::vector<std::string>& DimensionTypes() {
  static const auto* const names = new std::vector<std::string>{
      "ENERGY",    "TIME",          "PARKING_TIME",  "RESERVATION_TIME", "MIN_POWER",
      "MAX_POWER", "POWER",         "MIN_CURRENT",   "MAX_CURRENT",      "CURRENT",
      "FLAT",      "ENERGY_EXPORT", "ENERGY_IMPORT", "STATE_OF_CHARGE"};
  return *names;
}
enum DimensionIndex {
  kEnergy,
  kTime,
  kParkingTime,
  kReservationTime,
  kMinPower,
  kMaxPower,
  kPower,
  kMinCurrent,
  kMaxCurrent,
  kCurrent,
};

// Of a volume that is a decimal of hours, in nanoseconds: 3.6 × 10^12 of them, so that a decimal of
// up to eleven places is exact.
std::optional<int64_t> ReadHours(ObjectReader& object, Findings& findings) {
  auto e11 = object.Decimal("volume", 11, /*round=*/true);
  if (!e11.has_value()) return std::nullopt;
  auto ns = core::MultiplyDivide(*e11, 36, 1);
  if (ns.ok()) return *ns;
  findings.Error(object.PathOf("volume"), "is more hours than can be reckoned with");
  return std::nullopt;
}

// Half of the fourth decimal of an hour.
constexpr int64_t kRoundedNs = 180'000'000;

// Whether a number was written with OCPI's four decimals, so that it may have been rounded.
bool FourDecimals(absl::string_view text) {
  const size_t point = text.find('.');
  return point != text.npos && text.size() - point - 1 == 4;
}

struct Extremes {
  std::optional<int64_t> min, max, plain;

  // Whatever was said stands in for what was not.
  std::optional<int64_t> least() const { return min ? min : plain ? plain : max; }
  std::optional<int64_t> most() const { return max ? max : plain ? plain : min; }
};

void ReadDimension(const Json& json, const std::string& path, Findings& findings, CdrPeriod& period,
                   Extremes& power, Extremes& current) {
  ObjectReader object(json, path, findings);
  const Json* type = object.Require("type");
  const Json* volume = object.Require("volume");
  if (type == nullptr || volume == nullptr) return;
  const auto& types = DimensionTypes();
  const auto found = std::find(types.begin(), types.end(), type->text());
  if (found == types.end()) {
    findings.Warning(object.PathOf("type"),
                     absl::StrCat("is ", type->ToText().substr(0, 64),
                                  ", which is no dimension of OCPI; it was not read"));
    object.Know({"volume"});
    return;
  }
  const auto index = static_cast<DimensionIndex>(found - types.begin());
  std::optional<int64_t> value;
  const bool hours = index == kTime || index == kParkingTime || index == kReservationTime;
  if (hours) {
    value = ReadHours(object, findings);
    if (FourDecimals(volume->text())) period.slack_ns += kRoundedNs;
  } else if (index == kEnergy) {
    value = object.Decimal("volume", 9, /*round=*/true);
  } else if (index == kMinPower || index == kMaxPower || index == kPower) {
    value = object.Decimal("volume", 6, /*round=*/true);
  } else if (index == kMinCurrent || index == kMaxCurrent || index == kCurrent) {
    value = object.Decimal("volume", 3, /*round=*/true);
  }
  if (!value.has_value()) return;
  if (*value < 0 && (hours || index == kEnergy)) {
    findings.Error(object.PathOf("volume"),
                   absl::StrCat("is ", volume->text(), "; it must not be negative"));
    return;
  }
  const auto add = [&](int64_t& sum) {
    if (__builtin_add_overflow(sum, *value, &sum)) {
      findings.Error(object.PathOf("volume"), "is more than can be reckoned with");
    }
  };
  switch (index) {
    case kEnergy:
      period.has_energy = true;
      return add(period.energy_uwh);
    case kTime:
      return add(period.time_ns);
    case kParkingTime:
      return add(period.parking_ns);
    case kReservationTime:
      return add(period.reservation_ns);
    case kMinPower:
      power.min = value;
      return;
    case kMaxPower:
      power.max = value;
      return;
    case kPower:
      power.plain = value;
      return;
    case kMinCurrent:
      current.min = value;
      return;
    case kMaxCurrent:
      current.max = value;
      return;
    case kCurrent:
      current.plain = value;
      return;
  }
}

CdrPeriod ReadPeriod(const Json& json, const std::string& path, Findings& findings) {
  ObjectReader object(json, path, findings);
  CdrPeriod period;
  object.Require("start_date_time");
  period.start_us = object.Time("start_date_time").value_or(0);
  period.tariff_id = object.Text("tariff_id", 36);
  object.Know({"encoding_method_version"});
  Extremes power, current;
  object.Require("dimensions");
  const auto dimensions = object.List("dimensions");
  for (size_t i = 0; i < dimensions.size(); ++i) {
    ReadDimension(*dimensions[i], absl::StrCat(path, ".dimensions[", i, "]"), findings, period,
                  power, current);
  }
  period.min_power_mw = power.least();
  period.max_power_mw = power.most();
  period.min_current_ma = current.least();
  period.max_current_ma = current.most();
  return period;
}

// A number (2.1.1), a Price (2.2.1), or before_taxes with taxes (2.3.0).
CdrClaim ReadPrice(ObjectReader& object, const char* name, Findings& findings) {
  CdrClaim claim;
  const Json* field = object.Get(name);
  if (field == nullptr) return claim;
  if (!field->is(Json::Kind::kObject)) {
    claim.plain_e4 = object.Decimal(name, 4, /*round=*/true);
    return claim;
  }
  ObjectReader price(*field, object.PathOf(name), findings);
  claim.excl_e4 = price.Decimal("excl_vat", 4, /*round=*/true);
  claim.incl_e4 = price.Decimal("incl_vat", 4, /*round=*/true);
  if (!claim.excl_e4.has_value()) claim.excl_e4 = price.Decimal("before_taxes", 4, /*round=*/true);
  const auto taxes = price.List("taxes");
  int64_t sum = 0;
  for (size_t i = 0; i < taxes.size(); ++i) {
    ObjectReader tax(*taxes[i], absl::StrCat(price.PathOf("taxes"), "[", i, "]"), findings);
    tax.Know({"name", "account_number", "percentage"});
    sum += tax.Decimal("amount", 4, /*round=*/true).value_or(0);
  }
  if (!claim.incl_e4.has_value() && claim.excl_e4.has_value() && price.Get("taxes") != nullptr) {
    claim.incl_e4 = *claim.excl_e4 + sum;
  }
  return claim;
}

void OrderPeriods(const std::string& path, Findings& findings, Cdr& cdr) {
  const auto earlier = [](const CdrPeriod& a, const CdrPeriod& b) {
    return a.start_us < b.start_us;
  };
  if (!std::is_sorted(cdr.periods.begin(), cdr.periods.end(), earlier)) {
    findings.Warning(path + ".charging_periods", "are out of order; they were put in order");
    std::stable_sort(cdr.periods.begin(), cdr.periods.end(), earlier);
  }
  for (size_t i = 0; i < cdr.periods.size(); ++i) {
    CdrPeriod& period = cdr.periods[i];
    period.end_us = i + 1 < cdr.periods.size() ? cdr.periods[i + 1].start_us : cdr.end_us;
    if (period.end_us == 0) {
      // No end was told: as long as its time says.
      period.end_us =
          period.start_us + (period.time_ns + period.parking_ns + period.reservation_ns) / 1'000;
    } else if (period.end_us < period.start_us) {
      findings.Warning(path + ".end_date_time",
                       absl::StrCat("is before the period that begins at ",
                                    core::FormatTimestamp(period.start_us)));
      period.end_us = period.start_us;
    }
  }
}

}  // namespace

Cdr ReadCdr(const Json& json, const std::string& path, Findings& findings) {
  ObjectReader object(json, path, findings);
  Cdr cdr;
  cdr.id = object.Text("id", 64);
  cdr.currency = object.Text("currency", 3);
  cdr.start_us = object.Time("start_date_time").value_or(0);
  auto end = object.Time("end_date_time");
  // 2.1.1's name.
  const auto stop = object.Time("stop_date_time");
  cdr.end_us = end.value_or(stop.value_or(0));
  if (cdr.end_us == 0) {
    findings.Warning(path + ".end_date_time",
                     "is missing; the last period is taken to last as long as its time says");
  }
  object.Require("charging_periods");
  const auto periods = object.List("charging_periods");
  for (size_t i = 0; i < periods.size(); ++i) {
    cdr.periods.push_back(
        ReadPeriod(*periods[i], absl::StrCat(path, ".charging_periods[", i, "]"), findings));
  }
  if (object.Get("charging_periods") != nullptr && cdr.periods.empty()) {
    findings.Error(path + ".charging_periods", "has no period");
  }
  OrderPeriods(path, findings, cdr);
  if (!cdr.periods.empty() && cdr.start_us != 0 && cdr.periods[0].start_us < cdr.start_us) {
    findings.Warning(path + ".start_date_time", "is after the first period's start");
  }
  for (const char* name : {"total_cost", "total_fixed_cost", "total_energy_cost", "total_time_cost",
                           "total_parking_cost", "total_reservation_cost"}) {
    if (object.Get(name) != nullptr) cdr.claims[name] = ReadPrice(object, name, findings);
  }
  for (const char* name : {"total_energy", "total_time", "total_parking_time"}) {
    if (auto volume = object.Decimal(name, 6, /*round=*/true)) cdr.claims[name].volume_e6 = volume;
  }
  if (const Json* location = object.Get("location")) {
    const Json* zone = location->Find("time_zone");
    if (zone != nullptr && zone->is(Json::Kind::kString)) cdr.time_zone = zone->text();
  }
  const auto tariffs = object.List("tariffs");
  for (size_t i = 0; i < tariffs.size(); ++i) {
    cdr.tariffs.emplace_back(absl::StrCat(path, ".tariffs[", i, "]"), tariffs[i]);
  }
  // Of all three versions, and without a meaning for the price.
  object.Know({"country_code", "party_id", "session_id", "cdr_token", "auth_id", "auth_method",
               "authorization_reference", "cdr_location", "meter_id", "signed_data", "remark",
               "invoice_reference_id", "credit", "credit_reference_id",
               "home_charging_compensation", "last_updated", "booking_id", "payment_details"});
  return cdr;
}

}  // namespace chargeledger::ocpi
