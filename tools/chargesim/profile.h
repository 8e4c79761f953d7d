// How charge points of different make speak: the same facts, said in the ways that are met in the
// field.
#pragma once

#include <cstdint>
#include <string>

namespace chargeledger::chargesim {

struct Profile {
  std::string vendor;
  std::string model;
  std::string firmware;
  // Of one connector.
  int64_t max_power_w;
  bool direct_current;
  // Meter values in kWh with three decimals, instead of whole Wh.
  bool kilowatt_hours;
  // Voltage and current per phase beside energy and power.
  bool phases;
  // A first and a last sample with the contexts Transaction.Begin and Transaction.End, the last one
  // in StopTransaction.
  bool transaction_samples;
  enum class Time { kSeconds, kMilliseconds, kOffset } time;
  // Message ids count from 1 at every boot, instead of being random.
  bool counts_messages;
  // The register begins at 0 with every session, instead of counting for life.
  bool register_per_session;
};

// The make of the charge point with this number.
const Profile& ProfileOf(int number);

}  // namespace chargeledger::chargesim
