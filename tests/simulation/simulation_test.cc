// Runs of the simulated network that every build goes through: some seeds, and those that once
// found something.
#include "tests/simulation/simulation.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace chargeledger::simulation {
namespace {

std::string Story(const Result& result) {
  std::string story = absl::StrCat("bazel run //tests/simulation -- --seed ", result.seed, "\n");
  if (!result.violation.has_value()) return story;
  absl::StrAppend(&story, result.violation->checker, ": ", result.violation->detail, "\n");
  for (const std::string& line : result.story) absl::StrAppend(&story, line, "\n");
  return story;
}

Result RunSeed(uint64_t seed, uint64_t duration_us) {
  spdlog::set_level(spdlog::level::off);
  Options options;
  options.seed = seed;
  options.duration_us = duration_us;
  return Simulation(options).Run();
}

TEST(Simulation, TheSameSeedIsTheSameRunToTheLastByte) {
  const Result first = RunSeed(7, kHour), second = RunSeed(7, kHour), other = RunSeed(8, kHour);
  EXPECT_EQ(first.trace, second.trace);
  EXPECT_EQ(first.events, second.events);
  EXPECT_NE(first.trace, other.trace);
}

TEST(Simulation, WithoutFaultsNothingIsLostAndNobodyIsNeeded) {
  spdlog::set_level(spdlog::level::off);
  Options options;
  options.duration_us = 2 * kHour;
  options.only.emplace();
  const Result result = Simulation(options).Run();
  EXPECT_FALSE(result.violation.has_value()) << Story(result);
  EXPECT_GT(result.statistics.frames, 2000u);
  EXPECT_GT(result.statistics.sessions_compared, 50u);
  EXPECT_EQ(result.statistics.lost, 0u);
  EXPECT_EQ(result.statistics.people, 0u);
}

TEST(Simulation, WhereBothSidesHaveForgottenNothingIsSignedTwice) {
  spdlog::set_level(spdlog::level::off);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Options options;
    options.seed = seed;
    options.duration_us = 2 * kHour;
    options.both_forget = true;
    const Result result = Simulation(options).Run();
    EXPECT_FALSE(result.violation.has_value()) << Story(result);
    EXPECT_EQ(result.faults.size(), 2u);
  }
}

class Seeds : public testing::TestWithParam<uint64_t> {};

TEST_P(Seeds, HoldWhatIsPromised) {
  const Result result = RunSeed(GetParam(), kHour);
  EXPECT_FALSE(result.violation.has_value()) << Story(result);
}

INSTANTIATE_TEST_SUITE_P(Fixed, Seeds, testing::Range(uint64_t{1}, uint64_t{17}));

// Two hours each; what each once found.
struct Found {
  std::string name;
  uint64_t seed;
};

class Regressions : public testing::TestWithParam<Found> {};

TEST_P(Regressions, StayFixed) {
  const Result result = RunSeed(GetParam().seed, 2 * kHour);
  EXPECT_FALSE(result.violation.has_value()) << Story(result);
}

INSTANTIATE_TEST_SUITE_P(
    Once, Regressions,
    testing::Values(Found{"AStateThatWasDamagedWasNeverMadeAnew", 15},
                    Found{"WhatWasForkedAndDamagedWasTakenForTheHoldersBranch", 18},
                    Found{"DamageWasNotedOnAFullDiskAndTheProcessBeganAgainForEver", 1021},
                    Found{"AnEmptyHeldLogWasFoldedForEver", 1012},
                    Found{"ReadableEntriesOfALogWhoseAuthorIsGoneWereDropped", 1005},
                    Found{"IdsWereGivenAgainByTheMachineThatTookAnothersPlace", 1016},
                    Found{"WhatWasCarriedOverTwiceWasNoEventAnyMore", 1031},
                    Found{"WhatForkedBeforeAnythingWasCosignedWasGivenUp", 659},
                    Found{"WhatALaterGenerationHadLostForgotTheFirst", 277},
                    Found{"WhatStandsAgainWasCountedTwice", 1055}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace chargeledger::simulation
