#include "log/proof.h"

#include "absl/numeric/bits.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

// A run of leaves [begin, begin + width), begin a multiple of the largest power of two in width.
struct Range {
  uint64_t begin;
  uint64_t width;

  // RFC 6962 §2.1: the left part is the largest power of two smaller than the width.
  Range Left() const { return {begin, absl::bit_floor(width - 1)}; }
  Range Right() const { return {begin + Left().width, width - Left().width}; }
};

absl::StatusOr<Hash> RangeRoot(Range range, NodeReader read) {
  if (!absl::has_single_bit(range.width)) {
    CL_ASSIGN_OR_RETURN(Hash left, RangeRoot(range.Left(), read));
    CL_ASSIGN_OR_RETURN(Hash right, RangeRoot(range.Right(), read));
    return NodeHash(left, right);
  }
  // A complete subtree: its root stands in a tile, or is at most eight levels above what does.
  const int height = absl::countr_zero(range.width);
  const int level = height / kTileHeight;
  const uint64_t count = uint64_t{1} << (height % kTileHeight);
  const uint64_t first = range.begin >> (level * kTileHeight);
  std::vector<Hash> nodes;
  nodes.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    CL_ASSIGN_OR_RETURN(Hash node, read(level, first + i));
    nodes.push_back(node);
  }
  return CompleteSubtreeRoot(nodes);
}

absl::Status ProveInclusion(uint64_t index, Range range, NodeReader read,
                            std::vector<Hash>& proof) {
  if (range.width == 1) return absl::OkStatus();
  const Range left = range.Left(), right = range.Right();
  const bool is_left = index < right.begin;
  CL_RETURN_IF_ERROR(ProveInclusion(index, is_left ? left : right, read, proof));
  CL_ASSIGN_OR_RETURN(Hash sibling, RangeRoot(is_left ? right : left, read));
  proof.push_back(sibling);
  return absl::OkStatus();
}

// SUBPROOF of RFC 6962 §2.1.2; `known`: the verifier has the root of this range already.
absl::Status ProveConsistency(uint64_t from, Range range, bool known, NodeReader read,
                              std::vector<Hash>& proof) {
  if (from == range.begin + range.width) {
    if (known) return absl::OkStatus();
    CL_ASSIGN_OR_RETURN(Hash root, RangeRoot(range, read));
    proof.push_back(root);
    return absl::OkStatus();
  }
  const Range left = range.Left(), right = range.Right();
  const bool is_left = from <= right.begin;
  CL_RETURN_IF_ERROR(ProveConsistency(from, is_left ? left : right, is_left && known, read, proof));
  CL_ASSIGN_OR_RETURN(Hash other, RangeRoot(is_left ? right : left, read));
  proof.push_back(other);
  return absl::OkStatus();
}

absl::Status TooShort(size_t size) {
  return absl::InvalidArgumentError(
      absl::StrCat("the proof has ", size, " hashes, too few for these sizes"));
}

absl::Status TooLong(size_t size) {
  return absl::InvalidArgumentError(
      absl::StrCat("the proof has ", size, " hashes, too many for these sizes"));
}

absl::Status WrongRoot(absl::string_view what, const Hash& derived, const TreeHead& head) {
  return absl::InvalidArgumentError(absl::StrCat(what, " gives root ", derived.ToHex(),
                                                 "; the root of size ", head.size, " is ",
                                                 head.root.ToHex()));
}

}  // namespace

absl::StatusOr<std::vector<Hash>> MakeInclusionProof(uint64_t index, uint64_t size,
                                                     NodeReader read) {
  if (index >= size) {
    return absl::OutOfRangeError(
        absl::StrCat("entry ", index, " is not among the first ", size, " entries"));
  }
  std::vector<Hash> proof;
  CL_RETURN_IF_ERROR(ProveInclusion(index, {0, size}, read, proof));
  return proof;
}

absl::StatusOr<std::vector<Hash>> MakeConsistencyProof(uint64_t from, uint64_t to,
                                                       NodeReader read) {
  if (from > to) {
    return absl::OutOfRangeError(
        absl::StrCat("a tree of ", from, " leaves cannot be the beginning of one of ", to));
  }
  std::vector<Hash> proof;
  if (from == 0 || from == to) return proof;
  CL_RETURN_IF_ERROR(ProveConsistency(from, {0, to}, true, read, proof));
  return proof;
}

absl::Status VerifyInclusion(uint64_t index, const Hash& leaf, absl::Span<const Hash> proof,
                             const TreeHead& head) {
  if (index >= head.size) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry ", index, " is not among the first ", head.size, " entries"));
  }
  uint64_t node = index, last = head.size - 1;
  Hash root = leaf;
  for (const Hash& sibling : proof) {
    if (last == 0) return TooLong(proof.size());
    if ((node & 1) == 1 || node == last) {
      root = NodeHash(sibling, root);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      root = NodeHash(root, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return TooShort(proof.size());
  if (root != head.root) return WrongRoot("the proof", root, head);
  return absl::OkStatus();
}

absl::Status VerifyConsistency(const TreeHead& from, const TreeHead& to,
                               absl::Span<const Hash> proof) {
  if (from.size > to.size) {
    return absl::InvalidArgumentError(
        absl::StrCat("size ", from.size, " is larger than size ", to.size));
  }
  if (from.size == 0 || from.size == to.size) {
    if (!proof.empty()) return TooLong(proof.size());
    const Hash& expected = from.size == 0 ? EmptyRoot() : to.root;
    if (from.root != expected) return WrongRoot("the tree", expected, from);
    return absl::OkStatus();
  }
  std::vector<Hash> path(proof.begin(), proof.end());
  // A power of two: the verifier has that subtree's root already.
  if (absl::has_single_bit(from.size)) path.insert(path.begin(), from.root);
  if (path.empty()) return TooShort(proof.size());
  uint64_t node = from.size - 1, last = to.size - 1;
  while ((node & 1) == 1) {
    node >>= 1;
    last >>= 1;
  }
  Hash from_root = path[0], to_root = path[0];
  for (size_t i = 1; i < path.size(); ++i) {
    if (last == 0) return TooLong(proof.size());
    if ((node & 1) == 1 || node == last) {
      from_root = NodeHash(path[i], from_root);
      to_root = NodeHash(path[i], to_root);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      to_root = NodeHash(to_root, path[i]);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return TooShort(proof.size());
  if (from_root != from.root) return WrongRoot("the proof", from_root, from);
  if (to_root != to.root) return WrongRoot("the proof", to_root, to);
  return absl::OkStatus();
}

}  // namespace chargeledger::log
