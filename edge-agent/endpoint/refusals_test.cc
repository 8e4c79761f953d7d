#include "edge-agent/endpoint/refusals.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace chargeledger::edge_agent {
namespace {

constexpr uint64_t kMinuteUs = 60'000'000;

v1::ConnectionRefused From(const std::string& address, int port) {
  v1::ConnectionRefused refused;
  refused.set_remote_address(absl::StrCat(address, ":", port));
  refused.set_path("/x");
  return refused;
}

TEST(RefusalsTest, TheFirstOfAnAddressAreRecordedAndTheOthersOfTheMinuteCounted) {
  Refusals refusals;
  int recorded = 0;
  for (int i = 0; i < 100'000; ++i) recorded += refusals.Add(From("10.0.0.1", i), 5).size();
  EXPECT_EQ(recorded, kRefusalsOfAddress);
  EXPECT_TRUE(refusals.Tick(4 + kMinuteUs).empty());
  const auto entries = refusals.Tick(5 + kMinuteUs);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].connections_refused().count(), 100'000u - kRefusalsOfAddress);
  EXPECT_EQ(entries[0].connections_refused().remote_address(), "10.0.0.1");
  EXPECT_EQ(entries[0].connections_refused().within_us(), kMinuteUs);
  EXPECT_EQ(entries[0].connections_refused().last().remote_address(), "10.0.0.1:99999");
  // The next minute begins with the next refusal, and records its first ones again.
  EXPECT_EQ(refusals.Add(From("10.0.0.1", 1), 7 * kMinuteUs).size(), 1u);
}

TEST(RefusalsTest, ManyAddressesCostNoMoreEntriesThanTheBound) {
  Refusals refusals;
  size_t recorded = 0;
  for (int i = 0; i < 100'000; ++i) {
    recorded += refusals.Add(From(absl::StrCat("10.0.", i / 256, ".", i % 256), 1), 5).size();
  }
  EXPECT_EQ(recorded, static_cast<size_t>(kRefusalsInAll));
  const auto entries = refusals.Flush(6);
  EXPECT_LE(entries.size(), kAddresses + 1);
  uint64_t counted = recorded;
  for (const v1::Entry& entry : entries) counted += entry.connections_refused().count();
  EXPECT_EQ(counted, 100'000u);
}

TEST(RefusalsTest, WhatWasRecordedOneByOneIsNotCountedAgain) {
  Refusals refusals;
  EXPECT_EQ(refusals.Add(From("10.0.0.1", 1), 5).size(), 1u);
  EXPECT_TRUE(refusals.Flush(6).empty());
}

}  // namespace
}  // namespace chargeledger::edge_agent
