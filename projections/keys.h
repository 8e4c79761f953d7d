// Keys of projections' states: parts that order as what they stand for.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/ids.h"

namespace chargeledger::projections {

inline void AppendOrdered(std::string& key, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(value >> shift));
  }
}

// `kind` ‖ generation ‖ sequence: something that began at an entry.
inline std::string EntryKey(char kind, core::Generation generation, core::Sequence sequence) {
  std::string key(1, kind);
  AppendOrdered(key, generation.value(), 4);
  AppendOrdered(key, sequence.value(), 8);
  return key;
}

// `kind` ‖ charge point ‖ 0 ‖ number: something of a charge point. No id holds a zero byte.
inline std::string ChargePointKey(char kind, absl::string_view charge_point_id) {
  return absl::StrCat(absl::string_view(&kind, 1), charge_point_id, absl::string_view("\0", 1));
}

inline std::string ChargePointKey(char kind, absl::string_view charge_point_id, uint64_t number) {
  std::string key = ChargePointKey(kind, charge_point_id);
  AppendOrdered(key, number, 8);
  return key;
}

// <first 12 hex digits of the log id>-<generation>-<sequence>: the public name of what began at an
// entry.
inline std::string PublicId(const core::LogId& log_id, core::Generation generation,
                            core::Sequence sequence) {
  return absl::StrCat(log_id.ToHex().substr(0, 12), "-", generation.value(), "-", sequence.value());
}

}  // namespace chargeledger::projections
