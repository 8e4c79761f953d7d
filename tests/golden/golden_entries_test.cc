// Bytes that must never change: the worked example of docs/log_format.md. If this fails, the format
// was broken; the test is not what to change.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "chargeledger/v1/entry.pb.h"
#include "log/merkle.h"

namespace chargeledger {
namespace {

const std::vector<std::string> kEntries = {
    "08011880a0bcadd3fe920320e80728017a310a0461636d6512056e6f7274681a103031323334353637383961626364"
    "65"
    "662a10656467652d6167656e7420302e312e30",
    "0801100118c0a4f9add3fe920320a88c3d280162170a0343503110011a0e3132372e302e302e313a34373131",
    "080110021880a9b6aed3fe920320e8907a280152230a034350311001180120012a165b322c2237222c224865617274"
    "62"
    "656174222c7b7d5d"};

TEST(GoldenEntries, TheirFieldsMeanWhatTheyMeant) {
  std::vector<v1::Entry> entries;
  for (const std::string& hex : kEntries) {
    ASSERT_TRUE(entries.emplace_back().ParseFromString(absl::HexStringToBytes(hex)));
    EXPECT_EQ(entries.back().generation(), 1u);
    EXPECT_EQ(entries.back().sequence(), entries.size() - 1);
    EXPECT_EQ(entries.back().boot(), 1u);
  }
  EXPECT_EQ(entries[0].wall_time_us(), 1'772'366'400'000'000);
  EXPECT_EQ(entries[0].monotonic_us(), 1000u);
  EXPECT_EQ(entries[0].log_opened().operator_(), "acme");
  EXPECT_EQ(entries[0].log_opened().site(), "north");
  EXPECT_EQ(entries[0].log_opened().log_id(), "0123456789abcdef");
  EXPECT_EQ(entries[1].connection_opened().charge_point_id(), "CP1");
  EXPECT_EQ(entries[1].connection_opened().subprotocol(), v1::SUBPROTOCOL_OCPP1_6);
  EXPECT_EQ(entries[1].connection_opened().remote_address(), "127.0.0.1:4711");
  EXPECT_EQ(entries[2].frame_recorded().connection(), 1u);
  EXPECT_EQ(entries[2].frame_recorded().direction(), v1::DIRECTION_RECEIVED);
  EXPECT_EQ(entries[2].frame_recorded().payload(), R"([2,"7","Heartbeat",{}])");
}

TEST(GoldenEntries, TheirHashesAndRootAreWhatTheyWere) {
  const std::vector<std::string> leaves = {
      "e706c2f3421a09ca53477c46c9424c093706cf17bd789484a76430aaf7c8ff9a",
      "5bb8f6939d4cc8e0423c12e1511e932463d8d188b33de42717afb536e7ab7099",
      "0bfc5e18096fe0d61dc05a7c690877372250863f2c079fab06fab59bf4e9852a"};
  log::Frontier frontier;
  for (size_t i = 0; i < kEntries.size(); ++i) {
    const log::Hash leaf = log::LeafHash(absl::HexStringToBytes(kEntries[i]));
    EXPECT_EQ(leaf.ToHex(), leaves[i]);
    frontier.Append(leaf);
  }
  EXPECT_EQ(frontier.Root().ToHex(),
            "78e58c5001e6c8d72398474a57e767d82aaeeaa709b02d3a5e3ae6aa43f2984c");
}

}  // namespace
}  // namespace chargeledger
