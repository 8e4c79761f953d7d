#include "projections/sessions/metering.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "core/units.h"

namespace chargeledger::projections {
namespace {

template <typename Value>
SampledValue ReadShared(const Value& value) {
  SampledValue read;
  if (value.value.has_value()) read.value = *value.value;
  if (value.measurand.has_value()) read.measurand = *value.measurand;
  if (value.phase.has_value()) read.phase = *value.phase;
  if (value.location.has_value()) read.location = *value.location;
  if (value.context.has_value()) read.context = *value.context;
  return read;
}

template <typename Value>
SampledValue Read2(const Value& value) {
  SampledValue read = ReadShared(value);
  if (value.unit_of_measure.has_value()) {
    if (value.unit_of_measure->unit.has_value()) read.unit = *value.unit_of_measure->unit;
    // A multiplier beyond any meter makes the value unreadable.
    constexpr int64_t kMost = 100;
    const int64_t multiplier = value.unit_of_measure->multiplier.value_or(0);
    read.multiplier = static_cast<int>(std::min(std::max(multiplier, -kMost), kMost));
  }
  if (value.signed_meter_value.has_value()) {
    read.signed_data = value.signed_meter_value->signed_meter_data.value_or("");
  }
  return read;
}

// L1, L2, L3, or one of them against the neutral: what adds up to the whole.
bool IsConductor(absl::string_view phase) {
  return phase.size() == 2 || absl::EndsWith(phase, "-N");
}

}  // namespace

SampledValue Read(const ocpp::v16::SampledValue& value) {
  SampledValue read = ReadShared(value);
  if (value.unit.has_value()) read.unit = *value.unit;
  if (value.format == "SignedData") read.signed_data = read.value;
  return read;
}

SampledValue Read(const ocpp::v201::SampledValue& value) { return Read2(value); }
SampledValue Read(const ocpp::v21::SampledValue& value) { return Read2(value); }

std::optional<int64_t> ReadRegister(const ocpp::Decimal& value) {
  if (!value.has_value()) return std::nullopt;
  auto energy = core::ParseEnergy(*value, "Wh");
  if (!energy.ok() || std::abs(energy->value()) > kMaxRegisterMwh) return std::nullopt;
  return energy->value();
}

void SampleReader::Begin(std::optional<absl::string_view> timestamp) {
  sample_ = Sample();
  register_ = interval_ = export_ = power_ = Phased();
  if (!timestamp.has_value()) return;
  auto told = core::ParseTimestamp(*timestamp);
  if (told.ok()) sample_.at_us = *told;
  sample_.bad_time = !told.ok();
}

void SampleReader::AddEnergy(const SampledValue& value, Phased& to) {
  auto energy = core::ParseEnergy(value.value, value.unit, value.multiplier);
  if (!energy.ok() || std::abs(energy->value()) > kMaxRegisterMwh) {
    sample_.bad_value = true;
  } else if (value.phase.empty()) {
    to.whole = energy->value();
  } else if (IsConductor(value.phase)) {
    to.sum += energy->value();
    to.any = true;
  }
}

void SampleReader::Add(const SampledValue& value) {
  // 1.6 signs the whole value: what it says is for those who check signatures.
  if (!value.signed_data.empty() && value.signed_data.data() == value.value.data()) return;
  if (value.location != "Outlet") {
    // The battery is in the vehicle, wherever it is said to be measured.
    if (value.measurand != "SoC") return;
  }
  if (value.context == "Transaction.Begin") sample_.begin = true;
  if (value.context == "Transaction.End") sample_.end = true;
  if (value.context == "Sample.Periodic") sample_.periodic = true;
  if (value.measurand == "Energy.Active.Import.Register") {
    AddEnergy(value, register_);
  } else if (value.measurand == "Power.Active.Import") {
    auto power = core::ParsePower(value.value, value.unit, value.multiplier);
    if (!power.ok() || std::abs(power->value()) > kMaxRegisterMwh) return;
    if (value.phase.empty()) {
      power_.whole = power->value();
    } else if (IsConductor(value.phase)) {
      power_.sum += power->value();
      power_.any = true;
    }
  } else if (value.measurand == "SoC") {
    auto soc = core::ParseDecimal(value.value, 0, core::Excess::kRoundHalfAwayFromZero);
    if (soc.ok() && *soc >= 0 && *soc <= 100) sample_.soc_percent = static_cast<int>(*soc);
  } else if (value.measurand == "Energy.Active.Import.Interval") {
    AddEnergy(value, interval_);
  } else if (value.measurand == "Energy.Active.Export.Register") {
    AddEnergy(value, export_);
  }
}

Sample SampleReader::Finish() {
  sample_.register_mwh = register_.Get();
  sample_.interval_mwh = interval_.Get();
  sample_.export_mwh = export_.Get();
  sample_.power_mw = power_.Get();
  return sample_;
}

}  // namespace chargeledger::projections
