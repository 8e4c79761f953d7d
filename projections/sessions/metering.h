// What a MeterValue says of energy, power and state of charge, in either protocol's words.
//
// The register that is billed by is the one at the outlet, over all phases; told by phase only, the
// phases are added up. Numbers are read exactly, from their digits.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "ocpp/v16.h"
#include "ocpp/v201.h"
#include "ocpp/v21.h"

namespace chargeledger::projections {

// One sampled value; what was left out has the standard's default (OCPP 1.6 §7.43, 2.0.1 §2.43).
struct SampledValue {
  absl::string_view value;
  absl::string_view measurand = "Energy.Active.Import.Register";
  absl::string_view phase;
  absl::string_view location = "Outlet";
  absl::string_view context = "Sample.Periodic";
  // Empty: the measurand's own.
  absl::string_view unit;
  int multiplier = 0;
  // Signed data, verbatim: the whole value in 1.6, beside it in 2.x. Empty: none.
  absl::string_view signed_data;
};

SampledValue Read(const ocpp::v16::SampledValue& value);
SampledValue Read(const ocpp::v201::SampledValue& value);
SampledValue Read(const ocpp::v21::SampledValue& value);

// One MeterValue.
struct Sample {
  // As told.
  std::optional<int64_t> at_us;
  std::optional<int64_t> register_mwh;
  std::optional<int64_t> interval_mwh;
  std::optional<int64_t> export_mwh;
  std::optional<int64_t> power_mw;
  std::optional<int> soc_percent;
  bool begin = false;
  bool end = false;
  bool periodic = false;
  // A time, or an energy, that could not be read.
  bool bad_time = false;
  bool bad_value = false;
};

class SampleReader {
 public:
  template <typename MeterValue>
  Sample Read(const MeterValue& meter_value) {
    Begin(meter_value.timestamp);
    for (const auto& value : meter_value.sampled_value) Add(projections::Read(value));
    return Finish();
  }

 private:
  // A quantity as a whole, or by phase.
  struct Phased {
    std::optional<int64_t> whole;
    int64_t sum = 0;
    bool any = false;

    std::optional<int64_t> Get() const {
      return whole.has_value() || !any ? whole : std::optional<int64_t>(sum);
    }
  };

  void Begin(std::optional<absl::string_view> timestamp);
  void Add(const SampledValue& value);
  Sample Finish();
  void AddEnergy(const SampledValue& value, Phased& to);

  Sample sample_;
  Phased register_, interval_, export_, power_;
};

// A register beyond 10^9 kWh is no reading; differences below it cannot overflow.
constexpr int64_t kMaxRegisterMwh = 1'000'000'000'000'000;

// meterStart and meterStop of OCPP 1.6, in Wh; none if it cannot be read.
std::optional<int64_t> ReadRegister(const ocpp::Decimal& value);

}  // namespace chargeledger::projections
