#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/decimal.h"
#include "core/ids.h"
#include "core/money.h"
#include "core/sha256.h"
#include "core/timestamp.h"
#include "core/units.h"

namespace chargeledger::core {
namespace {

TEST(Decimal, TextIsReadExactlyAtAnyScale) {
  struct Case {
    std::string text;
    int scale;
    int64_t expected;
  };
  for (const Case& c : std::vector<Case>{{"0", 3, 0},
                                         {"12.5", 3, 12500},
                                         {"-12.5", 3, -12500},
                                         {"+7", 0, 7},
                                         {" 42 ", 0, 42},
                                         {".5", 1, 5},
                                         {"5.", 1, 50},
                                         {"1e3", 0, 1000},
                                         {"1.5E+3", 0, 1500},
                                         {"1500e-3", 3, 1500},
                                         {"12.5", -1, 1},
                                         {"15", -1, 2},
                                         {"-15", -1, -2},
                                         {"0.0005", 3, 1},
                                         {"0.00049999", 3, 0},
                                         {"62500.1270", 3, 62500127},
                                         {"0.1", 18, 100000000000000000},
                                         {"9223372036854775807", 0, 9223372036854775807},
                                         {"0e99", 3, 0}}) {
    auto value = ParseDecimal(c.text, c.scale, Excess::kRoundHalfAwayFromZero);
    ASSERT_TRUE(value.ok()) << c.text << ": " << value.status();
    EXPECT_EQ(*value, c.expected) << c.text << " at scale " << c.scale;
  }
}

TEST(Decimal, WhatIsNoNumberOrDoesNotFitIsRefusedByName) {
  for (const std::string text : {"", " ", "-", ".", "1.2.3", "12,5", "0x10", "1e", "e5", "NaN",
                                 "inf", "1 2", "--1", "1e+-5", "1e++5", "1e 5"}) {
    auto value = ParseDecimal(text, 3, Excess::kRoundHalfAwayFromZero);
    EXPECT_EQ(value.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  for (const std::string text :
       {"9223372036854775808", "1e30", "1e101", "99999999999999999999999999999999999999999"}) {
    auto value = ParseDecimal(text, 0, Excess::kRoundHalfAwayFromZero);
    EXPECT_EQ(value.status().code(), absl::StatusCode::kOutOfRange) << text;
  }
}

TEST(Decimal, FormattingGivesTheAskedPlaces) {
  EXPECT_EQ(FormatDecimal(12345, 3, 1), "12.3");
  EXPECT_EQ(FormatDecimal(-12350, 3, 1), "-12.4");
  EXPECT_EQ(FormatDecimal(5, 3, 3), "0.005");
  EXPECT_EQ(FormatDecimal(0, 4, 0), "0");
  EXPECT_EQ(FormatDecimal(std::numeric_limits<int64_t>::min(), 0, 0), "-9223372036854775808");
}

TEST(Units, WattHoursAndKilowattHoursMeetInMilliwattHours) {
  EXPECT_EQ(ParseEnergy("1500", "Wh")->value(), 1'500'000);
  EXPECT_EQ(ParseEnergy("1500", "")->value(), 1'500'000);
  EXPECT_EQ(ParseEnergy("1.5", "kWh")->value(), 1'500'000);
  EXPECT_EQ(ParsePower("7.4", "kW")->value(), 7'400'000);
  EXPECT_FALSE(ParseEnergy("1", "J").ok());
  EXPECT_EQ(FormatKilowattHours(MilliwattHours(12'345'678)), "12.346");
}

TEST(Money, ACostIsRoundedOnceHalfAwayFromZeroToTheMinorUnit) {
  const Currency euro = *Currency::FromCode("EUR");
  const Currency yen = *Currency::FromCode("JPY");
  const Currency dinar = *Currency::FromCode("KWD");
  const MoneyE4 price = *ParsePrice("0.45");
  // 10.1 kWh at 0.45 is 4.545: half a cent goes up.
  EXPECT_EQ(FormatMoney(*EnergyCost(MilliwattHours(10'100'000), price, euro), euro), "4.55");
  EXPECT_EQ(FormatMoney(*EnergyCost(MilliwattHours(-10'100'000), price, euro), euro), "-4.55");
  EXPECT_EQ(FormatMoney(*EnergyCost(MilliwattHours(10'099'999), price, euro), euro), "4.54");
  EXPECT_EQ(FormatMoney(*EnergyCost(MilliwattHours(10'100'000), price, yen), yen), "5");
  EXPECT_EQ(FormatMoney(*EnergyCost(MilliwattHours(10'100'000), price, dinar), dinar), "4.545");
  EXPECT_FALSE(EnergyCost(MilliwattHours(std::numeric_limits<int64_t>::max()),
                          MoneyE4(std::numeric_limits<int64_t>::max()), euro)
                   .ok());
}

TEST(Money, APriceIsWhatWasWrittenOrAnError) {
  EXPECT_EQ(ParsePrice("0.4567")->value(), 4567);
  EXPECT_FALSE(ParsePrice("0.45678").ok());
  EXPECT_FALSE(ParsePrice("cheap").ok());
  EXPECT_FALSE(Currency::FromCode("EURO").ok());
  EXPECT_FALSE(Currency::FromCode("eur").ok());
  EXPECT_FALSE(Currency::FromCode("ABC").ok());
}

TEST(Timestamp, OcppTimesAreReadWithAnyOffsetAndWrittenInUtc) {
  EXPECT_EQ(*ParseTimestamp("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(*ParseTimestamp("2026-11-20T23:46:00.5+02:00"),
            *ParseTimestamp("2026-11-20T21:46:00.500Z"));
  EXPECT_EQ(*ParseTimestamp("2026-11-20T21:46:00"), *ParseTimestamp("2026-11-20T21:46:00Z"));
  EXPECT_EQ(FormatTimestamp(*ParseTimestamp("2026-11-20T21:46:00.1234Z")),
            "2026-11-20T21:46:00.123Z");
  for (const std::string text :
       {"", "now", "2026-13-01T00:00:00Z", "2026-11-20", "infinite-future", "20261120T214600Z"}) {
    EXPECT_FALSE(ParseTimestamp(text).ok()) << text;
  }
}

// Times in UTC with a Z take a way of their own; with an offset they are absl's.
TEST(Timestamp, TheUsualFormIsReadAsAnyOther) {
  std::mt19937 random(7);
  const auto two = [&](unsigned most) { return absl::StrFormat("%02u", random() % most); };
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = absl::StrFormat("%04u-%s-%sT%s:%s:%s",
                                       random() % 8 ? 1950 + random() % 150 : random() % 10'000,
                                       two(14), two(33), two(25), two(61), two(61));
    if (random() % 2) {
      text += '.';
      for (size_t places = random() % 9; places > 0; --places) {
        text += static_cast<char>('0' + random() % 10);
      }
    }
    if (random() % 10 == 0) text[random() % text.size()] = "x: -+9\n"[random() % 7];
    const auto usual = ParseTimestamp(text + "Z");
    const auto other = ParseTimestamp(text + "+00:00");
    ASSERT_EQ(usual.ok(), other.ok()) << text;
    if (!usual.ok()) continue;
    ASSERT_EQ(*usual, *other) << text;
    ++good;
  }
  EXPECT_GT(good, 5'000);
}

TEST(Ids, NamesThatCouldEscapeTheirPlaceAreRefused) {
  EXPECT_TRUE(CheckChargePointId("CP-1*A:2").ok());
  // OCPP-J 1.6 §3.1.1's own example.
  EXPECT_TRUE(CheckChargePointId("RDAM 123").ok());
  for (const std::string id : {"", "a/b", " ", "a ", " a", "a\nb", "a?b", "ä"}) {
    EXPECT_FALSE(CheckChargePointId(id).ok()) << id;
  }
  EXPECT_FALSE(CheckChargePointId(std::string(49, 'x')).ok());
  EXPECT_TRUE(CheckName("site", "north-1.a_b").ok());
  EXPECT_FALSE(CheckName("site", "../north").ok());
}

TEST(Sha256, TheStandardsExampleHolds) {
  // FIPS 180-4's "abc", in one part and in three.
  const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(Sha256("abc").ToHex(), expected);
  EXPECT_EQ(Sha256("a", "b", "c").ToHex(), expected);
}

}  // namespace
}  // namespace chargeledger::core
