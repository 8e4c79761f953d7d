#include "projections/pricing/pricing.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::projections {
namespace {

constexpr int64_t kMinuteUs = int64_t{60} * 1'000'000;
constexpr int64_t kDayUs = int64_t{86'400} * 1'000'000;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kRateUnit = 1'000'000;
// More than this costs no session, and everything below it fits.
constexpr int64_t kMostUnits = 1'000'000'000;

absl::Status DoesNotFit() {
  return absl::OutOfRangeError("the cost is too large to be reckoned exactly");
}

// value × part / whole, rounded down; all of them are not negative, part <= whole.
int64_t Share(int64_t value, int64_t part, int64_t whole) {
  return static_cast<int64_t>(core::Wide{value} * part / whole);
}

// Smallest part of `whole` whose share of `value` reaches `wanted`.
int64_t PartReaching(int64_t wanted, int64_t value, int64_t whole) {
  return static_cast<int64_t>((core::Wide{wanted} * whole + value - 1) / value);
}

// What a dimension prices; none if there is no such thing of a reservation.
std::optional<Priced> PricedBy(v1::TariffDimension dimension, bool reservation) {
  switch (dimension) {
    case v1::TARIFF_DIMENSION_TIME:
      return reservation ? Priced::kReservation : Priced::kTime;
    case v1::TARIFF_DIMENSION_FLAT:
      return reservation ? Priced::kReservationFlat : Priced::kFlat;
    case v1::TARIFF_DIMENSION_ENERGY:
      if (!reservation) return Priced::kEnergy;
      return std::nullopt;
    case v1::TARIFF_DIMENSION_PARKING_TIME:
      if (!reservation) return Priced::kParking;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool InDay(const v1::TariffRestrictions& r, int64_t minute_us) {
  const int64_t start = r.has_start_minute() ? r.start_minute() * kMinuteUs : 0;
  // 00:00 as an end is the end of the day.
  const int64_t end =
      r.has_end_minute() && r.end_minute() > 0 ? r.end_minute() * kMinuteUs : kDayUs;
  if (start < end) return minute_us >= start && minute_us < end;
  return minute_us >= start || minute_us < end;
}

// What a tariff must keep to so that nothing overflows; a tariff may come from anybody's log.
absl::Status CheckRanges(const v1::Tariff& tariff) {
  constexpr int64_t kMostSeconds = int64_t{200} * 366 * 86'400;
  constexpr int64_t kMostPriceE9 = kMostUnits * 1'000'000'000;
  constexpr int64_t kMostLimitE4 = kMostUnits * 10'000;
  const auto refuse = [](int element, const char* what) {
    return absl::InvalidArgumentError(
        absl::StrCat("elements[", element, "] has a ", what, " that cannot be reckoned with"));
  };
  const auto within = [](int64_t value, int64_t most) { return value >= 0 && value <= most; };
  for (int e = 0; e < tariff.elements_size(); ++e) {
    for (const v1::PriceComponent& component : tariff.elements(e).price_components()) {
      if (!within(component.price_e9(), kMostPriceE9)) return refuse(e, "price");
      if (!within(component.vat_e4(), 1'000'000)) return refuse(e, "vat");
      if (!within(component.step_size(), kMostSeconds)) return refuse(e, "step_size");
    }
    const v1::TariffRestrictions& r = tariff.elements(e).restrictions();
    if (!within(r.start_minute(), 1'439) || !within(r.end_minute(), 1'439)) {
      return refuse(e, "time of day");
    }
    if (!within(r.min_duration_s(), kMostSeconds) || !within(r.max_duration_s(), kMostSeconds)) {
      return refuse(e, "duration");
    }
    if (!within(r.min_uwh(), kNever / 4) || !within(r.max_uwh(), kNever / 4)) {
      return refuse(e, "kwh");
    }
  }
  for (const v1::PriceLimit* limit : {&tariff.min_price(), &tariff.max_price()}) {
    if (!within(limit->excl_vat_e4(), kMostLimitE4) ||
        !within(limit->incl_vat_e4(), kMostLimitE4)) {
      return absl::InvalidArgumentError("min_price or max_price cannot be reckoned with");
    }
  }
  return absl::OkStatus();
}

// Gives `total` coins to the weights in proportion (half of a coin is one), without losing any:
// what that is too many or too few by goes to the largest, the first of equal ones.
std::vector<int64_t> Distribute(int64_t total, const std::vector<Amount>& weights) {
  Amount sum = 0;
  size_t largest = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i];
    if (weights[i] > weights[largest]) largest = i;
  }
  // So that a product fits.
  Amount unit = 1;
  while (sum / unit > std::numeric_limits<int64_t>::max()) unit *= 1'000;
  std::vector<int64_t> shares(weights.size());
  int64_t left = total;
  for (size_t i = 0; i < weights.size() && sum / unit > 0; ++i) {
    shares[i] =
        static_cast<int64_t>(core::DivideHalfAway(Amount{total} * (weights[i] / unit), sum / unit));
    left -= shares[i];
  }
  shares[largest] += left;
  return shares;
}

int64_t MinorE4(const core::Currency& currency) {
  int64_t unit = 1;
  for (int i = currency.minor_digits(); i < 4; ++i) unit *= 10;
  return unit;
}

}  // namespace

std::optional<Amount> CostOf(Priced what, int64_t billed, int64_t price_e9) {
  // uWh × 10^-9/kWh, ns × 10^-9/h, 10^-9.
  const Amount scale = what == Priced::kEnergy ? Amount{3'600}
                       : what == Priced::kFlat || what == Priced::kReservationFlat
                           ? Amount{3'600'000'000'000}
                           : Amount{1};
  Amount product = 0;
  if (__builtin_mul_overflow(Amount{billed}, Amount{price_e9}, &product) ||
      __builtin_mul_overflow(product, scale, &product)) {
    return std::nullopt;
  }
  return product;
}

// One session being priced.
class Pricer::Run {
 public:
  Run(const Pricer& pricer, absl::Span<const Stretch> stretches, const core::LocalTime& local)
      : pricer_(pricer), stretches_(stretches), local_(local) {
    for (const Stretch& stretch : stretches_) {
      if (stretch.only_reserved()) {
        reserved_from_us_ = std::min(reserved_from_us_, stretch.start_us);
      } else {
        session_from_us_ = std::min(session_from_us_, stretch.start_us);
      }
    }
    expired_ = session_from_us_ == kNever && reserved_from_us_ != kNever;
  }

  bool expired() const { return expired_; }

  absl::StatusOr<Bill> Go() {
    core::Wide energy = 0, time = 0;
    for (const Stretch& stretch : stretches_) {
      energy += stretch.energy_uwh;
      time += core::Wide{stretch.time_ns} + stretch.parking_ns + stretch.reservation_ns;
    }
    // Sums of them fit, and so does everything that is derived from them.
    if (energy > kNever / 4 || time > kNever / 4) return DoesNotFit();
    for (size_t i = 0; i < stretches_.size(); ++i) CL_RETURN_IF_ERROR(Cut(i));
    ApplySteps();
    for (PricedPeriod& period : bill_.periods) {
      for (PricedVolume& volume : period.volumes) {
        if (volume.element < 0) continue;
        auto cost = CostOf(volume.what, volume.billed, pricer_.component(volume).price_e9());
        if (!cost.has_value()) return DoesNotFit();
        volume.cost = *cost;
      }
    }
    return std::move(bill_);
  }

 private:
  // An instant of a stretch.
  struct Moment {
    const Stretch* stretch = nullptr;
    int64_t at_us = 0;
    int64_t energy_uwh = 0;
    int64_t minute_us = 0;
    int64_t day = 0;
  };

  bool Holds(const v1::TariffRestrictions& r, const Moment& moment) {
    const Stretch& stretch = *moment.stretch;
    if ((r.has_start_minute() || r.has_end_minute()) && !InDay(r, moment.minute_us)) return false;
    if (r.has_start_day() && moment.day < r.start_day()) return false;
    if (r.has_end_day() && moment.day >= r.end_day()) return false;
    if (r.days_of_week() != 0 && !(r.days_of_week() & core::WeekdayBit(moment.day))) return false;
    if (r.has_min_uwh() && moment.energy_uwh < r.min_uwh()) return false;
    if (r.has_max_uwh() && moment.energy_uwh >= r.max_uwh()) return false;
    const int64_t from = stretch.only_reserved() ? reserved_from_us_ : session_from_us_;
    const int64_t lasted_us = moment.at_us - from;
    if (r.has_min_duration_s() && lasted_us < r.min_duration_s() * 1'000'000) return false;
    if (r.has_max_duration_s() && lasted_us >= r.max_duration_s() * 1'000'000) return false;
    if (r.has_min_power_mw() || r.has_max_power_mw()) {
      if (!stretch.min_power_mw.has_value() || !stretch.max_power_mw.has_value()) {
        bill_.unknown_power = true;
        return false;
      }
      if (r.has_min_power_mw() && *stretch.min_power_mw < r.min_power_mw()) return false;
      if (r.has_max_power_mw() && *stretch.max_power_mw >= r.max_power_mw()) return false;
    }
    if (r.has_min_current_ma() || r.has_max_current_ma()) {
      if (!stretch.min_current_ma.has_value() || !stretch.max_current_ma.has_value()) {
        bill_.unknown_current = true;
        return false;
      }
      if (r.has_min_current_ma() && *stretch.min_current_ma < r.min_current_ma()) return false;
      if (r.has_max_current_ma() && *stretch.max_current_ma >= r.max_current_ma()) return false;
    }
    return true;
  }

  PricedVolume Choose(Priced what, const Moment& moment) {
    PricedVolume chosen;
    chosen.what = what;
    const int index = static_cast<int>(what);
    for (const Candidate& candidate :
         expired_ ? pricer_.expired_[index] : pricer_.candidates_[index]) {
      if (!Holds(pricer_.tariff_.elements(candidate.element).restrictions(), moment)) continue;
      chosen.element = candidate.element;
      chosen.component = candidate.component;
      break;
    }
    return chosen;
  }

  // The first instant after `moment` and before the stretch's end at which something may change;
  // the end if there is none. `energy` is set if it is the energy that reaches a border there.
  int64_t NextBorder(const Moment& moment, int64_t energy_at_start,
                     std::optional<int64_t>& energy) const {
    const Stretch& stretch = *moment.stretch;
    int64_t next = stretch.end_us;
    const Borders& borders = pricer_.borders_;
    const auto consider = [&](int64_t at) {
      if (at > moment.at_us && at < next) next = at;
    };
    if (pricer_.uses_local_) {
      for (int64_t minute : borders.minutes_of_day) {
        const int64_t ahead = minute * kMinuteUs - moment.minute_us;
        consider(moment.at_us + (ahead > 0 ? ahead : ahead + kDayUs));
      }
      if (borders.midnights) consider(moment.at_us + kDayUs - moment.minute_us);
      consider(local_.NextChangeUs(moment.at_us));
    }
    const int64_t from = stretch.only_reserved() ? reserved_from_us_ : session_from_us_;
    for (int64_t duration : borders.durations_us) {
      if (duration < kNever - from) consider(from + duration);
    }
    const int64_t length = stretch.end_us - stretch.start_us;
    for (int64_t border : borders.energies_uwh) {
      if (border <= moment.energy_uwh || border >= energy_at_start + stretch.energy_uwh) continue;
      const int64_t at =
          stretch.start_us + PartReaching(border - energy_at_start, stretch.energy_uwh, length);
      if (at > next || at >= stretch.end_us || at < moment.at_us) continue;
      // Two borders may be reached within one microsecond: the lower one comes first.
      if (at == next && energy.has_value() && *energy <= border) continue;
      next = at;
      energy = border;
    }
    return next;
  }

  absl::Status Cut(size_t index) {
    const Stretch& stretch = stretches_[index];
    const int64_t length = stretch.end_us - stretch.start_us;
    const int64_t energy_at_start = bill_.energy_uwh;
    Moment moment{&stretch, stretch.start_us, energy_at_start};
    // Of the stretch, what lies before the moment.
    Stretch before;
    while (true) {
      if (pricer_.uses_local_) {
        moment.minute_us = local_.MicrosOfDayAt(moment.at_us);
        moment.day = local_.DayAt(moment.at_us);
      }
      std::optional<int64_t> border_energy;
      const int64_t next =
          length > 0 ? NextBorder(moment, energy_at_start, border_energy) : stretch.end_us;
      Stretch until;
      if (next < stretch.end_us) {
        const int64_t part = next - stretch.start_us;
        until.energy_uwh = border_energy.has_value() ? *border_energy - energy_at_start
                                                     : Share(stretch.energy_uwh, part, length);
        until.energy_uwh = std::max(until.energy_uwh, before.energy_uwh);
        until.time_ns = Share(stretch.time_ns, part, length);
        until.parking_ns = Share(stretch.parking_ns, part, length);
        until.reservation_ns = Share(stretch.reservation_ns, part, length);
      } else {
        until = stretch;
      }
      Add(index, moment, next, before, until);
      if (bill_.periods.size() > kMostPeriods) {
        return absl::OutOfRangeError(
            absl::StrCat("the session has more than ", kMostPeriods, " periods by this tariff"));
      }
      if (next >= stretch.end_us) break;
      before = until;
      moment.at_us = next;
      moment.energy_uwh = energy_at_start + until.energy_uwh;
    }
    bill_.energy_uwh += stretch.energy_uwh;
    bill_.time_ns += stretch.time_ns;
    bill_.parking_ns += stretch.parking_ns;
    bill_.reservation_ns += stretch.reservation_ns;
    return absl::OkStatus();
  }

  // The piece of a stretch between two moments: a period of its own, or more of the one before.
  void Add(size_t index, const Moment& moment, int64_t end_us, const Stretch& before,
           const Stretch& until) {
    const Stretch& stretch = *moment.stretch;
    PricedPeriod period{moment.at_us, end_us, index, moment.energy_uwh, {}};
    const auto add = [&](Priced what, int64_t whole, int64_t volume) {
      if (whole == 0) return;
      PricedVolume priced = Choose(what, moment);
      priced.volume = priced.billed = volume;
      period.volumes.push_back(priced);
    };
    add(Priced::kEnergy, stretch.energy_uwh, until.energy_uwh - before.energy_uwh);
    add(Priced::kTime, stretch.time_ns, until.time_ns - before.time_ns);
    add(Priced::kParking, stretch.parking_ns, until.parking_ns - before.parking_ns);
    add(Priced::kReservation, stretch.reservation_ns, until.reservation_ns - before.reservation_ns);
    // Flat fees are due once, when the first of them comes into force.
    bool fee = false;
    const auto once = [&](Priced what, bool& due) {
      if (!due) return;
      PricedVolume priced = Choose(what, moment);
      if (priced.element < 0) return;
      priced.volume = priced.billed = 1;
      period.volumes.push_back(priced);
      due = false;
      fee = true;
    };
    once(stretch.only_reserved() ? Priced::kReservationFlat : Priced::kFlat,
         stretch.only_reserved() ? reservation_fee_due_ : fee_due_);
    if (!fee && !bill_.periods.empty() && Extends(bill_.periods.back(), period)) {
      PricedPeriod& last = bill_.periods.back();
      last.end_us = period.end_us;
      for (size_t i = 0; i < period.volumes.size(); ++i) {
        last.volumes[i].volume += period.volumes[i].volume;
        last.volumes[i].billed += period.volumes[i].billed;
      }
      return;
    }
    bill_.periods.push_back(std::move(period));
  }

  static bool Extends(const PricedPeriod& last, const PricedPeriod& next) {
    if (last.stretch != next.stretch) return false;
    // A fee of the last one comes behind the volumes.
    if (last.volumes.size() < next.volumes.size()) return false;
    return std::equal(next.volumes.begin(), next.volumes.end(), last.volumes.begin(),
                      [](const PricedVolume& a, const PricedVolume& b) {
                        return a.what == b.what && a.element == b.element &&
                               a.component == b.component;
                      });
  }

  // Rounds what is priced of a dimension up to the step of the component that was used last.
  // Whether there was any.
  bool ApplyStep(Priced what, int64_t unit) {
    PricedVolume* last = nullptr;
    core::Wide total = 0, slack = 0;
    for (PricedPeriod& period : bill_.periods) {
      for (PricedVolume& volume : period.volumes) {
        if (volume.what != what || volume.element < 0 || volume.volume == 0) continue;
        total += volume.volume;
        if (what != Priced::kEnergy) slack += stretches_[period.stretch].slack_ns;
        last = &volume;
      }
    }
    if (last == nullptr) return false;
    const core::Wide step = core::Wide{pricer_.component(*last).step_size()} * unit;
    if (step > 0 && total % step != 0) {
      // Short of what was used only by what was not used.
      const core::Wide beyond = total % step;
      const core::Wide more =
          beyond <= slack && beyond <= last->volume && total > beyond ? -beyond : step - beyond;
      const core::Wide billed = last->volume + more;
      last->billed = static_cast<int64_t>(std::min(billed, core::Wide{kNever}));
    }
    return true;
  }

  void ApplySteps() {
    ApplyStep(Priced::kEnergy, kUwhPerWh);
    // Once for both: parking takes it if there is any.
    if (!ApplyStep(Priced::kParking, kNsPerSecond)) ApplyStep(Priced::kTime, kNsPerSecond);
    ApplyStep(Priced::kReservation, kNsPerSecond);
  }

  const Pricer& pricer_;
  const absl::Span<const Stretch> stretches_;
  const core::LocalTime& local_;
  int64_t session_from_us_ = kNever;
  int64_t reserved_from_us_ = kNever;
  bool expired_ = false;
  bool fee_due_ = true;
  bool reservation_fee_due_ = true;
  Bill bill_;
};

absl::StatusOr<Pricer> Pricer::Create(const v1::Tariff& tariff) {
  CL_ASSIGN_OR_RETURN(core::Currency currency, core::Currency::FromCode(tariff.currency()));
  CL_RETURN_IF_ERROR(CheckRanges(tariff));
  Pricer pricer(tariff, std::move(currency));
  std::vector<Candidate> expires[kPricedCount];
  for (int e = 0; e < tariff.elements_size(); ++e) {
    const v1::TariffElement& element = tariff.elements(e);
    const v1::TariffRestrictions& r = element.restrictions();
    const bool reservation = r.reservation() != v1::RESERVATION_RESTRICTION_UNSPECIFIED;
    for (int c = 0; c < element.price_components_size(); ++c) {
      const v1::TariffDimension dimension = element.price_components(c).type();
      const std::optional<Priced> what = PricedBy(dimension, reservation);
      if (!what.has_value()) {
        if (reservation && dimension != v1::TARIFF_DIMENSION_UNSPECIFIED) continue;
        return absl::InvalidArgumentError(
            absl::StrCat("elements[", e, "].price_components[", c, "].type is unknown"));
      }
      const int index = static_cast<int>(*what);
      const Candidate candidate{e, c};
      if (r.reservation() == v1::RESERVATION_RESTRICTION_RESERVATION_EXPIRES) {
        expires[index].push_back(candidate);
      } else {
        pricer.candidates_[index].push_back(candidate);
      }
    }
    pricer.AddBorders(r);
  }
  for (int i = 0; i < kPricedCount; ++i) {
    // RESERVATION_EXPIRES takes the place of RESERVATION where it prices the same.
    pricer.expired_[i] = expires[i].empty() ? pricer.candidates_[i] : expires[i];
  }
  const auto unique = [](std::vector<int64_t>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
  };
  unique(pricer.borders_.minutes_of_day);
  unique(pricer.borders_.durations_us);
  unique(pricer.borders_.energies_uwh);
  pricer.uses_local_ = pricer.borders_.midnights || !pricer.borders_.minutes_of_day.empty();
  return pricer;
}

void Pricer::AddBorders(const v1::TariffRestrictions& r) {
  if (r.has_start_minute() || r.has_end_minute()) {
    borders_.minutes_of_day.push_back(r.start_minute());
    borders_.minutes_of_day.push_back(r.end_minute());
  }
  if (r.has_start_day() || r.has_end_day() || r.days_of_week() != 0) borders_.midnights = true;
  if (r.has_min_duration_s()) borders_.durations_us.push_back(r.min_duration_s() * 1'000'000);
  if (r.has_max_duration_s()) borders_.durations_us.push_back(r.max_duration_s() * 1'000'000);
  if (r.has_min_uwh()) borders_.energies_uwh.push_back(r.min_uwh());
  if (r.has_max_uwh()) borders_.energies_uwh.push_back(r.max_uwh());
}

// Exact sums in 10^-6 of an Amount, before tax and with it.
struct Pricer::Exact {
  Amount excl = 0;
  Amount incl = 0;

  bool Add(const Exact& other) {
    return !__builtin_add_overflow(excl, other.excl, &excl) &&
           !__builtin_add_overflow(incl, other.incl, &incl);
  }
};

// What `amount` at one rate is before tax and with it; none if it does not fit.
std::optional<Pricer::Exact> Pricer::WithTax(Amount amount, std::optional<int32_t> rate) const {
  const Amount factor = kRateUnit + rate.value_or(0);
  Exact exact;
  if (tariff_.tax_included() != v1::TAX_INCLUDED_YES) {
    if (__builtin_mul_overflow(amount, Amount{kRateUnit}, &exact.excl) ||
        __builtin_mul_overflow(amount, factor, &exact.incl)) {
      return std::nullopt;
    }
    return exact;
  }
  // Taking tax out need not come to an end: it is cut at 10^-6 of an Amount.
  const Amount rest = core::DivideHalfAway(amount % factor * kRateUnit * kRateUnit, factor);
  if (__builtin_mul_overflow(amount, Amount{kRateUnit}, &exact.incl) ||
      __builtin_mul_overflow(amount / factor, Amount{kRateUnit} * kRateUnit, &exact.excl) ||
      __builtin_add_overflow(exact.excl, rest, &exact.excl)) {
    return std::nullopt;
  }
  return exact;
}

absl::Status Pricer::AddUp(bool expired, Bill& bill) const {
  // By rate; none stands before 0 %.
  std::map<std::pair<Priced, std::optional<int32_t>>, Amount> due;
  for (const PricedPeriod& period : bill.periods) {
    for (const PricedVolume& volume : period.volumes) {
      if (volume.element < 0) continue;
      const v1::PriceComponent& price = component(volume);
      const auto rate = price.has_vat_e4() ? std::optional<int32_t>(price.vat_e4()) : std::nullopt;
      Amount& amount = due[{volume.what, rate}];
      if (__builtin_add_overflow(amount, volume.cost, &amount)) return DoesNotFit();
    }
  }
  Exact costs[kPricedCount], total;
  std::map<std::optional<int32_t>, Exact> rates;
  for (const auto& [key, amount] : due) {
    const std::optional<Exact> exact = WithTax(amount, key.second);
    if (!exact.has_value() || !costs[static_cast<int>(key.first)].Add(*exact) ||
        !rates[key.second].Add(*exact) || !total.Add(*exact)) {
      return DoesNotFit();
    }
  }
  if (total.incl > kAmountsPerUnit * kRateUnit * kMostUnits) return DoesNotFit();
  ApplyLimits(expired, total.excl, total.incl, bill);
  bill.total = Round(total);
  for (int i = 0; i < kPricedCount; ++i) bill.costs[i] = Round(costs[i]);
  if (rates.empty()) rates[std::nullopt];
  std::vector<Amount> nets, taxes;
  for (const auto& [rate, exact] : rates) {
    nets.push_back(exact.excl);
    taxes.push_back(exact.incl - exact.excl);
    bill.taxes.push_back({rate});
  }
  const int64_t minor_e4 = MinorE4(currency_);
  const auto net = Distribute(bill.total.excl_e4 / minor_e4, nets);
  const auto tax = Distribute((bill.total.incl_e4 - bill.total.excl_e4) / minor_e4, taxes);
  for (size_t i = 0; i < bill.taxes.size(); ++i) {
    bill.taxes[i].excl_e4 = net[i] * minor_e4;
    bill.taxes[i].tax_e4 = tax[i] * minor_e4;
  }
  return absl::OkStatus();
}

Taxed Pricer::Round(const Exact& exact) const {
  const int64_t minor_e4 = MinorE4(currency_);
  const Amount minor = kAmountsPerUnit * kRateUnit / 10'000 * minor_e4;
  return {static_cast<int64_t>(core::DivideHalfAway(exact.excl, minor)) * minor_e4,
          static_cast<int64_t>(core::DivideHalfAway(exact.incl, minor)) * minor_e4};
}

void Pricer::ApplyLimits(bool expired, Amount& excl, Amount& incl, Bill& bill) const {
  const auto exact = [](int64_t e4) { return kAmountsPerUnit * kRateUnit / 10'000 * e4; };
  const auto raise = [&](Amount& value, int64_t limit_e4, LimitApplied& applied) {
    if (value >= exact(limit_e4)) return;
    value = exact(limit_e4);
    applied = LimitApplied::kMinimum;
  };
  const auto lower = [&](Amount& value, int64_t limit_e4, LimitApplied& applied) {
    if (value <= exact(limit_e4)) return;
    value = exact(limit_e4);
    applied = LimitApplied::kMaximum;
  };
  // A reservation that expired was no charging session.
  if (tariff_.has_min_price() && !expired) {
    const v1::PriceLimit& limit = tariff_.min_price();
    raise(excl, limit.excl_vat_e4(), bill.limit_excl);
    if (limit.has_incl_vat_e4()) raise(incl, limit.incl_vat_e4(), bill.limit_incl);
  }
  if (tariff_.has_max_price()) {
    const v1::PriceLimit& limit = tariff_.max_price();
    lower(excl, limit.excl_vat_e4(), bill.limit_excl);
    if (limit.has_incl_vat_e4()) lower(incl, limit.incl_vat_e4(), bill.limit_incl);
  }
  // A limit that says nothing of the price with tax leaves that as it was, but no tax is negative.
  if (incl < excl) {
    incl = excl;
    bill.limit_incl = bill.limit_excl;
  }
}

absl::StatusOr<Bill> Pricer::Price(absl::Span<const Stretch> stretches,
                                   const core::LocalTime& local) const {
  Run run(*this, stretches, local);
  CL_ASSIGN_OR_RETURN(Bill bill, run.Go());
  CL_RETURN_IF_ERROR(AddUp(run.expired(), bill));
  return bill;
}

}  // namespace chargeledger::projections
