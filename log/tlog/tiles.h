// The static layout of C2SP tlog-tiles: paths of tiles and entry bundles, and an entry bundle's
// bytes.
//
//   entry bundle = { length (2, big-endian) ‖ entry }, up to 256 of them
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "log/merkle.h"

namespace chargeledger::log::tlog {

// `tile/<level>/<index>` with the index in groups of three digits, and `.p/<width>` if the tile has
// fewer than 256 hashes. `width` is 1 to 256.
std::string TilePath(const TileId& id, uint64_t width);
// `tile/entries/<index>`, likewise.
std::string EntriesPath(uint64_t index, uint64_t width);

// `entry` has at most 65,535 bytes.
void AppendToBundle(absl::string_view entry, std::string& bundle);
// The entries, borrowed from `bundle`. INVALID_ARGUMENT names the entry (counted from 0 in the
// bundle) whose length does not fit, or a number of entries other than `count`.
absl::StatusOr<std::vector<absl::string_view>> ReadBundle(absl::string_view bundle, uint64_t count);

}  // namespace chargeledger::log::tlog
