// Seeds that nobody has run before: others every day.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/system_clock.h"
#include "tests/simulation/simulation.h"

namespace chargeledger::simulation {
namespace {

constexpr int kRuns = 12;

TEST(Today, SeedsOfTheDayHoldWhatIsPromised) {
  spdlog::set_level(spdlog::level::off);
  const int64_t day = core::SystemClock().WallMicros() / static_cast<int64_t>(24 * kHour);
  for (int run = 0; run < kRuns; ++run) {
    Options options;
    options.seed = static_cast<uint64_t>(day) * 1000 + static_cast<uint64_t>(run);
    const Result result = Simulation(options).Run();
    std::string story;
    for (const std::string& line : result.story) absl::StrAppend(&story, line, "\n");
    ASSERT_FALSE(result.violation.has_value())
        << "bazel run //tests/simulation -- --seed " << options.seed << "\n"
        << result.violation->checker << ": " << result.violation->detail << "\n"
        << story;
  }
}

}  // namespace
}  // namespace chargeledger::simulation
