// Checks what is stored of one log from the bytes up: every entry's leaf hash, every tile, the
// root, the checkpoint. The same for fsck (all at once, nobody writing) and for scrubbing (a little
// at a time, while the log grows).
//
//  1. Nothing that is stored is taken on trust: leaf hashes come from the entries' bytes, tiles and
//  root from the leaf hashes.
//  2. A finding names the first entry that is wrong where one is.
//  3. Checking goes on behind a finding, so that all damage is told in one pass.
//
// Not thread-safe; the store may change meanwhile as the log's writer and sealer change it.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ids.h"
#include "log/log_keys.h"
#include "log/merkle.h"
#include "log/store.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace chargeledger::log {

struct CheckFinding {
  // The first entry concerned, where it is one.
  std::optional<uint64_t> sequence;
  std::string detail;
};

class LogChecker {
 public:
  // Checks the first `head.size` entries, whose root should be `head.root`. `keys` check the stored
  // checkpoint's signatures; without any only its root is compared. `store` outlives the checker.
  LogChecker(const Reader& store, const core::LogId& log_id, core::Generation generation,
             const TreeHead& head, std::vector<tlog::VerifierKey> keys);

  // Checks the next 256 entries, or at the end tiles, root and checkpoint; returns how many bytes
  // it read. UNAVAILABLE if the store cannot be read at all.
  absl::StatusOr<uint64_t> Step();
  bool done() const { return done_; }
  // Entries checked so far.
  uint64_t checked() const { return next_; }
  uint64_t size() const { return head_.size; }
  const std::vector<CheckFinding>& findings() const { return findings_; }

 private:
  // Reads and checks entries [first, end) of one bundle; the leaf hash of what cannot be read is
  // absent.
  absl::StatusOr<std::vector<std::optional<Hash>>> CheckPiece(uint64_t first, uint64_t end,
                                                              uint64_t& bytes);
  absl::StatusOr<std::vector<std::optional<Hash>>> CheckDropped(
      uint64_t first, std::vector<std::optional<Hash>>& leaves, uint64_t& bytes);
  void CheckSealed(absl::string_view sealed, uint64_t first,
                   std::vector<std::optional<Hash>>& leaves);
  absl::Status CheckHot(uint64_t first, uint64_t end, std::vector<std::optional<Hash>>& leaves,
                        uint64_t& bytes);
  std::optional<Hash> CheckEntry(uint64_t sequence, absl::string_view bytes);
  absl::Status CheckTile(const Tile& tile);
  absl::Status CheckEnd();
  absl::Status LoadCheckpoint();
  void CheckCheckpoint();
  void Found(std::optional<uint64_t> sequence, std::string detail);

  const Reader& store_;
  const core::Generation generation_;
  const LogKeys keys_;
  const TreeHead head_;
  const std::vector<tlog::VerifierKey> verifier_keys_;
  TreeBuilder builder_;
  std::optional<tlog::Checkpoint> checkpoint_;
  uint64_t next_ = 0;
  // Bundles whose entries are no longer kept.
  uint64_t dropped_ = 0;
  // Level-0 tiles with a leaf that could not be derived: what stands above them cannot be compared.
  std::set<uint64_t> damaged_;
  bool started_ = false;
  bool done_ = false;
  std::vector<CheckFinding> findings_;
};

}  // namespace chargeledger::log
