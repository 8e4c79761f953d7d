#include "log/replication/comparison.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log::replication {

Comparison::Comparison(const EventLog& log, uint64_t size, uint64_t max_tiles)
    : log_(log), size_(size), max_tiles_(max_tiles) {
  // The frontier in the form of tiles: the nodes at the right edge of each level, largest first.
  for (int level = 63 / kTileHeight; level >= 0; --level) {
    const uint64_t nodes = size >> (level * kTileHeight);
    const uint32_t open = static_cast<uint32_t>(nodes % kTileWidth);
    if (open > 0) waiting_.push_back({level, nodes - open, open});
  }
}

absl::StatusOr<std::optional<v1::NodesRequest>> Comparison::Next() {
  CL_CHECK(asked_.empty(), "one question at a time");
  if (!done_ && (waiting_.empty() || tiles_ >= max_tiles_)) Finish();
  if (done_) return std::optional<v1::NodesRequest>();
  v1::NodesRequest request;
  request.set_generation(log_.generation().value());
  request.set_size(size_);
  const size_t count = std::min<size_t>(waiting_.size(), kMaxNodeRanges);
  asked_.assign(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(count));
  for (const Piece& piece : asked_) {
    v1::NodeRange& range = *request.add_ranges();
    range.set_level(static_cast<uint32_t>(piece.level));
    range.set_first(piece.first);
    range.set_count(piece.count);
  }
  ++round_trips_;
  return std::optional<v1::NodesRequest>(std::move(request));
}

absl::Status Comparison::OnNodes(const v1::NodesResponse& response) {
  size_t expected = 0;
  for (const Piece& piece : asked_) expected += piece.count * Hash::kSize;
  if (asked_.empty() || response.hashes().size() != expected) {
    return absl::AbortedError(absl::StrCat("the other side answered with ",
                                           response.hashes().size(), " bytes of hashes; ", expected,
                                           " were asked for"));
  }
  std::vector<Piece> asked;
  asked.swap(asked_);
  size_t at = 0;
  for (size_t i = 0; i < asked.size(); ++i) {
    const Piece& piece = asked[i];
    const size_t bytes = piece.count * Hash::kSize;
    CL_RETURN_IF_ERROR(Compare(piece, absl::string_view(response.hashes()).substr(at, bytes)));
    at += bytes;
  }
  return absl::OkStatus();
}

absl::Status Comparison::Compare(const Piece& piece, absl::string_view theirs) {
  ++tiles_;
  auto ours = log_.Nodes(piece.level, piece.first, piece.count);
  // What cannot be read here differs from whatever is there.
  if (!ours.ok() && ours.status().code() != absl::StatusCode::kDataLoss) return ours.status();
  for (uint32_t i = 0; i < piece.count; ++i) {
    const absl::string_view hash = theirs.substr(i * Hash::kSize, Hash::kSize);
    if (!ours.ok() || (*ours)[i].bytes() != hash) Differs(piece.level, piece.first + i);
  }
  return absl::OkStatus();
}

void Comparison::Differs(int level, uint64_t node) {
  if (level == 0) return AddRange(node, node + 1);
  waiting_.push_back({level - 1, node * kTileWidth, static_cast<uint32_t>(kTileWidth)});
}

void Comparison::AddRange(uint64_t first, uint64_t end) { ranges_.push_back({first, end}); }

void Comparison::Finish() {
  done_ = true;
  for (const Piece& piece : waiting_) {
    exact_ = false;
    const int height = piece.level * kTileHeight;
    AddRange(piece.first << height, (piece.first + piece.count) << height);
  }
  waiting_.clear();
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::vector<Range> joined;
  for (const Range& range : ranges_) {
    if (!joined.empty() && joined.back().end >= range.first) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  ranges_ = std::move(joined);
}

absl::StatusOr<v1::NodesResponse> AnswerNodes(const EventLog& log,
                                              const v1::NodesRequest& request) {
  if (request.ranges_size() > kMaxNodeRanges) {
    return absl::InvalidArgumentError(absl::StrCat(request.ranges_size(),
                                                   " ranges of nodes were asked for; at most ",
                                                   kMaxNodeRanges, " are answered at once"));
  }
  v1::NodesResponse response;
  for (int i = 0; i < request.ranges_size(); ++i) {
    const v1::NodeRange& range = request.ranges(i);
    if (range.count() > kMaxNodesInRange || range.level() > 63 / kTileHeight) {
      return absl::InvalidArgumentError(absl::StrCat("nodes ", range.first(), " and ",
                                                     range.count(), " more of level ",
                                                     range.level(), " are no tile's"));
    }
    auto nodes = log.Nodes(static_cast<int>(range.level()), range.first(), range.count());
    if (nodes.ok()) {
      for (const Hash& node : *nodes) absl::StrAppend(response.mutable_hashes(), node.bytes());
    } else if (nodes.status().code() == absl::StatusCode::kDataLoss) {
      response.add_unreadable(static_cast<uint32_t>(i));
      response.mutable_hashes()->append(range.count() * Hash::kSize, '\0');
    } else {
      return nodes.status().code() == absl::StatusCode::kOutOfRange
                 ? absl::InvalidArgumentError(nodes.status().message())
                 : nodes.status();
    }
  }
  return response;
}

}  // namespace chargeledger::log::replication
