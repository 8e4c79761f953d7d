// Refused handshakes as entries: the first ones one by one, then counted, so that a stranger cannot
// fill the disk with them. Pure; belongs to the I/O thread.
//
// Bounds, in each minute of the monotonic clock: kRefusalsOfAddress entries of one address,
// kRefusalsInAll of all, and one ConnectionsRefused for each of at most kAddresses addresses and
// one for the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "chargeledger/v1/entry.pb.h"

namespace chargeledger::edge_agent {

constexpr int kRefusalsOfAddress = 8;
constexpr int kRefusalsInAll = 64;
constexpr size_t kAddresses = 64;

class Refusals {
 public:
  // The entries that are to be recorded now.
  std::vector<v1::Entry> Add(v1::ConnectionRefused refused, uint64_t monotonic_us);
  // What was counted in the minute before, if it is over.
  std::vector<v1::Entry> Tick(uint64_t monotonic_us);
  // What was counted so far.
  std::vector<v1::Entry> Flush(uint64_t monotonic_us);

 private:
  struct Counted {
    int recorded = 0;
    uint64_t more = 0;
    v1::ConnectionRefused last;
  };

  uint64_t began_us_ = 0;
  int recorded_ = 0;
  // By address without port; at most kAddresses, and "" for the others.
  absl::btree_map<std::string, Counted> counted_;
};

}  // namespace chargeledger::edge_agent
