// The pricing engine against a slow and obvious one: second by second, each looked at alone, with
// the civil time of Abseil and sums of whole numbers.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "core/process/time_zone.h"
#include "projections/pricing/pricing.h"

namespace chargeledger::projections {
namespace {

using Random = std::mt19937_64;

int64_t Draw(Random& random, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(random() % static_cast<uint64_t>(most - least + 1));
}

bool Chance(Random& random, int percent) { return Draw(random, 1, 100) <= percent; }

// Energies are multiples of this, so that every border of energy is reached at the end of a second.
constexpr int64_t kGrainUwh = 30 * kUwhPerWh;

v1::Tariff DrawTariff(Random& random, int64_t first_day) {
  v1::Tariff tariff;
  tariff.set_currency("EUR");
  tariff.set_id("random");
  const int64_t elements = Draw(random, 1, 6);
  for (int64_t e = 0; e < elements; ++e) {
    v1::TariffElement& element = *tariff.add_elements();
    const int64_t components = Draw(random, 1, 3);
    for (int64_t c = 0; c < components; ++c) {
      v1::PriceComponent& component = *element.add_price_components();
      component.set_type(static_cast<v1::TariffDimension>(Draw(random, 1, 4)));
      component.set_price_e9(Draw(random, 0, 9'999) * 100'000);
      if (Chance(random, 70)) component.set_vat_e4(Chance(random, 50) ? 190'000 : 70'000);
      component.set_step_size(Chance(random, 50) ? Draw(random, 0, 900) : 1);
    }
    v1::TariffRestrictions& r = *element.mutable_restrictions();
    if (e + 1 == elements && Chance(random, 50)) continue;
    if (Chance(random, 40)) r.set_start_minute(static_cast<int32_t>(Draw(random, 0, 1439)));
    if (Chance(random, 40)) r.set_end_minute(static_cast<int32_t>(Draw(random, 0, 1439)));
    if (Chance(random, 10)) r.set_start_day(static_cast<int32_t>(first_day + Draw(random, 0, 1)));
    if (Chance(random, 10)) r.set_end_day(static_cast<int32_t>(first_day + Draw(random, 0, 2)));
    if (Chance(random, 25)) r.set_days_of_week(static_cast<uint32_t>(Draw(random, 1, 127)));
    if (Chance(random, 20)) r.set_min_uwh(Draw(random, 0, 1'000) * kGrainUwh);
    if (Chance(random, 20)) r.set_max_uwh(Draw(random, 0, 1'000) * kGrainUwh);
    if (Chance(random, 20)) r.set_min_duration_s(Draw(random, 0, 20'000));
    if (Chance(random, 20)) r.set_max_duration_s(Draw(random, 0, 20'000));
    if (Chance(random, 15)) r.set_min_power_mw(Draw(random, 0, 20) * 1'000'000);
    if (Chance(random, 15)) r.set_max_power_mw(Draw(random, 0, 20) * 1'000'000);
    if (Chance(random, 10)) r.set_min_current_ma(Draw(random, 0, 32) * 1'000);
    if (Chance(random, 10)) r.set_max_current_ma(Draw(random, 0, 32) * 1'000);
  }
  return tariff;
}

// Stretches of whole half minutes, with the same energy in each second.
std::vector<Stretch> DrawSession(Random& random, int64_t start_s) {
  std::vector<Stretch> session;
  int64_t at_s = start_s;
  const int64_t count = Draw(random, 1, 4);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length_s = Draw(random, 1, 600) * 30;
    Stretch stretch{at_s * 1'000'000, (at_s + length_s) * 1'000'000};
    if (Chance(random, 70)) {
      static constexpr int64_t kPerSecond[] = {1, 2, 3, 5, 6, 10};
      stretch.energy_uwh = length_s * kPerSecond[Draw(random, 0, 5)] * kUwhPerWh;
      stretch.time_ns = length_s * kNsPerSecond;
    } else {
      stretch.parking_ns = length_s * kNsPerSecond;
    }
    if (Chance(random, 80)) {
      stretch.min_power_mw = stretch.max_power_mw = Draw(random, 0, 20) * 1'000'000;
    }
    if (Chance(random, 80)) {
      stretch.min_current_ma = stretch.max_current_ma = Draw(random, 0, 32) * 1'000;
    }
    session.push_back(stretch);
    at_s += length_s;
  }
  return session;
}

// Everything that is due, by what it is due for, in Amounts.
struct Sums {
  std::map<Priced, core::Wide> cost;
  std::map<Priced, int64_t> volume;
};

class SlowPricing {
 public:
  SlowPricing(const v1::Tariff& tariff, absl::TimeZone zone) : tariff_(tariff), zone_(zone) {}

  Sums Price(const std::vector<Stretch>& session) {
    const int64_t start_s = session.front().start_us / 1'000'000;
    int64_t energy = 0;
    for (const Stretch& stretch : session) {
      const int64_t length_s = (stretch.end_us - stretch.start_us) / 1'000'000;
      for (int64_t s = 0; s < length_s; ++s) {
        const int64_t at_s = stretch.start_us / 1'000'000 + s;
        if (!flat_) {
          if (const auto* fee = First(v1::TARIFF_DIMENSION_FLAT, stretch, at_s, start_s, energy)) {
            flat_ = true;
            sums_.cost[Priced::kFlat] += core::Wide{fee->price_e9()} * 3'600'000'000'000;
          }
        }
        const int64_t grain = stretch.energy_uwh / length_s;
        const auto* price = First(v1::TARIFF_DIMENSION_ENERGY, stretch, at_s, start_s, energy);
        if (stretch.energy_uwh > 0) Use(Priced::kEnergy, price, grain);
        if (stretch.time_ns > 0) {
          Use(Priced::kTime, First(v1::TARIFF_DIMENSION_TIME, stretch, at_s, start_s, energy),
              kNsPerSecond);
        } else {
          Use(Priced::kParking,
              First(v1::TARIFF_DIMENSION_PARKING_TIME, stretch, at_s, start_s, energy),
              kNsPerSecond);
        }
        energy += grain;
      }
    }
    Step(Priced::kEnergy, kUwhPerWh);
    Step(sums_.volume.count(Priced::kParking) > 0 ? Priced::kParking : Priced::kTime, kNsPerSecond);
    return sums_;
  }

 private:
  const v1::PriceComponent* First(v1::TariffDimension dimension, const Stretch& stretch,
                                  int64_t at_s, int64_t start_s, int64_t energy) const {
    for (const v1::TariffElement& element : tariff_.elements()) {
      if (!Holds(element.restrictions(), stretch, at_s, start_s, energy)) continue;
      for (const v1::PriceComponent& component : element.price_components()) {
        if (component.type() == dimension) return &component;
      }
    }
    return nullptr;
  }

  bool Holds(const v1::TariffRestrictions& r, const Stretch& stretch, int64_t at_s, int64_t start_s,
             int64_t energy) const {
    const absl::CivilSecond now = absl::ToCivilSecond(absl::FromUnixSeconds(at_s), zone_);
    const int64_t second = now.hour() * 3600 + now.minute() * 60 + now.second();
    const int64_t from = r.start_minute() * 60;
    const int64_t until = r.has_end_minute() && r.end_minute() != 0 ? r.end_minute() * 60 : 86'400;
    const bool inside =
        from < until ? from <= second && second < until : from <= second || second < until;
    if (!inside) return false;
    const absl::CivilDay today(now);
    const int64_t day = today - absl::CivilDay(1970, 1, 1);
    if (r.has_start_day() && day < r.start_day()) return false;
    if (r.has_end_day() && day >= r.end_day()) return false;
    const int weekday = static_cast<int>(absl::GetWeekday(today));
    if (r.days_of_week() != 0 && !(r.days_of_week() & 1u << weekday)) return false;
    if (r.has_min_uwh() && energy < r.min_uwh()) return false;
    if (r.has_max_uwh() && energy >= r.max_uwh()) return false;
    if (r.has_min_duration_s() && at_s - start_s < r.min_duration_s()) return false;
    if (r.has_max_duration_s() && at_s - start_s >= r.max_duration_s()) return false;
    const auto within = [](bool has_min, int64_t min, bool has_max, int64_t max,
                           const std::optional<int64_t>& value) {
      if (!has_min && !has_max) return true;
      return value.has_value() && (!has_min || *value >= min) && (!has_max || *value < max);
    };
    return within(r.has_min_power_mw(), r.min_power_mw(), r.has_max_power_mw(), r.max_power_mw(),
                  stretch.min_power_mw) &&
           within(r.has_min_current_ma(), r.min_current_ma(), r.has_max_current_ma(),
                  r.max_current_ma(), stretch.min_current_ma);
  }

  void Use(Priced what, const v1::PriceComponent* price, int64_t volume) {
    if (price == nullptr) return;
    sums_.volume[what] += volume;
    sums_.cost[what] +=
        core::Wide{volume} * price->price_e9() * (what == Priced::kEnergy ? 3'600 : 1);
    last_[what] = price;
  }

  void Step(Priced what, int64_t unit) {
    if (last_.count(what) == 0 || last_[what]->step_size() == 0) return;
    const int64_t step = last_[what]->step_size() * unit;
    const int64_t volume = sums_.volume[what];
    const int64_t more = (volume + step - 1) / step * step - volume;
    sums_.cost[what] +=
        core::Wide{more} * last_[what]->price_e9() * (what == Priced::kEnergy ? 3'600 : 1);
  }

  const v1::Tariff& tariff_;
  const absl::TimeZone zone_;
  Sums sums_;
  bool flat_ = false;
  std::map<Priced, const v1::PriceComponent*> last_;
};

TEST(Pricing, IsTheSameAsLookingAtEachSecond) {
  static const char* const kZones[] = {"UTC", "Europe/Amsterdam", "America/New_York",
                                       "Asia/Kolkata", "Australia/Lord_Howe"};
  // Ordinary days, and the days around the changes of 2026.
  static const char* const kDays[] = {"2026-01-05", "2026-03-08", "2026-03-29", "2026-04-05",
                                      "2026-10-04", "2026-10-25", "2026-11-01"};
  Random random(20260101);
  int cut = 0;
  for (int i = 0; i < 400; ++i) {
    absl::CivilDay day;
    ASSERT_TRUE(absl::ParseCivilTime(kDays[Draw(random, 0, 6)], &day));
    const int64_t first_day = day - absl::CivilDay(1970, 1, 1) - 1;
    const int64_t start_s = first_day * 86'400 + Draw(random, 0, 2 * 86'400);
    const v1::Tariff tariff = DrawTariff(random, first_day);
    const std::vector<Stretch> session = DrawSession(random, start_s);
    const std::string name = kZones[Draw(random, 0, 4)];
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone(name, &zone));
    const auto local = core::LoadLocalTime(name, session.front().start_us, session.back().end_us);
    ASSERT_TRUE(local.ok()) << local.status();
    const auto pricer = Pricer::Create(tariff);
    ASSERT_TRUE(pricer.ok()) << pricer.status();
    const auto bill = pricer->Price(session, *local);
    ASSERT_TRUE(bill.ok()) << bill.status();
    std::map<Priced, core::Wide> cost;
    core::Wide volumes = 0, wanted = 0;
    for (const PricedPeriod& period : bill->periods) {
      for (const PricedVolume& volume : period.volumes) {
        if (volume.cost != 0) cost[volume.what] += volume.cost;
        if (volume.what != Priced::kFlat) volumes += volume.volume;
      }
    }
    for (const Stretch& stretch : session) {
      wanted += core::Wide{stretch.energy_uwh} + stretch.time_ns + stretch.parking_ns;
    }
    EXPECT_TRUE(volumes == wanted) << "case " << i << ": no volume is lost in cutting";
    Sums slow = SlowPricing(tariff, zone).Price(session);
    for (auto it = slow.cost.begin(); it != slow.cost.end();) {
      it = it->second == 0 ? slow.cost.erase(it) : std::next(it);
    }
    EXPECT_TRUE(cost == slow.cost) << "case " << i << " in " << name << ":\n"
                                   << tariff.DebugString();
    cut += bill->periods.size() > session.size() ? 1 : 0;
    if (HasFailure()) return;
  }
  // The cases are worth something.
  EXPECT_GT(cut, 100);
}

}  // namespace
}  // namespace chargeledger::projections
