// OCPI's CDR object, as partners write it: 2.1.1, 2.2.1 and 2.3.0.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/json.h"
#include "ocpi/reading.h"

namespace chargeledger::ocpi {

// A CDR's ChargingPeriod; volumes are exact to a microwatt-hour and a nanosecond.
struct CdrPeriod {
  int64_t start_us = 0;
  // Of the next period, or of the CDR.
  int64_t end_us = 0;
  std::string tariff_id;
  bool has_energy = false;
  int64_t energy_uwh = 0;
  int64_t time_ns = 0;
  int64_t parking_ns = 0;
  int64_t reservation_ns = 0;
  // How much too long they may be: OCPI's four decimals of an hour are rounded to 0.18 s.
  int64_t slack_ns = 0;
  // In mW and mA, from MIN_, MAX_ and plain dimensions.
  std::optional<int64_t> min_power_mw, max_power_mw;
  std::optional<int64_t> min_current_ma, max_current_ma;
};

// A total that the CDR states: money in 10^-4, others × 10^6.
struct CdrClaim {
  std::optional<int64_t> excl_e4, incl_e4;
  // Without a word on tax, as in 2.1.1.
  std::optional<int64_t> plain_e4;
  std::optional<int64_t> volume_e6;
};

struct Cdr {
  std::string id;
  std::string currency;
  int64_t start_us = 0;
  int64_t end_us = 0;
  // In the order of their times.
  std::vector<CdrPeriod> periods;
  // By OCPI's names: total_cost, total_energy, ...
  std::map<std::string, CdrClaim> claims;
  // OCPI 2.1.1 location.time_zone; empty in later versions, which do not have it.
  std::string time_zone;
  // The tariffs that it carries; each with its path.
  std::vector<std::pair<std::string, const core::Json*>> tariffs;
};

// Reads what pricing needs; everything else is passed over, and what is unknown is told. The
// tariffs point into `json`.
Cdr ReadCdr(const core::Json& json, const std::string& path, Findings& findings);

}  // namespace chargeledger::ocpi
