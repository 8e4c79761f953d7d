// Where one generation of a log stands in a Store. After the kind's letter come the log id (16) and
// the generation (4, big-endian), then:
//
//   'e' sequence (8)            an entry's bytes, until its bundle is sealed
//   'b' index (8)               a sealed bundle: entries [index × 256, index × 256 + 256)
//                               (bundle.h)
//   't' level (1) ‖ index (8)   a complete tile of level 1 or higher. Level 0 is not stored as long
//                               as the entries are there: it is hashed again from them
//   'r'                         number of bundles (8, big-endian) whose entries were dropped; their
//                               tiles of level 0 are stored
//   'n' index (8)               the root of bundle `index`: with it a log opens although a bundle
//   is
//                               damaged, and the bundle can be replaced
//   'h'                         size (8, big-endian) ‖ root (32)
//   'c'                         newest checkpoint, a signed note
//   'w'                         present once the head file has a record of this log (head_file.h)
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/ids.h"
#include "log/merkle.h"

namespace chargeledger::log {

class LogKeys {
 public:
  LogKeys(const core::LogId& log_id, core::Generation generation)
      : log_id_(log_id), generation_(generation) {}

  // What all keys of one kind begin with.
  std::string Prefix(char kind) const;
  std::string Entry(uint64_t sequence) const;
  std::string Bundle(uint64_t index) const;
  std::string Tile(const TileId& id) const;
  std::string BundleRoot(uint64_t index) const;
  std::string Head() const { return Prefix('h'); }
  std::string Checkpoint() const { return Prefix('c'); }
  std::string Witnessed() const { return Prefix('w'); }
  std::string Dropped() const { return Prefix('r'); }

  // The number at the end of an entry's or a bundle's key; none if it has another length than it
  // should.
  static std::optional<uint64_t> NumberOf(absl::string_view key);
  // Makes the key of an entry or a bundle that of another one.
  static void SetNumber(uint64_t number, std::string& key);

 private:
  std::string Numbered(char kind, uint64_t number) const;

  core::LogId log_id_;
  core::Generation generation_;
};

std::string EncodeHead(const TreeHead& head);
// DATA_LOSS if `value` is no stored head.
absl::StatusOr<TreeHead> DecodeHead(absl::string_view value);

}  // namespace chargeledger::log
