#include "log/proof.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::log {
namespace {

Hash FromHex(const std::string& hex) { return *Hash::FromBytes(absl::HexStringToBytes(hex)); }

std::vector<Hash> FromHex(const std::vector<std::string>& hex) {
  std::vector<Hash> hashes;
  for (const std::string& h : hex) hashes.push_back(FromHex(h));
  return hashes;
}

// RFC 6962 §2.1 word by word: slow, and obviously right.
Hash Mth(absl::Span<const Hash> leaves) {
  if (leaves.empty()) return EmptyRoot();
  if (leaves.size() == 1) return leaves[0];
  size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  return NodeHash(Mth(leaves.subspan(0, k)), Mth(leaves.subspan(k)));
}

std::vector<Hash> Path(size_t m, absl::Span<const Hash> leaves) {
  if (leaves.size() <= 1) return {};
  size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  std::vector<Hash> path = m < k ? Path(m, leaves.subspan(0, k)) : Path(m - k, leaves.subspan(k));
  path.push_back(Mth(m < k ? leaves.subspan(k) : leaves.subspan(0, k)));
  return path;
}

std::vector<Hash> Subproof(size_t m, absl::Span<const Hash> leaves, bool known) {
  if (m == leaves.size()) return known ? std::vector<Hash>() : std::vector<Hash>{Mth(leaves)};
  size_t k = 1;
  while (k * 2 < leaves.size()) k *= 2;
  std::vector<Hash> proof =
      m <= k ? Subproof(m, leaves.subspan(0, k), known) : Subproof(m - k, leaves.subspan(k), false);
  proof.push_back(Mth(m <= k ? leaves.subspan(k) : leaves.subspan(0, k)));
  return proof;
}

// The nodes that tiles hold, over leaves in memory.
class Nodes {
 public:
  explicit Nodes(std::vector<Hash> leaves) {
    rows_.push_back(std::move(leaves));
    while (rows_.back().size() >= kTileWidth) {
      const std::vector<Hash>& below = rows_.back();
      std::vector<Hash> row;
      for (size_t at = 0; at + kTileWidth <= below.size(); at += kTileWidth) {
        row.push_back(CompleteSubtreeRoot(absl::MakeSpan(below).subspan(at, kTileWidth)));
      }
      rows_.push_back(std::move(row));
    }
  }
  absl::StatusOr<Hash> operator()(int level, uint64_t position) const {
    return rows_.at(static_cast<size_t>(level)).at(position);
  }
  const std::vector<Hash>& leaves() const { return rows_[0]; }
  Hash Root(uint64_t size) const { return *RootFromNodes(size, *this); }

 private:
  std::vector<std::vector<Hash>> rows_;
};

std::vector<Hash> MakeLeaves(size_t count) {
  std::vector<Hash> leaves;
  for (size_t i = 0; i < count; ++i) leaves.push_back(LeafHash(absl::StrCat("leaf ", i)));
  return leaves;
}

// The eight leaves that certificate-transparency's own tests use.
std::vector<Hash> CtLeaves() {
  std::vector<Hash> leaves;
  for (const char* hex : {"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                          "606162636465666768696a6b6c6d6e6f"}) {
    leaves.push_back(LeafHash(absl::HexStringToBytes(hex)));
  }
  return leaves;
}

const char* const kCtRoots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

TEST(Proof, TheEightLeafTreeOfCertificateTransparencyIsReproduced) {
  const Nodes nodes(CtLeaves());
  for (uint64_t size = 1; size <= 8; ++size) {
    EXPECT_EQ(nodes.Root(size), FromHex(kCtRoots[size - 1])) << size;
  }
  struct Inclusion {
    uint64_t index, size;
    std::vector<std::string> path;
  };
  const std::string n1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
  const std::string n23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
  const std::string n47 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
  const std::string n4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
  const std::string n67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
  const std::string n45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
  for (const Inclusion& c : std::vector<Inclusion>{{0, 1, {}},
                                                   {0, 8, {n1, n23, n47}},
                                                   {5, 8, {n4, n67, kCtRoots[3]}},
                                                   {2, 3, {kCtRoots[1]}},
                                                   {1, 5, {kCtRoots[0], n23, n4}}}) {
    EXPECT_EQ(*MakeInclusionProof(c.index, c.size, nodes), FromHex(c.path))
        << c.index << " in " << c.size;
    EXPECT_TRUE(VerifyInclusion(c.index, nodes.leaves()[c.index], FromHex(c.path),
                                {c.size, FromHex(kCtRoots[c.size - 1])})
                    .ok());
  }
  struct Consistency {
    uint64_t from, to;
    std::vector<std::string> proof;
  };
  for (const Consistency& c : std::vector<Consistency>{{1, 1, {}},
                                                       {1, 8, {n1, n23, n47}},
                                                       {6, 8, {n45, n67, kCtRoots[3]}},
                                                       {2, 5, {n23, n4}}}) {
    EXPECT_EQ(*MakeConsistencyProof(c.from, c.to, nodes), FromHex(c.proof))
        << c.from << " to " << c.to;
    EXPECT_TRUE(VerifyConsistency({c.from, FromHex(kCtRoots[c.from - 1])},
                                  {c.to, FromHex(kCtRoots[c.to - 1])}, FromHex(c.proof))
                    .ok());
  }
}

TEST(Proof, EveryIndexAndSizeUpTo130AgreesWithTheRecursiveDefinition) {
  const Nodes nodes(MakeLeaves(130));
  const absl::Span<const Hash> leaves = nodes.leaves();
  for (uint64_t size = 1; size <= 130; ++size) {
    const TreeHead head{size, Mth(leaves.subspan(0, size))};
    ASSERT_EQ(nodes.Root(size), head.root);
    for (uint64_t at = 0; at < size; ++at) {
      const std::vector<Hash> path = *MakeInclusionProof(at, size, nodes);
      ASSERT_EQ(path, Path(at, leaves.subspan(0, size))) << at << " in " << size;
      ASSERT_TRUE(VerifyInclusion(at, leaves[at], path, head).ok()) << at << " in " << size;
    }
    for (uint64_t from = 0; from <= size; ++from) {
      const std::vector<Hash> proof = *MakeConsistencyProof(from, size, nodes);
      if (from > 0) {
        ASSERT_EQ(proof, Subproof(from, leaves.subspan(0, size), true));
      }
      ASSERT_TRUE(VerifyConsistency({from, Mth(leaves.subspan(0, from))}, head, proof).ok())
          << from << " to " << size;
    }
  }
}

TEST(Proof, RandomSizesUpToAMillionAgreeWithTheRecursiveDefinition) {
  const Nodes nodes(MakeLeaves(1'000'000));
  const absl::Span<const Hash> leaves = nodes.leaves();
  std::mt19937_64 random(20260301);
  for (int round = 0; round < 6; ++round) {
    const uint64_t size = 1 + random() % leaves.size();
    const TreeHead head{size, Mth(leaves.subspan(0, size))};
    ASSERT_EQ(nodes.Root(size), head.root);
    const uint64_t at = random() % size, from = random() % (size + 1);
    EXPECT_EQ(*MakeInclusionProof(at, size, nodes), Path(at, leaves.subspan(0, size)));
    const std::vector<Hash> proof = *MakeConsistencyProof(from, size, nodes);
    if (from > 0) {
      EXPECT_EQ(proof, Subproof(from, leaves.subspan(0, size), true));
    }
    EXPECT_TRUE(VerifyConsistency({from, nodes.Root(from)}, head, proof).ok());
  }
  for (int round = 0; round < 2000; ++round) {
    const uint64_t size = 1 + random() % leaves.size(), at = random() % size;
    const uint64_t from = random() % (size + 1);
    const TreeHead head{size, nodes.Root(size)};
    ASSERT_TRUE(VerifyInclusion(at, leaves[at], *MakeInclusionProof(at, size, nodes), head).ok());
    ASSERT_TRUE(
        VerifyConsistency({from, nodes.Root(from)}, head, *MakeConsistencyProof(from, size, nodes))
            .ok());
  }
}

TEST(Proof, NoOtherIndexLeafRootSizeOrLengthIsAccepted) {
  const Nodes nodes(MakeLeaves(70));
  const Hash other = LeafHash("other");
  for (uint64_t size : {1, 2, 7, 8, 33, 64, 70}) {
    const TreeHead head{size, nodes.Root(size)};
    for (uint64_t at = 0; at < size; ++at) {
      const std::vector<Hash> path = *MakeInclusionProof(at, size, nodes);
      const Hash& leaf = nodes.leaves()[at];
      EXPECT_FALSE(VerifyInclusion(at, other, path, head).ok());
      EXPECT_FALSE(VerifyInclusion(at, leaf, path, {size, other}).ok());
      EXPECT_FALSE(VerifyInclusion(size, leaf, path, head).ok());
      if (size > 1) {
        EXPECT_FALSE(VerifyInclusion(at ^ 1, leaf, path, head).ok());
      }
      std::vector<Hash> wrong = path;
      wrong.push_back(other);
      EXPECT_FALSE(VerifyInclusion(at, leaf, wrong, head).ok());
      if (path.empty()) continue;
      wrong = {path.begin(), path.end() - 1};
      EXPECT_FALSE(VerifyInclusion(at, leaf, wrong, head).ok());
      for (size_t i = 0; i < path.size(); ++i) {
        wrong = path;
        wrong[i] = other;
        EXPECT_FALSE(VerifyInclusion(at, leaf, wrong, head).ok());
      }
    }
    for (uint64_t from = 1; from < size; ++from) {
      const TreeHead first{from, nodes.Root(from)};
      const std::vector<Hash> proof = *MakeConsistencyProof(from, size, nodes);
      EXPECT_FALSE(VerifyConsistency({from, other}, head, proof).ok());
      EXPECT_FALSE(VerifyConsistency(first, {size, other}, proof).ok());
      EXPECT_FALSE(VerifyConsistency(head, first, proof).ok());
      std::vector<Hash> wrong = proof;
      wrong.push_back(other);
      EXPECT_FALSE(VerifyConsistency(first, head, wrong).ok());
      wrong = {proof.begin(), proof.end() - 1};
      EXPECT_FALSE(VerifyConsistency(first, head, wrong).ok());
      for (size_t i = 0; i < proof.size(); ++i) {
        wrong = proof;
        wrong[i] = other;
        EXPECT_FALSE(VerifyConsistency(first, head, wrong).ok()) << from << " to " << size;
      }
    }
    EXPECT_FALSE(VerifyConsistency({0, other}, head, {}).ok());
    EXPECT_FALSE(VerifyConsistency({size, other}, head, {}).ok());
  }
}

TEST(Proof, WhatIsBeyondTheTreeIsAnErrorThatNamesIt) {
  const Nodes nodes(MakeLeaves(3));
  EXPECT_EQ(MakeInclusionProof(3, 3, nodes).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(MakeConsistencyProof(4, 3, nodes).status().code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace chargeledger::log
