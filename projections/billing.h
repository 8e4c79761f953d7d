// CDRs out of closed sessions: a price per kWh and a start fee, from configuration.
//
// State keys: 'c' generation, sequence of the session's first entry -> Cdr. A CDR is made once,
// when its session has ended and nothing holds it for review, and never changed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "chargeledger/v1/types.pb.h"
#include "core/money.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kCdrKind = 'c';

// One flat tariff for all sites.
struct FlatTariff {
  core::Currency currency;
  core::MoneyE4 price_per_kwh;
  core::MoneyE4 start_fee;

  // `price_per_kwh` and `start_fee` as decimals with at most four places, not negative;
  // INVALID_ARGUMENT names which is wrong.
  static absl::StatusOr<FlatTariff> Create(absl::string_view currency,
                                           absl::string_view price_per_kwh,
                                           absl::string_view start_fee);
  // Equal text if and only if equal prices.
  std::string ToText() const;
};

class Billing {
 public:
  static constexpr uint32_t kVersion = 3;

  explicit Billing(FlatTariff tariff) : tariff_(std::move(tariff)) {}

  const FlatTariff& tariff() const { return tariff_; }

  void OnBillable(const v1::Session& session, State& state) const;

 private:
  v1::Cdr Price(const v1::Session& session) const;

  const FlatTariff tariff_;
};

}  // namespace chargeledger::projections
