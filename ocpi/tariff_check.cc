#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/money.h"
#include "ocpi/tariff.h"

namespace chargeledger::ocpi {
namespace {

// Beyond this many cells only what pairs of elements show is told.
constexpr size_t kMostCells = 2'000'000;

// One of the things that restrictions speak of. Its values are cut at the borders of all elements;
// within a cell no restriction changes, so that the cell's first value stands for it.
struct Axis {
  std::vector<int64_t> cells;

  void Add(int64_t border) { cells.push_back(border); }
  void Finish(int64_t least) {
    cells.push_back(least);
    std::sort(cells.begin(), cells.end());
    cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  }
};

enum AxisName { kMinute, kWeekday, kDate, kEnergy, kCurrent, kPower, kDuration, kAxes };

bool Between(bool has_min, int64_t min, bool has_max, int64_t max, int64_t value) {
  return (!has_min || value >= min) && (!has_max || value < max);
}

bool HoldsIn(const v1::TariffRestrictions& r, const int64_t (&at)[kAxes]) {
  if (r.has_start_minute() || r.has_end_minute()) {
    const int64_t start = r.start_minute();
    const int64_t end = r.has_end_minute() && r.end_minute() > 0 ? r.end_minute() : 1440;
    const int64_t minute = at[kMinute];
    if (start < end ? minute < start || minute >= end : minute < start && minute >= end) {
      return false;
    }
  }
  if (r.days_of_week() != 0 && !(r.days_of_week() & 1u << at[kWeekday])) return false;
  return Between(r.has_start_day(), r.start_day(), r.has_end_day(), r.end_day(), at[kDate]) &&
         Between(r.has_min_uwh(), r.min_uwh(), r.has_max_uwh(), r.max_uwh(), at[kEnergy]) &&
         Between(r.has_min_current_ma(), r.min_current_ma(), r.has_max_current_ma(),
                 r.max_current_ma(), at[kCurrent]) &&
         Between(r.has_min_power_mw(), r.min_power_mw(), r.has_max_power_mw(), r.max_power_mw(),
                 at[kPower]) &&
         Between(r.has_min_duration_s(), r.min_duration_s(), r.has_max_duration_s(),
                 r.max_duration_s(), at[kDuration]);
}

class Checker {
 public:
  Checker(const v1::Tariff& tariff, std::string path, Findings& findings)
      : tariff_(tariff), path_(std::move(path)), findings_(findings) {}

  void Run() {
    CheckHead();
    for (int e = 0; e < tariff_.elements_size(); ++e) CheckElement(e);
    CheckReachable();
    CheckTaxes();
  }

 private:
  std::string ElementPath(int e) const { return absl::StrCat(path_, ".elements[", e, "]"); }

  void CheckHead() {
    if (auto currency = core::Currency::FromCode(tariff_.currency()); !currency.ok()) {
      findings_.Error(path_ + ".currency",
                      absl::StrCat("is \"", absl::CHexEscape(tariff_.currency()),
                                   "\"; it must be an ISO 4217 code such as EUR"));
    }
    if (tariff_.id().empty()) findings_.Error(path_ + ".id", "is empty");
    if (tariff_.country_code().empty() || tariff_.party_id().empty()) {
      findings_.Warning(path_,
                        "says no country_code and party_id, as in OCPI 2.1.1: 2.2.1 requires them");
    }
    if (tariff_.last_updated_us() == 0) {
      findings_.Warning(path_ + ".last_updated", "is missing; OCPI requires it");
    }
    if (tariff_.elements().empty()) findings_.Error(path_ + ".elements", "has no element");
    if (tariff_.start_us() != 0 && tariff_.end_us() != 0 &&
        tariff_.start_us() >= tariff_.end_us()) {
      findings_.Error(path_ + ".end_date_time", "is not after start_date_time: it is never valid");
    }
    if (tariff_.has_min_price() && tariff_.has_max_price()) {
      const v1::PriceLimit& min = tariff_.min_price();
      const v1::PriceLimit& max = tariff_.max_price();
      if (min.excl_vat_e4() > max.excl_vat_e4() ||
          (min.has_incl_vat_e4() && max.has_incl_vat_e4() &&
           min.incl_vat_e4() > max.incl_vat_e4())) {
        findings_.Error(path_ + ".min_price", "is more than max_price");
      }
    }
  }

  void CheckElement(int e) {
    const v1::TariffElement& element = tariff_.elements(e);
    if (element.price_components().empty()) {
      findings_.Error(ElementPath(e) + ".price_components", "has no component");
    }
    const bool reservation =
        element.restrictions().reservation() != v1::RESERVATION_RESTRICTION_UNSPECIFIED;
    for (int c = 0; c < element.price_components_size(); ++c) {
      const v1::PriceComponent& component = element.price_components(c);
      const std::string path = absl::StrCat(ElementPath(e), ".price_components[", c, "]");
      if (reservation && (component.type() == v1::TARIFF_DIMENSION_ENERGY ||
                          component.type() == v1::TARIFF_DIMENSION_PARKING_TIME)) {
        findings_.Error(path + ".type", absl::StrCat("is ", DimensionName(component.type()),
                                                     ", but a reservation has only FLAT and TIME"));
      }
      const bool timed = component.type() == v1::TARIFF_DIMENSION_TIME ||
                         component.type() == v1::TARIFF_DIMENSION_PARKING_TIME;
      if (component.type() == v1::TARIFF_DIMENSION_ENERGY && component.step_size() > 1'000) {
        findings_.Warning(path + ".step_size",
                          absl::StrCat("bills in steps of ", component.step_size(), " Wh"));
      }
      if (timed && component.step_size() > 3'600) {
        findings_.Warning(path + ".step_size",
                          absl::StrCat("bills in steps of ", component.step_size(), " seconds"));
      }
      if (component.price_e9() > int64_t{1'000} * 1'000'000'000) {
        findings_.Warning(path + ".price", "is more than 1000 a unit");
      }
    }
  }

  // A component that is in force nowhere: its own restrictions exclude each other, or others before
  // it take all of its place. Exact but for days of the week within a span of dates.
  void CheckReachable() {
    Axis axes[kAxes];
    for (const v1::TariffElement& element : tariff_.elements()) {
      const v1::TariffRestrictions& r = element.restrictions();
      if (r.has_start_minute() || r.has_end_minute()) {
        axes[kMinute].Add(r.start_minute());
        axes[kMinute].Add(r.end_minute());
      }
      if (r.days_of_week() != 0) {
        for (int day = 0; day < 7; ++day) axes[kWeekday].Add(day);
      }
      const auto add = [&](AxisName axis, bool has, int64_t value) {
        if (has) axes[axis].Add(value);
      };
      add(kDate, r.has_start_day(), r.start_day());
      add(kDate, r.has_end_day(), r.end_day());
      add(kEnergy, r.has_min_uwh(), r.min_uwh());
      add(kEnergy, r.has_max_uwh(), r.max_uwh());
      add(kCurrent, r.has_min_current_ma(), r.min_current_ma());
      add(kCurrent, r.has_max_current_ma(), r.max_current_ma());
      add(kPower, r.has_min_power_mw(), r.min_power_mw());
      add(kPower, r.has_max_power_mw(), r.max_power_mw());
      add(kDuration, r.has_min_duration_s(), r.min_duration_s());
      add(kDuration, r.has_max_duration_s(), r.max_duration_s());
    }
    size_t cells = 1;
    for (int i = 0; i < kAxes; ++i) {
      axes[i].Finish(i == kDate ? std::numeric_limits<int32_t>::min() : 0);
      cells = cells > kMostCells ? cells : cells * axes[i].cells.size();
    }
    if (cells > kMostCells) {
      findings_.Warning(path_ + ".elements",
                        "are too many with restrictions to say whether all of them can apply");
      return;
    }
    std::set<std::pair<int, int>> used;
    std::set<std::pair<v1::TariffDimension, int>> covered, uncovered;
    int64_t at[kAxes] = {};
    Visit(axes, 0, at, used, covered, uncovered);
    for (int e = 0; e < tariff_.elements_size(); ++e) {
      const v1::TariffElement& element = tariff_.elements(e);
      for (int c = 0; c < element.price_components_size(); ++c) {
        if (used.count({e, c}) > 0) continue;
        findings_.Error(absl::StrCat(ElementPath(e), ".price_components[", c, "]"),
                        absl::StrCat("can never apply: ", WhyNever(element, c)));
      }
    }
    for (const auto& [dimension, reservation] : uncovered) {
      if (reservation != 0 || covered.count({dimension, reservation}) == 0) continue;
      findings_.Warning(path_ + ".elements",
                        absl::StrCat("leave ", DimensionName(dimension),
                                     " free where no restriction holds; an element without "
                                     "restrictions at the end would say so"));
    }
  }

  // Every element by its own class: of charging, of reservations, of those that expired.
  void Visit(const Axis (&axes)[kAxes], int axis, int64_t (&at)[kAxes],
             std::set<std::pair<int, int>>& used,
             std::set<std::pair<v1::TariffDimension, int>>& covered,
             std::set<std::pair<v1::TariffDimension, int>>& uncovered) {
    if (axis < kAxes) {
      for (int64_t cell : axes[axis].cells) {
        at[axis] = cell;
        Visit(axes, axis + 1, at, used, covered, uncovered);
      }
      return;
    }
    bool taken[3][8] = {};
    for (int e = 0; e < tariff_.elements_size(); ++e) {
      const v1::TariffElement& element = tariff_.elements(e);
      const int kind = std::min(2, static_cast<int>(element.restrictions().reservation()));
      const bool holds = HoldsIn(element.restrictions(), at);
      for (int c = 0; c < element.price_components_size(); ++c) {
        bool& place = taken[kind][element.price_components(c).type() & 7];
        if (!holds || place) continue;
        place = true;
        used.insert({e, c});
      }
    }
    for (int d = v1::TARIFF_DIMENSION_ENERGY; d <= v1::TARIFF_DIMENSION_PARKING_TIME; ++d) {
      (taken[0][d] ? covered : uncovered).insert({static_cast<v1::TariffDimension>(d), 0});
    }
  }

  std::string WhyNever(const v1::TariffElement& element, int c) const {
    const v1::TariffRestrictions& r = element.restrictions();
    const auto empty = [](bool has_min, int64_t min, bool has_max, int64_t max) {
      return has_max && max <= (has_min ? min : 0);
    };
    if (empty(r.has_min_uwh(), r.min_uwh(), r.has_max_uwh(), r.max_uwh())) {
      return "max_kwh is not above min_kwh";
    }
    if (empty(r.has_min_power_mw(), r.min_power_mw(), r.has_max_power_mw(), r.max_power_mw())) {
      return "max_power is not above min_power";
    }
    if (empty(r.has_min_current_ma(), r.min_current_ma(), r.has_max_current_ma(),
              r.max_current_ma())) {
      return "max_current is not above min_current";
    }
    if (empty(r.has_min_duration_s(), r.min_duration_s(), r.has_max_duration_s(),
              r.max_duration_s())) {
      return "max_duration is not above min_duration";
    }
    if (r.has_start_day() && r.has_end_day() && r.end_day() <= r.start_day()) {
      return "end_date is not after start_date";
    }
    return absl::StrCat("elements before it price ",
                        DimensionName(element.price_components(c).type()),
                        " wherever its restrictions hold, and the first one counts");
  }

  void CheckTaxes() {
    bool any = false, all = true;
    for (const v1::TariffElement& element : tariff_.elements()) {
      for (const v1::PriceComponent& component : element.price_components()) {
        if (component.price_e9() == 0) continue;
        (component.has_vat_e4() ? any : all) = component.has_vat_e4();
      }
    }
    if (tariff_.tax_included() == v1::TAX_INCLUDED_YES && !all) {
      findings_.Warning(path_ + ".tax_included",
                        "is YES, but components without vat do not say how much of the price is "
                        "tax: it is taken as none");
    } else if (any && !all) {
      findings_.Warning(path_ + ".elements",
                        "have components with vat and components without: without means that no "
                        "VAT is applicable, which is not 0 %");
    }
    if (tariff_.tax_included() == v1::TAX_INCLUDED_NA && any) {
      findings_.Warning(path_ + ".tax_included", "is N/A, but components have vat");
    }
  }

  const v1::Tariff& tariff_;
  const std::string path_;
  Findings& findings_;
};

}  // namespace

void CheckTariff(const v1::Tariff& tariff, const std::string& path, Findings& findings) {
  // What could not be read has been told, and would only be told again.
  if (findings.ok()) Checker(tariff, path, findings).Run();
}

}  // namespace chargeledger::ocpi
