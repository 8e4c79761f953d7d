// OCPI's Tariff object: 2.2.1 and 2.3.0, and 2.1.1 to read.
#pragma once

#include <string>

#include "chargeledger/v1/tariff.pb.h"
#include "core/json.h"
#include "ocpi/reading.h"

namespace chargeledger::ocpi {

enum class Version { k221, k230 };

// Reads what there is; errors and what is unknown go to `findings`. Whether it makes sense is for
// CheckTariff. `path` is where the object stands.
v1::Tariff ReadTariff(const core::Json& json, const std::string& path, Findings& findings);

core::Json WriteTariff(const v1::Tariff& tariff, Version version);

// What is wrong with a tariff that was read, under the path of its object: what cannot be billed by
// is an error, what is dubious a warning.
void CheckTariff(const v1::Tariff& tariff, const std::string& path, Findings& findings);

// Names of dimensions and such, as OCPI writes them.
std::string DimensionName(v1::TariffDimension dimension);
// "09:00".
std::string TimeOfDay(int32_t minute);
// "2026-11-20" of days since 1970-01-01.
std::string DateOf(int64_t day);
// Bit 0 of days_of_week is "MONDAY".
const std::vector<std::string>& WeekdayNames();

}  // namespace chargeledger::ocpi
