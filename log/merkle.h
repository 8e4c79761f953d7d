// The Merkle tree of RFC 6962 §2.1 over a log's entries: leaf = SHA-256(0x00 ‖ entry), node =
// SHA-256(0x01 ‖ left ‖ right), the empty tree's root is SHA-256 of nothing.
//
// Frontier is the smallest state that can go on growing: the roots of the complete subtrees that
// make up the tree. TreeBuilder besides collects tiles as in C2SP tlog-tiles: tile (level, index)
// holds the 256 hashes of complete subtrees of 256^level leaves numbered index × 256 on. Neither is
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/sha256.h"

namespace chargeledger::log {

using core::Hash;

Hash EmptyRoot();
Hash LeafHash(absl::string_view entry);
Hash NodeHash(const Hash& left, const Hash& right);

struct TreeHead {
  uint64_t size = 0;
  Hash root = EmptyRoot();

  friend bool operator==(const TreeHead&, const TreeHead&) = default;
};

class Frontier {
 public:
  uint64_t size() const { return size_; }
  void Append(const Hash& leaf);
  // Calls `made(height, hash)` for the leaf (height 0) and each complete subtree that it completes,
  // upwards.
  void Append(const Hash& leaf, absl::FunctionRef<void(int height, const Hash& hash)> made);
  Hash Root() const;
  TreeHead Head() const { return {size_, Root()}; }

 private:
  friend class TreeBuilder;

  uint64_t size_ = 0;
  // Largest subtree first; one for each bit set in size_.
  std::vector<Hash> subtrees_;
};

constexpr int kTileHeight = 8;
constexpr uint64_t kTileWidth = uint64_t{1} << kTileHeight;

struct TileId {
  int level = 0;
  uint64_t index = 0;

  friend auto operator<=>(const TileId&, const TileId&) = default;
};

// A complete tile: 256 hashes, 8,192 bytes.
struct Tile {
  TileId id;
  std::string hashes;
};

// Hash of the complete subtree of 256^id.level leaves at `position` (numbered at that level).
using NodeReader = absl::FunctionRef<absl::StatusOr<Hash>(int level, uint64_t position)>;

// Root of the first `size` leaves, out of tile-level nodes.
absl::StatusOr<Hash> RootFromNodes(uint64_t size, NodeReader read);

// Root of a complete tile, or of the first hashes of one when their number is a power of two.
Hash CompleteSubtreeRoot(absl::Span<const Hash> hashes);

class TreeBuilder {
 public:
  TreeBuilder() = default;

  // A builder that stands at `size`, its open tiles read back with `read`.
  static absl::StatusOr<TreeBuilder> Restore(uint64_t size, NodeReader read);

  const Frontier& frontier() const { return frontier_; }
  TreeHead Head() const { return frontier_.Head(); }

  // Adds one leaf; tiles that it completes are appended to `complete`.
  void Append(const Hash& leaf, std::vector<Tile>& complete);

  // The hashes of the tile that is still open at `level`.
  absl::Span<const Hash> OpenTile(int level) const;

 private:
  Frontier frontier_;
  std::vector<std::vector<Hash>> open_;
};

}  // namespace chargeledger::log
