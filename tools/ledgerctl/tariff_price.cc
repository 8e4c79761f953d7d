// tariff price: a partner's CDR, priced again.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/process/time_zone.h"
#include "core/timestamp.h"
#include "ocpi/cdr.h"
#include "ocpi/tariff.h"
#include "projections/pricing/pricing.h"
#include "tools/ledgerctl/tariff.h"
#include "tools/ledgerctl/tariff_file.h"

namespace chargeledger::ledgerctl {
namespace {

using core::Json;
using projections::Bill;
using projections::Priced;
using projections::Stretch;
using projections::Taxed;

// Exact amounts are shown with so many decimals.
constexpr int kExactPlaces = 6;

Json Decimal(int64_t value, int scale) { return Json::Number(ocpi::PlainDecimal(value, scale)); }

// Hours and kWh with at most six decimals.
int64_t HoursE6(int64_t ns) {
  return static_cast<int64_t>(core::DivideHalfAway(core::Wide{ns}, core::Wide{3'600'000}));
}
int64_t KwhE6(int64_t uwh) { return *core::MultiplyDivide(uwh, 1, 1'000); }

int64_t VolumeE6(Priced what, int64_t volume) {
  if (what == Priced::kEnergy) return KwhE6(volume);
  if (what == Priced::kFlat || what == Priced::kReservationFlat) return volume * 1'000'000;
  return HoursE6(volume);
}

// OCPI's name of what is priced: a CdrDimensionType, or FLAT.
std::string NameOf(Priced what) {
  switch (what) {
    case Priced::kEnergy:
      return "ENERGY";
    case Priced::kTime:
      return "TIME";
    case Priced::kParking:
      return "PARKING_TIME";
    case Priced::kReservation:
      return "RESERVATION_TIME";
    case Priced::kFlat:
    case Priced::kReservationFlat:
      return "FLAT";
  }
  return "";
}

Json Price(const Taxed& cost) {
  Json json = Json::Object();
  json.Set("excl_vat", Decimal(cost.excl_e4, 4));
  json.Set("incl_vat", Decimal(cost.incl_e4, 4));
  return json;
}

// What a component's share costs, before anything is rounded.
Json ExactPrice(projections::Amount cost, const v1::PriceComponent& component, bool included) {
  const core::Wide unit = projections::kAmountsPerUnit / 1'000'000;
  const core::Wide rate = 1'000'000 + component.vat_e4();
  const auto e6 = [&](core::Wide times, core::Wide by) {
    core::Wide product = 0;
    if (__builtin_mul_overflow(cost, times, &product)) return core::DivideHalfAway(cost, unit);
    return core::DivideHalfAway(product, unit * by);
  };
  const core::Wide excl = included ? e6(1'000'000, rate) : e6(1, 1);
  const core::Wide incl = included ? e6(1, 1) : e6(rate, 1'000'000);
  Json json = Json::Object();
  json.Set("excl_vat", Decimal(static_cast<int64_t>(excl), kExactPlaces));
  json.Set("incl_vat", Decimal(static_cast<int64_t>(incl), kExactPlaces));
  return json;
}

bool UsesLocalTime(const v1::Tariff& tariff) {
  return std::any_of(tariff.elements().begin(), tariff.elements().end(), [](const auto& element) {
    const v1::TariffRestrictions& r = element.restrictions();
    return r.has_start_minute() || r.has_end_minute() || r.has_start_day() || r.has_end_day() ||
           r.days_of_week() != 0;
  });
}

template <typename Has>
bool AnyRestriction(const v1::Tariff& tariff, Has has) {
  return std::any_of(tariff.elements().begin(), tariff.elements().end(),
                     [&](const auto& element) { return has(element.restrictions()); });
}

Stretch ToStretch(const ocpi::CdrPeriod& period) {
  Stretch stretch;
  stretch.start_us = period.start_us;
  stretch.end_us = period.end_us;
  stretch.energy_uwh = period.energy_uwh;
  stretch.time_ns = period.time_ns;
  stretch.parking_ns = period.parking_ns;
  stretch.reservation_ns = period.reservation_ns;
  stretch.slack_ns = period.slack_ns;
  stretch.min_power_mw = period.min_power_mw;
  stretch.max_power_mw = period.max_power_mw;
  stretch.min_current_ma = period.min_current_ma;
  stretch.max_current_ma = period.max_current_ma;
  if (period.time_ns == 0 && period.energy_uwh == 0) {
    // Nothing flows into a car that is parked.
    if (!stretch.min_power_mw) stretch.min_power_mw = stretch.max_power_mw = 0;
    if (!stretch.min_current_ma) stretch.min_current_ma = stretch.max_current_ma = 0;
  }
  const int64_t length_us = period.end_us - period.start_us;
  if (!stretch.min_power_mw.has_value() && length_us > 0) {
    stretch.min_power_mw = stretch.max_power_mw = static_cast<int64_t>(
        core::DivideHalfAway(core::Wide{period.energy_uwh} * 3'600'000, length_us));
  }
  return stretch;
}

// A CDR priced by one tariff, and everything that is to be said about it.
class Pricing {
 public:
  Pricing(const v1::Tariff& tariff, const ocpi::Cdr& cdr, std::vector<std::string> warnings)
      : tariff_(tariff), cdr_(cdr), warnings_(std::move(warnings)) {}

  absl::StatusOr<Json> Run(const std::string& time_zone) {
    CL_ASSIGN_OR_RETURN(const projections::Pricer pricer, projections::Pricer::Create(tariff_));
    std::vector<Stretch> stretches;
    for (const ocpi::CdrPeriod& period : cdr_.periods) stretches.push_back(ToStretch(period));
    CL_ASSIGN_OR_RETURN(const core::LocalTime local, Local(time_zone));
    CL_ASSIGN_OR_RETURN(const Bill bill, pricer.Price(stretches, local));
    Warn(bill);
    return ToJson(bill);
  }
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& differences() const { return differences_; }

 private:
  absl::StatusOr<core::LocalTime> Local(const std::string& asked) {
    const std::string& zone = asked.empty() ? cdr_.time_zone : asked;
    if (zone.empty()) {
      if (UsesLocalTime(tariff_)) {
        warnings_.push_back(
            "the tariff speaks of local time, and neither the CDR nor --time-zone says which: UTC "
            "is used");
      }
      return core::LocalTime();
    }
    int64_t end_us = cdr_.end_us;
    for (const ocpi::CdrPeriod& period : cdr_.periods) end_us = std::max(end_us, period.end_us);
    return core::LoadLocalTime(zone, cdr_.periods.front().start_us, end_us);
  }

  void Warn(const Bill& bill) {
    if (!cdr_.currency.empty() && cdr_.currency != tariff_.currency()) {
      warnings_.push_back(absl::StrCat("the CDR is in ", cdr_.currency, ", the tariff in ",
                                       tariff_.currency(), ": all costs are in ",
                                       tariff_.currency()));
    }
    std::set<std::string> others;
    for (const ocpi::CdrPeriod& period : cdr_.periods) {
      if (!period.tariff_id.empty() && period.tariff_id != tariff_.id()) {
        others.insert(period.tariff_id);
      }
    }
    for (const std::string& other : others) {
      warnings_.push_back(absl::StrCat("the CDR has periods of tariff ", other,
                                       ", which were priced by ", tariff_.id()));
    }
    const bool power = AnyRestriction(tariff_, [](const v1::TariffRestrictions& r) {
      return r.has_min_power_mw() || r.has_max_power_mw();
    });
    const bool untold = std::any_of(
        cdr_.periods.begin(), cdr_.periods.end(),
        [](const ocpi::CdrPeriod& p) { return p.energy_uwh > 0 && !p.min_power_mw.has_value(); });
    if (power && untold) {
      warnings_.push_back(
          "the tariff speaks of power, which not every period states: its energy over its length "
          "is used");
    }
    if (bill.unknown_power) warnings_.push_back("power is unknown where the tariff restricts it");
    if (bill.unknown_current) {
      warnings_.push_back(
          "the tariff speaks of current, which not every period states (MIN_CURRENT, "
          "MAX_CURRENT): elements that restrict it do not apply there");
    }
    bool time_priced = false;
    for (const v1::TariffElement& element : tariff_.elements()) {
      if (element.restrictions().reservation() != v1::RESERVATION_RESTRICTION_UNSPECIFIED) continue;
      for (const v1::PriceComponent& component : element.price_components()) {
        time_priced |= component.type() == v1::TARIFF_DIMENSION_TIME;
      }
    }
    for (size_t i = 0; time_priced && i < cdr_.periods.size(); ++i) {
      const ocpi::CdrPeriod& p = cdr_.periods[i];
      if (p.energy_uwh == 0 || p.time_ns + p.parking_ns + p.reservation_ns > 0) continue;
      warnings_.push_back(absl::StrCat("the period that begins at ",
                                       core::FormatTimestamp(p.start_us),
                                       " states no TIME, so that its time is not billed"));
    }
  }

  Json Volume(const projections::PricedVolume& volume) const {
    Json json = Json::Object();
    json.Set("type", Json::String(NameOf(volume.what)));
    if (volume.what == Priced::kReservationFlat) json.Set("reservation", Json::Bool(true));
    json.Set("volume", Decimal(VolumeE6(volume.what, volume.volume), 6));
    if (volume.element < 0) {
      // No element prices it: it is free.
      json.Set("billed_volume", Json::Number(int64_t{0}));
      json.Set("element", Json());
      json.Set("price_component", Json());
      json.Set("price", Json());
      json.Set("cost", Price({}));
      return json;
    }
    const v1::PriceComponent& component =
        tariff_.elements(volume.element).price_components(volume.component);
    json.Set("billed_volume", Decimal(VolumeE6(volume.what, volume.billed), 6));
    json.Set("element", Json::Number(int64_t{volume.element}));
    json.Set("price_component", Json::Number(int64_t{volume.component}));
    json.Set("price", Decimal(component.price_e9(), 9));
    if (component.has_vat_e4()) json.Set("vat", Decimal(component.vat_e4(), 4));
    json.Set("step_size", Json::Number(component.step_size()));
    json.Set("cost",
             ExactPrice(volume.cost, component, tariff_.tax_included() == v1::TAX_INCLUDED_YES));
    return json;
  }

  // A CDR of a tariff by time need not say its energy by period, nor one by energy its time: then
  // the total is all that is known.
  int64_t OrClaimed(const char* name, int64_t ours_e6) {
    const auto claim = cdr_.claims.find(name);
    if (ours_e6 != 0 || claim == cdr_.claims.end() || !claim->second.volume_e6.has_value() ||
        *claim->second.volume_e6 == 0) {
      return ours_e6;
    }
    warnings_.push_back(absl::StrCat("no period says what ", name,
                                     " is made of: it is as the CDR says, and nothing of it is "
                                     "priced"));
    return *claim->second.volume_e6;
  }

  Json ToJson(const Bill& bill) {
    Json json = Json::Object();
    json.Set("tariff_id", Json::String(tariff_.id()));
    if (!cdr_.id.empty()) json.Set("cdr_id", Json::String(cdr_.id));
    json.Set("currency", Json::String(tariff_.currency()));
    Taxed reservation = bill.cost(Priced::kReservation);
    reservation.excl_e4 += bill.cost(Priced::kReservationFlat).excl_e4;
    reservation.incl_e4 += bill.cost(Priced::kReservationFlat).incl_e4;
    const auto volume = [&](const char* name, int64_t e6) {
      json.Set(name, Decimal(e6, 6));
      Compare(name, e6);
    };
    const auto cost = [&](const char* name, const Taxed& value) {
      json.Set(name, Price(value));
      Compare(name, value);
    };
    cost("total_cost", bill.total);
    cost("total_fixed_cost", bill.cost(Priced::kFlat));
    volume("total_energy", OrClaimed("total_energy", KwhE6(bill.energy_uwh)));
    cost("total_energy_cost", bill.cost(Priced::kEnergy));
    volume("total_time", OrClaimed("total_time", HoursE6(bill.time_ns + bill.parking_ns)));
    cost("total_time_cost", bill.cost(Priced::kTime));
    volume("total_parking_time", HoursE6(bill.parking_ns));
    cost("total_parking_cost", bill.cost(Priced::kParking));
    volume("total_reservation_time", HoursE6(bill.reservation_ns));
    cost("total_reservation_cost", reservation);
    Json& taxes = json.Set("taxes", Json::Array());
    for (const projections::TaxLine& line : bill.taxes) {
      Json& tax = taxes.Append(Json::Object());
      tax.Set("vat", line.vat_e4.has_value() ? Decimal(*line.vat_e4, 4) : Json());
      tax.Set("excl_vat", Decimal(line.excl_e4, 4));
      tax.Set("amount", Decimal(line.tax_e4, 4));
    }
    if (bill.limit_excl != projections::LimitApplied::kNone ||
        bill.limit_incl != projections::LimitApplied::kNone) {
      const auto limit = std::max(bill.limit_excl, bill.limit_incl);
      json.Set(
          "limit_applied",
          Json::String(limit == projections::LimitApplied::kMinimum ? "min_price" : "max_price"));
    }
    Json& periods = json.Set("charging_periods", Json::Array());
    for (const projections::PricedPeriod& period : bill.periods) {
      Json& out = periods.Append(Json::Object());
      out.Set("start_date_time", Json::String(core::FormatTimestamp(period.start_us)));
      out.Set("end_date_time", Json::String(core::FormatTimestamp(period.end_us)));
      out.Set("cdr_period", Json::Number(static_cast<int64_t>(period.stretch)));
      Json& dimensions = out.Set("dimensions", Json::Array());
      for (const auto& priced : period.volumes) dimensions.Append(Volume(priced));
    }
    json.Set("rounding", Json::String(std::string(projections::kRounding)));
    json.Set("differences", std::move(difference_list_));
    Json& warnings = json.Set("warnings", Json::Array());
    for (const std::string& warning : warnings_) warnings.Append(Json::String(warning));
    return json;
  }

  void Differ(const std::string& name, Json claimed, Json ours, Json difference) {
    differences_.push_back(absl::StrCat(name, ": the CDR says ", claimed.ToText(), ", we find ",
                                        ours.ToText(), ", a difference of ", difference.ToText()));
    Json& json = difference_list_.Append(Json::Object());
    json.Set("field", Json::String(name));
    json.Set("claimed", std::move(claimed));
    json.Set("ours", std::move(ours));
    json.Set("difference", std::move(difference));
  }

  // Claims are compared at OCPI's four decimals.
  void Compare(const std::string& name, int64_t ours_e6) {
    const auto claim = cdr_.claims.find(name);
    if (claim == cdr_.claims.end() || !claim->second.volume_e6.has_value()) return;
    const int64_t claimed = *core::MultiplyDivide(*claim->second.volume_e6, 1, 100);
    const int64_t ours = *core::MultiplyDivide(ours_e6, 1, 100);
    if (claimed != ours)
      Differ(name, Decimal(claimed, 4), Decimal(ours, 4), Decimal(ours - claimed, 4));
  }

  void Compare(const std::string& name, const Taxed& ours) {
    const auto found = cdr_.claims.find(name);
    if (found == cdr_.claims.end()) return;
    const ocpi::CdrClaim& claim = found->second;
    const auto one = [&](const std::optional<int64_t>& claimed, int64_t e4, const char* part) {
      if (!claimed.has_value() || *claimed == e4) return;
      Differ(absl::StrCat(name, part), Decimal(*claimed, 4), Decimal(e4, 4),
             Decimal(e4 - *claimed, 4));
    };
    one(claim.plain_e4, ours.excl_e4, "");
    one(claim.excl_e4, ours.excl_e4, ".excl_vat");
    one(claim.incl_e4, ours.incl_e4, ".incl_vat");
  }

  const v1::Tariff& tariff_;
  const ocpi::Cdr& cdr_;
  std::vector<std::string> warnings_;
  std::vector<std::string> differences_;
  Json difference_list_ = Json::Array();
};

absl::StatusOr<v1::Tariff> TariffOf(const ocpi::Cdr& cdr, ocpi::Findings& findings) {
  if (cdr.tariffs.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("--tariff is not given, and the CDR carries ",
                                                   cdr.tariffs.size(), " tariffs, not one"));
  }
  const auto& [path, json] = cdr.tariffs[0];
  v1::Tariff tariff = ocpi::ReadTariff(*json, path, findings);
  CL_RETURN_IF_ERROR(findings.status());
  ocpi::CheckTariff(tariff, path, findings);
  return tariff;
}

}  // namespace

absl::Status PriceCdr(const std::string& tariff_path, const std::string& cdr_path,
                      const std::string& time_zone, const Output& output) {
  CL_ASSIGN_OR_RETURN(const Json document, ReadDocument("--cdr", cdr_path));
  ocpi::Findings cdr_findings;
  const ocpi::Cdr cdr = ocpi::ReadCdr(document, "$", cdr_findings);
  if (auto status = cdr_findings.status(); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--cdr: ", cdr_path, "\n", status.message()));
  }
  ocpi::Findings findings;
  absl::StatusOr<v1::Tariff> tariff = tariff_path.empty()
                                          ? TariffOf(cdr, findings)
                                          : ReadTariffFile("--tariff", tariff_path, findings);
  CL_RETURN_IF_ERROR(tariff.status());
  std::vector<std::string> warnings;
  for (const std::string& text : cdr_findings.warnings()) warnings.push_back("cdr: " + text);
  // What the check calls an error does not keep it from being priced by: lint refuses it.
  for (const ocpi::Finding& finding : findings.all()) {
    warnings.push_back("tariff: " + finding.ToText());
  }
  Pricing pricing(*tariff, cdr, std::move(warnings));
  CL_ASSIGN_OR_RETURN(const Json json, pricing.Run(time_zone));
  for (const std::string& warning : pricing.warnings()) {
    output.err << "ledgerctl: warning: " << warning << "\n";
  }
  for (const std::string& difference : pricing.differences()) {
    output.err << "ledgerctl: difference: " << difference << "\n";
  }
  output.out << json.ToText(/*indent=*/true) << "\n";
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
