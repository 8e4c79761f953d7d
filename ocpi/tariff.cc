#include "ocpi/tariff.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "core/timestamp.h"

namespace chargeledger::ocpi {
namespace {

using core::Json;

// In the order of v1::TariffDimension from 1 on.
const std::vector<std::string>& DimensionNames() {
  static const auto* const names =
      new std::vector<std::string>{"ENERGY", "TIME", "PARKING_TIME", "FLAT"};
  return *names;
}

// In the order of v1::TaxIncluded from 1 on.
const std::vector<std::string>& TaxIncludedNames() {
  static const auto* const names = new std::vector<std::string>{"YES", "NO", "N/A"};
  return *names;
}

const std::vector<std::string>& ReservationNames() {
  static const auto* const names =
      new std::vector<std::string>{"RESERVATION", "RESERVATION_EXPIRES"};
  return *names;
}

const std::vector<std::string>& TypeNames() {
  static const auto* const names = new std::vector<std::string>{
      "AD_HOC_PAYMENT", "PROFILE_CHEAP", "PROFILE_FAST", "PROFILE_GREEN", "REGULAR"};
  return *names;
}

// A hundred years in seconds; more Wh than a station gives in a year.
constexpr int64_t kMostStep = int64_t{100} * 366 * 86'400;

constexpr absl::CivilDay kEpoch(1970, 1, 1);

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isdigit(c); });
}

std::optional<int32_t> ReadTimeOfDay(ObjectReader& object, absl::string_view name,
                                     Findings& findings) {
  const Json* field = object.Get(name);
  if (field == nullptr) return std::nullopt;
  const std::string& text = field->text();
  int hour = 0, minute = 0;
  if (field->is(Json::Kind::kString) && text.size() == 5 && text[2] == ':' &&
      AllDigits(text.substr(0, 2)) && AllDigits(text.substr(3)) &&
      absl::SimpleAtoi(text.substr(0, 2), &hour) && absl::SimpleAtoi(text.substr(3), &minute) &&
      hour < 24 && minute < 60) {
    return hour * 60 + minute;
  }
  findings.Error(object.PathOf(name),
                 absl::StrCat("is ", field->ToText().substr(0, 64),
                              "; it must be a time of day from 00:00 to 23:59 such as 13:30"));
  return std::nullopt;
}

std::optional<int32_t> ReadDate(ObjectReader& object, absl::string_view name, Findings& findings) {
  const Json* field = object.Get(name);
  if (field == nullptr) return std::nullopt;
  const std::string& text = field->text();
  int year = 0, month = 0, day = 0;
  if (field->is(Json::Kind::kString) && text.size() == 10 && text[4] == '-' && text[7] == '-' &&
      AllDigits(text.substr(0, 4)) && absl::SimpleAtoi(text.substr(0, 4), &year) &&
      AllDigits(text.substr(5, 2)) && absl::SimpleAtoi(text.substr(5, 2), &month) &&
      AllDigits(text.substr(8)) && absl::SimpleAtoi(text.substr(8), &day)) {
    // 30 February is another day, and so no date.
    const absl::CivilDay date(year, month, day);
    if (date.year() == year && date.month() == month && date.day() == day) {
      return static_cast<int32_t>(date - kEpoch);
    }
  }
  findings.Error(object.PathOf(name), absl::StrCat("is ", field->ToText().substr(0, 64),
                                                   "; it must be a date such as 2026-11-20"));
  return std::nullopt;
}

v1::TariffRestrictions ReadRestrictions(const Json& json, const std::string& path,
                                        Findings& findings) {
  ObjectReader object(json, path, findings);
  v1::TariffRestrictions r;
  if (auto v = ReadTimeOfDay(object, "start_time", findings)) r.set_start_minute(*v);
  if (auto v = ReadTimeOfDay(object, "end_time", findings)) r.set_end_minute(*v);
  if (auto v = ReadDate(object, "start_date", findings)) r.set_start_day(*v);
  if (auto v = ReadDate(object, "end_date", findings)) r.set_end_day(*v);
  const auto decimal = [&](absl::string_view name, int scale) -> std::optional<int64_t> {
    auto value = object.Decimal(name, scale);
    if (!value.has_value() || *value >= 0) return value;
    findings.Error(object.PathOf(name), "is negative");
    return std::nullopt;
  };
  if (auto v = decimal("min_kwh", 9)) r.set_min_uwh(*v);
  if (auto v = decimal("max_kwh", 9)) r.set_max_uwh(*v);
  if (auto v = decimal("min_current", 3)) r.set_min_current_ma(*v);
  if (auto v = decimal("max_current", 3)) r.set_max_current_ma(*v);
  if (auto v = decimal("min_power", 6)) r.set_min_power_mw(*v);
  if (auto v = decimal("max_power", 6)) r.set_max_power_mw(*v);
  if (auto v = object.Integer("min_duration", 0, kMostStep)) r.set_min_duration_s(*v);
  if (auto v = object.Integer("max_duration", 0, kMostStep)) r.set_max_duration_s(*v);
  const auto days = object.List("day_of_week");
  for (size_t i = 0; i < days.size(); ++i) {
    const int day = ReadEnum(*days[i], absl::StrCat(object.PathOf("day_of_week"), "[", i, "]"),
                             WeekdayNames(), findings);
    if (day >= 0) r.set_days_of_week(r.days_of_week() | 1u << day);
  }
  if (const Json* field = object.Get("reservation")) {
    const int kind =
        ReadEnum(*field, object.PathOf("reservation"), ReservationNames(), findings) + 1;
    r.set_reservation(static_cast<v1::ReservationRestriction>(kind));
  }
  return r;
}

v1::PriceComponent ReadComponent(const Json& json, const std::string& path, Findings& findings) {
  ObjectReader object(json, path, findings);
  v1::PriceComponent component;
  if (const Json* field = object.Require("type")) {
    const int kind = ReadEnum(*field, object.PathOf("type"), DimensionNames(), findings) + 1;
    component.set_type(static_cast<v1::TariffDimension>(kind));
  }
  object.Require("price");
  if (auto price = object.Decimal("price", 9)) {
    component.set_price_e9(*price);
    if (*price < 0) {
      findings.Error(object.PathOf("price"), "is negative; what is given back is no tariff");
    } else if (*price % 100'000 != 0) {
      findings.Warning(object.PathOf("price"),
                       "has more than four decimals: OCPI's numbers have four, and a partner may "
                       "cut it");
    }
  }
  if (auto vat = object.Decimal("vat", 4)) {
    if (*vat < 0 || *vat > 1'000'000) {
      findings.Error(object.PathOf("vat"), absl::StrCat("is ", PlainDecimal(*vat, 4),
                                                        "; it must be from 0 to 100 percent"));
    } else {
      component.set_vat_e4(static_cast<int32_t>(*vat));
    }
  }
  object.Require("step_size");
  if (auto step = object.Integer("step_size", 0, kMostStep)) component.set_step_size(*step);
  return component;
}

// 2.2.1 Price (excl_vat, incl_vat) or 2.3.0 PriceLimit (before_taxes, after_taxes).
v1::PriceLimit ReadLimit(const Json& json, const std::string& path, Findings& findings) {
  ObjectReader object(json, path, findings);
  v1::PriceLimit limit;
  auto before = object.Decimal("excl_vat", 4);
  if (!before.has_value()) before = object.Decimal("before_taxes", 4);
  auto after = object.Decimal("incl_vat", 4);
  if (!after.has_value()) after = object.Decimal("after_taxes", 4);
  if (!before.has_value()) {
    findings.Error(object.PathOf("excl_vat"), "is missing");
    return limit;
  }
  if (*before < 0) findings.Error(path, "is negative");
  limit.set_excl_vat_e4(*before);
  if (after.has_value()) {
    limit.set_incl_vat_e4(*after);
    if (*after < *before) findings.Error(path, "is less with tax than before tax");
  } else {
    findings.Warning(path, "does not say the price with tax: only the price before tax is limited");
  }
  return limit;
}

std::string Money(int64_t e4) { return PlainDecimal(e4, 4); }

Json WriteLimit(const v1::PriceLimit& limit, Version version) {
  const bool old = version == Version::k221;
  Json json = Json::Object();
  json.Set(old ? "excl_vat" : "before_taxes", Json::Number(Money(limit.excl_vat_e4())));
  if (limit.has_incl_vat_e4()) {
    json.Set(old ? "incl_vat" : "after_taxes", Json::Number(Money(limit.incl_vat_e4())));
  }
  return json;
}

Json WriteRestrictions(const v1::TariffRestrictions& r) {
  Json json = Json::Object();
  if (r.has_start_minute()) json.Set("start_time", Json::String(TimeOfDay(r.start_minute())));
  if (r.has_end_minute()) json.Set("end_time", Json::String(TimeOfDay(r.end_minute())));
  if (r.has_start_day()) json.Set("start_date", Json::String(DateOf(r.start_day())));
  if (r.has_end_day()) json.Set("end_date", Json::String(DateOf(r.end_day())));
  const auto number = [&](bool has, const char* name, int64_t value, int scale) {
    if (has) json.Set(name, Json::Number(PlainDecimal(value, scale)));
  };
  number(r.has_min_uwh(), "min_kwh", r.min_uwh(), 9);
  number(r.has_max_uwh(), "max_kwh", r.max_uwh(), 9);
  number(r.has_min_current_ma(), "min_current", r.min_current_ma(), 3);
  number(r.has_max_current_ma(), "max_current", r.max_current_ma(), 3);
  number(r.has_min_power_mw(), "min_power", r.min_power_mw(), 6);
  number(r.has_max_power_mw(), "max_power", r.max_power_mw(), 6);
  number(r.has_min_duration_s(), "min_duration", r.min_duration_s(), 0);
  number(r.has_max_duration_s(), "max_duration", r.max_duration_s(), 0);
  if (r.days_of_week() != 0) {
    Json& days = json.Set("day_of_week", Json::Array());
    for (size_t i = 0; i < WeekdayNames().size(); ++i) {
      if (r.days_of_week() & 1u << i) days.Append(Json::String(WeekdayNames()[i]));
    }
  }
  if (r.reservation() != v1::RESERVATION_RESTRICTION_UNSPECIFIED) {
    json.Set("reservation",
             Json::String(ReservationNames()[static_cast<size_t>(r.reservation()) - 1]));
  }
  return json;
}

}  // namespace

const std::vector<std::string>& WeekdayNames() {
  static const auto* const names = new std::vector<std::string>{
      "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"};
  return *names;
}

std::string DimensionName(v1::TariffDimension dimension) {
  const auto index = static_cast<size_t>(dimension) - 1;
  return index < DimensionNames().size() ? DimensionNames()[index] : "UNKNOWN";
}

std::string TimeOfDay(int32_t minute) {
  return absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
}

std::string DateOf(int64_t day) { return absl::FormatCivilTime(kEpoch + day); }

v1::Tariff ReadTariff(const Json& json, const std::string& path, Findings& findings) {
  ObjectReader object(json, path, findings);
  v1::Tariff tariff;
  tariff.set_country_code(object.Text("country_code", 2));
  tariff.set_party_id(object.Text("party_id", 3));
  object.Require("id");
  tariff.set_id(object.Text("id", 36));
  object.Require("currency");
  tariff.set_currency(object.Text("currency", 3));
  if (const Json* type = object.Get("type")) {
    const int index = ReadEnum(*type, object.PathOf("type"), TypeNames(), findings);
    if (index >= 0) tariff.set_type(TypeNames()[static_cast<size_t>(index)]);
  }
  const auto texts = object.List("tariff_alt_text");
  for (size_t i = 0; i < texts.size(); ++i) {
    ObjectReader text(*texts[i], absl::StrCat(path, ".tariff_alt_text[", i, "]"), findings);
    v1::DisplayText& out = *tariff.add_alt_text();
    out.set_language(text.Text("language", 2));
    out.set_text(text.Text("text", 512));
  }
  tariff.set_alt_url(object.Text("tariff_alt_url", 255));
  if (const Json* limit = object.Get("min_price")) {
    *tariff.mutable_min_price() = ReadLimit(*limit, object.PathOf("min_price"), findings);
  }
  if (const Json* limit = object.Get("max_price")) {
    *tariff.mutable_max_price() = ReadLimit(*limit, object.PathOf("max_price"), findings);
  }
  object.Require("elements");
  const auto elements = object.List("elements");
  for (size_t i = 0; i < elements.size(); ++i) {
    ObjectReader element(*elements[i], absl::StrCat(path, ".elements[", i, "]"), findings);
    v1::TariffElement& out = *tariff.add_elements();
    element.Require("price_components");
    const auto components = element.List("price_components");
    for (size_t j = 0; j < components.size(); ++j) {
      *out.add_price_components() = ReadComponent(
          *components[j], absl::StrCat(element.path(), ".price_components[", j, "]"), findings);
    }
    if (const Json* restrictions = element.Get("restrictions")) {
      *out.mutable_restrictions() =
          ReadRestrictions(*restrictions, element.PathOf("restrictions"), findings);
    }
  }
  if (auto start = object.Time("start_date_time")) tariff.set_start_us(*start);
  if (auto end = object.Time("end_date_time")) tariff.set_end_us(*end);
  if (const Json* mix = object.Get("energy_mix")) tariff.set_energy_mix_json(mix->ToText());
  if (const Json* included = object.Get("tax_included")) {
    const int index =
        ReadEnum(*included, object.PathOf("tax_included"), TaxIncludedNames(), findings) + 1;
    tariff.set_tax_included(static_cast<v1::TaxIncluded>(index));
  }
  if (auto updated = object.Time("last_updated")) tariff.set_last_updated_us(*updated);
  // Of 2.3.0 and of a partner's own; they price nothing.
  object.Know({"preauthorize_amount"});
  return tariff;
}

Json WriteTariff(const v1::Tariff& tariff, Version version) {
  Json json = Json::Object();
  json.Set("country_code", Json::String(tariff.country_code()));
  json.Set("party_id", Json::String(tariff.party_id()));
  json.Set("id", Json::String(tariff.id()));
  json.Set("currency", Json::String(tariff.currency()));
  if (!tariff.type().empty()) json.Set("type", Json::String(tariff.type()));
  if (!tariff.alt_text().empty()) {
    Json& texts = json.Set("tariff_alt_text", Json::Array());
    for (const v1::DisplayText& text : tariff.alt_text()) {
      Json& out = texts.Append(Json::Object());
      out.Set("language", Json::String(text.language()));
      out.Set("text", Json::String(text.text()));
    }
  }
  if (!tariff.alt_url().empty()) json.Set("tariff_alt_url", Json::String(tariff.alt_url()));
  if (tariff.has_min_price()) json.Set("min_price", WriteLimit(tariff.min_price(), version));
  if (tariff.has_max_price()) json.Set("max_price", WriteLimit(tariff.max_price(), version));
  Json& elements = json.Set("elements", Json::Array());
  for (const v1::TariffElement& element : tariff.elements()) {
    Json& out = elements.Append(Json::Object());
    Json& components = out.Set("price_components", Json::Array());
    for (const v1::PriceComponent& component : element.price_components()) {
      Json& price = components.Append(Json::Object());
      price.Set("type", Json::String(DimensionName(component.type())));
      price.Set("price", Json::Number(PlainDecimal(component.price_e9(), 9)));
      if (component.has_vat_e4()) {
        price.Set("vat", Json::Number(PlainDecimal(component.vat_e4(), 4)));
      }
      price.Set("step_size", Json::Number(component.step_size()));
    }
    Json restrictions = WriteRestrictions(element.restrictions());
    if (!restrictions.members().empty()) out.Set("restrictions", std::move(restrictions));
  }
  if (version == Version::k230) {
    const v1::TaxIncluded included = tariff.tax_included() == v1::TAX_INCLUDED_UNSPECIFIED
                                         ? v1::TAX_INCLUDED_NO
                                         : tariff.tax_included();
    json.Set("tax_included", Json::String(TaxIncludedNames()[static_cast<size_t>(included) - 1]));
  }
  if (tariff.start_us() != 0) {
    json.Set("start_date_time", Json::String(core::FormatTimestamp(tariff.start_us())));
  }
  if (tariff.end_us() != 0) {
    json.Set("end_date_time", Json::String(core::FormatTimestamp(tariff.end_us())));
  }
  if (!tariff.energy_mix_json().empty()) {
    auto mix = Json::Parse(tariff.energy_mix_json());
    if (mix.ok()) json.Set("energy_mix", *std::move(mix));
  }
  json.Set("last_updated", Json::String(core::FormatTimestamp(tariff.last_updated_us())));
  return json;
}

}  // namespace chargeledger::ocpi
