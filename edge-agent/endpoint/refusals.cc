#include "edge-agent/endpoint/refusals.h"

#include <utility>

namespace chargeledger::edge_agent {
namespace {

constexpr uint64_t kWindowUs = 60'000'000;

// A connection that was turned away before its request came has no port, and may be of a network.
std::string WithoutPort(const v1::ConnectionRefused& refused) {
  const std::string& address = refused.remote_address();
  return refused.path().empty() ? address : address.substr(0, address.rfind(':'));
}

}  // namespace

std::vector<v1::Entry> Refusals::Add(v1::ConnectionRefused refused, uint64_t monotonic_us) {
  std::vector<v1::Entry> entries = Tick(monotonic_us);
  if (counted_.empty()) began_us_ = monotonic_us;
  std::string address = WithoutPort(refused);
  if (counted_.size() >= kAddresses && !counted_.contains(address)) address.clear();
  Counted& counted = counted_[address];
  if (counted.recorded < kRefusalsOfAddress && recorded_ < kRefusalsInAll) {
    ++counted.recorded;
    ++recorded_;
    *entries.emplace_back().mutable_connection_refused() = std::move(refused);
  } else {
    ++counted.more;
    counted.last = std::move(refused);
  }
  return entries;
}

std::vector<v1::Entry> Refusals::Tick(uint64_t monotonic_us) {
  if (counted_.empty() || monotonic_us < began_us_ + kWindowUs) return {};
  return Flush(monotonic_us);
}

std::vector<v1::Entry> Refusals::Flush(uint64_t monotonic_us) {
  std::vector<v1::Entry> entries;
  for (auto& [address, counted] : counted_) {
    if (counted.more == 0) continue;
    v1::ConnectionsRefused& summary = *entries.emplace_back().mutable_connections_refused();
    summary.set_remote_address(address);
    summary.set_count(counted.more);
    summary.set_within_us(monotonic_us - began_us_);
    *summary.mutable_last() = std::move(counted.last);
  }
  counted_.clear();
  recorded_ = 0;
  return entries;
}

}  // namespace chargeledger::edge_agent
