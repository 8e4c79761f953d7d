#include "log/merkle.h"

#include <optional>

#include "core/check.h"

namespace chargeledger::log {

using core::Sha256;

Hash EmptyRoot() { return Sha256({}); }

Hash LeafHash(absl::string_view entry) { return Sha256(absl::string_view("\0", 1), entry); }

Hash NodeHash(const Hash& left, const Hash& right) {
  return Sha256(absl::string_view("\1", 1), left.bytes(), right.bytes());
}

void Frontier::Append(const Hash& leaf) {
  Append(leaf, [](int, const Hash&) {});
}

void Frontier::Append(const Hash& leaf, absl::FunctionRef<void(int, const Hash&)> made) {
  Hash node = leaf;
  made(0, node);
  int height = 0;
  for (uint64_t rest = size_; rest & 1; rest >>= 1) {
    node = NodeHash(subtrees_.back(), node);
    subtrees_.pop_back();
    made(++height, node);
  }
  subtrees_.push_back(node);
  ++size_;
}

Hash Frontier::Root() const {
  if (subtrees_.empty()) return EmptyRoot();
  Hash root = subtrees_.back();
  for (size_t i = subtrees_.size() - 1; i-- > 0;) root = NodeHash(subtrees_[i], root);
  return root;
}

Hash CompleteSubtreeRoot(absl::Span<const Hash> hashes) {
  CL_CHECK(!hashes.empty() && (hashes.size() & (hashes.size() - 1)) == 0,
           "a complete subtree has a power of two of leaves");
  if (hashes.size() == 1) return hashes[0];
  const size_t half = hashes.size() / 2;
  return NodeHash(CompleteSubtreeRoot(hashes.subspan(0, half)),
                  CompleteSubtreeRoot(hashes.subspan(half)));
}

namespace {

// Roots of the complete subtrees that the first `size` leaves consist of, largest first.
absl::StatusOr<std::vector<Hash>> SubtreesFromNodes(uint64_t size, NodeReader read) {
  std::vector<Hash> subtrees;
  uint64_t covered = 0;
  for (int height = 63; height >= 0; --height) {
    if (!(size >> height & 1)) continue;
    const int level = height / kTileHeight;
    const uint64_t width = uint64_t{1} << (height % kTileHeight);
    const uint64_t first = covered >> (level * kTileHeight);
    std::vector<Hash> nodes;
    for (uint64_t i = 0; i < width; ++i) {
      CL_ASSIGN_OR_RETURN(Hash node, read(level, first + i));
      nodes.push_back(node);
    }
    subtrees.push_back(CompleteSubtreeRoot(nodes));
    covered += uint64_t{1} << height;
  }
  return subtrees;
}

}  // namespace

absl::StatusOr<Hash> RootFromNodes(uint64_t size, NodeReader read) {
  if (size == 0) return EmptyRoot();
  CL_ASSIGN_OR_RETURN(std::vector<Hash> subtrees, SubtreesFromNodes(size, read));
  Hash root = subtrees.back();
  for (size_t i = subtrees.size() - 1; i-- > 0;) root = NodeHash(subtrees[i], root);
  return root;
}

absl::StatusOr<TreeBuilder> TreeBuilder::Restore(uint64_t size, NodeReader read) {
  TreeBuilder builder;
  for (int level = 0; level * kTileHeight < 64 && size >> (level * kTileHeight) > 0; ++level) {
    const uint64_t nodes = size >> (level * kTileHeight);
    std::vector<Hash> row;
    for (uint64_t i = nodes - nodes % kTileWidth; i < nodes; ++i) {
      CL_ASSIGN_OR_RETURN(Hash node, read(level, i));
      row.push_back(node);
    }
    builder.open_.push_back(std::move(row));
  }
  auto from_rows = [&](int level, uint64_t position) -> absl::StatusOr<Hash> {
    return builder.open_[level][position % kTileWidth];
  };
  builder.frontier_.size_ = size;
  CL_ASSIGN_OR_RETURN(builder.frontier_.subtrees_, SubtreesFromNodes(size, from_rows));
  return builder;
}

void TreeBuilder::Append(const Hash& leaf, std::vector<Tile>& complete) {
  const uint64_t position = frontier_.size();
  frontier_.Append(leaf, [&](int height, const Hash& hash) {
    if (height % kTileHeight != 0) return;
    const size_t level = static_cast<size_t>(height / kTileHeight);
    if (open_.size() <= level) open_.emplace_back();
    open_[level].push_back(hash);
    if (open_[level].size() < kTileWidth) return;
    Tile tile{{static_cast<int>(level), position >> (height + kTileHeight)}, {}};
    tile.hashes.reserve(kTileWidth * Hash::kSize);
    for (const Hash& node : open_[level]) {
      tile.hashes.append(node.bytes().data(), Hash::kSize);
    }
    open_[level].clear();
    complete.push_back(std::move(tile));
  });
}

absl::Span<const Hash> TreeBuilder::OpenTile(int level) const {
  if (static_cast<size_t>(level) >= open_.size()) return {};
  return open_[static_cast<size_t>(level)];
}

}  // namespace chargeledger::log
