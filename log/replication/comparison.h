// Where two copies of one generation differ, found by their trees: the frontier first, then only
// tiles under nodes that differ, all of one level in one round trip.
//
//  1. Every entry that differs within the compared size is in ranges(); if exact(), nothing else
//  is.
//  2. Ten million entries with one difference take three round trips and less than 48 KiB; equal
//  roots take none of them, since they are known before.
//  3. Nothing is believed of the other side but its hashes: a wrong answer makes a wrong
//  comparison, never a wrong log.
//
// Not thread-safe; one object a comparison.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"

namespace chargeledger::log::replication {

// Bounds of one NodesRequest.
constexpr int kMaxNodeRanges = 16;
constexpr uint32_t kMaxNodesInRange = 256;

struct Range {
  uint64_t first;
  uint64_t end;

  friend bool operator==(const Range&, const Range&) = default;
};

class Comparison {
 public:
  // Compares the first `size` entries of `log` with the other side's. After `max_tiles` tiles the
  // rest is told as coarsely as it is known then.
  Comparison(const EventLog& log, uint64_t size, uint64_t max_tiles = ~uint64_t{0});

  // The next thing to ask; none when the comparison is done. To be answered before the next.
  absl::StatusOr<std::optional<v1::NodesRequest>> Next();
  // ABORTED if the answer is not one to what was asked.
  absl::Status OnNodes(const v1::NodesResponse& response);

  // A question is not answered yet.
  bool waiting() const { return !asked_.empty(); }
  bool done() const { return done_; }
  // Ascending, apart from each other. Entries that one side cannot read are among them.
  const std::vector<Range>& ranges() const { return ranges_; }
  bool exact() const { return exact_; }
  uint32_t round_trips() const { return round_trips_; }

 private:
  // Nodes to be compared.
  struct Piece {
    int level;
    uint64_t first;
    uint32_t count;
  };

  absl::Status Compare(const Piece& piece, absl::string_view theirs);
  void Differs(int level, uint64_t node);
  void AddRange(uint64_t first, uint64_t end);
  void Finish();

  const EventLog& log_;
  const uint64_t size_;
  const uint64_t max_tiles_;
  // In ascending order of the entries below them.
  std::vector<Piece> waiting_;
  std::vector<Piece> asked_;
  std::vector<Range> ranges_;
  uint64_t tiles_ = 0;
  uint32_t round_trips_ = 0;
  bool exact_ = true;
  bool done_ = false;
};

// The other side's answer. INVALID_ARGUMENT if the request asks for what is not there.
absl::StatusOr<v1::NodesResponse> AnswerNodes(const EventLog& log, const v1::NodesRequest& request);

}  // namespace chargeledger::log::replication
