// What a session costs by an OCPI tariff (2.2.1 mod_tariffs, 2.3.0): exact until it is rounded, and
// rounded once.
//
// A session is given as stretches of time on which everything runs in a straight line. They are cut
// where another component comes into force; between the ends of a stretch energy and billed time
// are proportional to the time. docs/billing.md has the rules in words.
//
// Rounding (kRounding): costs are added up exactly; each total that is shown is the exact one,
// rounded once, half away from zero, to the currency's minor unit. The lines of the taxes are such
// that they add up to the total; the parts of a total may differ from it by their rounding.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "chargeledger/v1/tariff.pb.h"
#include "core/local_time.h"
#include "core/money.h"
#include "core/wide.h"

namespace chargeledger::projections {

constexpr absl::string_view kRounding = "totals half-away-from-zero minor-unit v1";

// Money before it is rounded: kAmountsPerUnit of them are one unit of the currency.
using Amount = core::Wide;
constexpr Amount kAmountsPerUnit = Amount{3'600'000'000'000} * 1'000'000'000;

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kUwhPerWh = 1'000'000;

// A part of a session. Volumes are what is billed, and need not be the length of the part.
struct Stretch {
  int64_t start_us = 0;
  // Not before the start. Of no length: it is not cut.
  int64_t end_us = 0;
  int64_t energy_uwh = 0;
  int64_t time_ns = 0;
  int64_t parking_ns = 0;
  int64_t reservation_ns = 0;
  // Lowest and highest in it, as far as known. Without them no restriction on them holds.
  std::optional<int64_t> min_power_mw, max_power_mw;
  std::optional<int64_t> min_current_ma, max_current_ma;
  // How much too long the times may be because they were rounded when they were written: no step
  // is begun for it.
  int64_t slack_ns = 0;

  // A stretch of nothing but reservation.
  bool only_reserved() const {
    return reservation_ns > 0 && energy_uwh == 0 && time_ns == 0 && parking_ns == 0;
  }
};

// What is priced in a period. The last two are of elements with a reservation restriction.
enum class Priced { kEnergy, kTime, kParking, kFlat, kReservation, kReservationFlat };
constexpr int kPricedCount = 6;

// uWh or ns; 1 for what is flat.
struct PricedVolume {
  Priced what = Priced::kEnergy;
  // The element and its component that apply, or -1: it is free.
  int element = -1;
  int component = -1;
  int64_t volume = 0;
  // After step_size.
  int64_t billed = 0;
  Amount cost = 0;
};

struct PricedPeriod {
  int64_t start_us = 0;
  int64_t end_us = 0;
  // Index of the stretch that it is part of.
  size_t stretch = 0;
  // Energy of the session before it.
  int64_t energy_before_uwh = 0;
  std::vector<PricedVolume> volumes;
};

// In 10^-4 of the currency's unit.
struct Taxed {
  int64_t excl_e4 = 0;
  int64_t incl_e4 = 0;

  friend bool operator==(const Taxed&, const Taxed&) = default;
};

// All that is due at one rate; no rate: no VAT is applicable.
struct TaxLine {
  std::optional<int32_t> vat_e4;
  int64_t excl_e4 = 0;
  int64_t tax_e4 = 0;

  friend bool operator==(const TaxLine&, const TaxLine&) = default;
};

enum class LimitApplied { kNone, kMinimum, kMaximum };

struct Bill {
  std::vector<PricedPeriod> periods;
  // By Priced, each rounded by itself, before a limit.
  Taxed costs[kPricedCount];
  Taxed total;
  // What min_price or max_price made of the total, before tax and with it.
  LimitApplied limit_excl = LimitApplied::kNone;
  LimitApplied limit_incl = LimitApplied::kNone;
  // Adds up to the total; in the order of the rates, none first.
  std::vector<TaxLine> taxes;
  int64_t energy_uwh = 0;
  int64_t time_ns = 0;
  int64_t parking_ns = 0;
  int64_t reservation_ns = 0;
  // A restriction on current or power was met where neither is known.
  bool unknown_current = false;
  bool unknown_power = false;

  Taxed cost(Priced what) const { return costs[static_cast<int>(what)]; }
};

// A tariff, ready to price with. Copies what it needs.
class Pricer {
 public:
  // INVALID_ARGUMENT for what pricing cannot do: an unknown currency, a dimension that there is
  // not, a negative price, figures that are absurd.
  static absl::StatusOr<Pricer> Create(const v1::Tariff& tariff);

  const v1::Tariff& tariff() const { return tariff_; }
  const core::Currency& currency() const { return currency_; }

  // `stretches` in the order of their times, without overlap. OUT_OF_RANGE if a cost does not fit,
  // or the session is cut more than kMostPeriods times. Thread-safe.
  absl::StatusOr<Bill> Price(absl::Span<const Stretch> stretches,
                             const core::LocalTime& local) const;

  static constexpr size_t kMostPeriods = 100'000;

 private:
  class Run;

  struct Candidate {
    int element = 0;
    int component = 0;
  };
  // Where restrictions can begin or cease to hold.
  struct Borders {
    std::vector<int64_t> minutes_of_day;
    bool midnights = false;
    std::vector<int64_t> durations_us;
    std::vector<int64_t> energies_uwh;
  };

  Pricer(const v1::Tariff& tariff, core::Currency currency)
      : tariff_(tariff), currency_(std::move(currency)) {}

  void AddBorders(const v1::TariffRestrictions& restrictions);
  const v1::PriceComponent& component(const PricedVolume& volume) const {
    return tariff_.elements(volume.element).price_components(volume.component);
  }
  struct Exact;
  std::optional<Exact> WithTax(Amount amount, std::optional<int32_t> rate) const;
  absl::Status AddUp(bool expired, Bill& bill) const;
  Taxed Round(const Exact& exact) const;
  void ApplyLimits(bool expired, Amount& excl, Amount& incl, Bill& bill) const;

  v1::Tariff tariff_;
  core::Currency currency_;
  // By Priced, in the order of the elements; reservations twice: as used, and as expired.
  std::vector<Candidate> candidates_[kPricedCount];
  std::vector<Candidate> expired_[kPricedCount];
  Borders borders_;
  bool uses_local_ = false;
};

// cost of `billed` at `price_e9`; none if it does not fit.
std::optional<Amount> CostOf(Priced what, int64_t billed, int64_t price_e9);

}  // namespace chargeledger::projections
