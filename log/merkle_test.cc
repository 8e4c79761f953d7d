#include "log/merkle.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::log {
namespace {

// RFC 6962 §2.1, word for word: split at the largest power of two below n.
Hash SlowRoot(const std::vector<Hash>& leaves, size_t begin, size_t end) {
  const size_t n = end - begin;
  if (n == 0) return core::Sha256({});
  if (n == 1) return leaves[begin];
  size_t k = 1;
  while (k * 2 < n) k *= 2;
  return NodeHash(SlowRoot(leaves, begin, begin + k), SlowRoot(leaves, begin + k, end));
}

std::vector<Hash> Leaves(size_t n) {
  std::vector<Hash> leaves;
  for (size_t i = 0; i < n; ++i) leaves.push_back(LeafHash(absl::StrCat("entry ", i)));
  return leaves;
}

// Nodes as a log would store them: complete tiles, and the builder's open ones.
class TiledTree {
 public:
  void Append(const Hash& leaf) {
    std::vector<Tile> complete;
    builder_.Append(leaf, complete);
    for (Tile& tile : complete) tiles_[tile.id] = tile.hashes;
  }
  absl::StatusOr<Hash> Node(int level, uint64_t position) const {
    const size_t at = position % kTileWidth;
    auto tile = tiles_.find({level, position / kTileWidth});
    if (tile != tiles_.end()) {
      return Hash::FromBytes(absl::string_view(tile->second).substr(at * 32, 32));
    }
    EXPECT_LT(at, builder_.OpenTile(level).size());
    return builder_.OpenTile(level)[at];
  }
  Hash RootAt(uint64_t size) const {
    return *RootFromNodes(size, [&](int level, uint64_t at) { return Node(level, at); });
  }
  const TreeBuilder& builder() const { return builder_; }

 private:
  TreeBuilder builder_;
  std::map<TileId, std::string> tiles_;
};

TEST(Merkle, CertificateTransparencysEightLeafTreeHasItsKnownRoots) {
  const std::vector<std::string> entries = {"",
                                            "00",
                                            "10",
                                            "2021",
                                            "3031",
                                            "40414243",
                                            "5051525354555657",
                                            "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  Frontier frontier;
  EXPECT_EQ(frontier.Root().ToHex(), roots[0]);
  for (size_t i = 0; i < entries.size(); ++i) {
    frontier.Append(LeafHash(absl::HexStringToBytes(entries[i])));
    EXPECT_EQ(frontier.Root().ToHex(), roots[i + 1]) << "size " << i + 1;
  }
}

TEST(Merkle, EveryRootOfEverySizeEqualsTheObviousRecursion) {
  constexpr size_t kMost = 1100;  // beyond four tiles of 256
  const std::vector<Hash> leaves = Leaves(kMost);
  std::vector<Hash> expected;
  for (size_t n = 0; n <= kMost; ++n) expected.push_back(SlowRoot(leaves, 0, n));
  TiledTree tree;
  for (size_t n = 1; n <= kMost; ++n) {
    tree.Append(leaves[n - 1]);
    ASSERT_EQ(tree.builder().frontier().Root(), expected[n]) << n;
    if (n % 97 == 0 || n % 256 == 0 || n == kMost) {
      for (size_t m = 0; m <= n; ++m) ASSERT_EQ(tree.RootAt(m), expected[m]) << m << " of " << n;
    }
  }
}

TEST(Merkle, ABuilderRestoredAtAnySizeGoesOnAsIfItHadNeverStopped) {
  std::mt19937 random(7);
  TiledTree tree;
  const std::vector<Hash> leaves = Leaves(70'000);  // a complete tile at level 1
  size_t next_check = 1;
  for (size_t n = 1; n <= leaves.size(); ++n) {
    tree.Append(leaves[n - 1]);
    if (n != next_check && n != 256 && n != 65'536 && n != leaves.size()) continue;
    next_check = n + 1 + random() % 9000;
    auto restored =
        TreeBuilder::Restore(n, [&](int level, uint64_t at) { return tree.Node(level, at); });
    ASSERT_TRUE(restored.ok());
    EXPECT_EQ(restored->Head(), tree.builder().Head()) << n;
    TreeBuilder original = tree.builder();
    for (size_t more = 0; more < 300; ++more) {
      std::vector<Tile> a, b;
      original.Append(leaves[more], a);
      restored->Append(leaves[more], b);
      ASSERT_EQ(a.size(), b.size());
      for (size_t i = 0; i < a.size(); ++i) ASSERT_EQ(a[i].hashes, b[i].hashes);
    }
    EXPECT_EQ(restored->Head(), original.Head());
  }
}

}  // namespace
}  // namespace chargeledger::log
