#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "core/process/address.h"
#include "core/process/data_directory.h"
#include "core/process/settings.h"

namespace chargeledger::core {
namespace {

struct Outcome {
  std::string listen = "127.0.0.1:1";
  int64_t limit = 16;
  bool quick = false;
  std::string currency = "EUR";
  absl::StatusOr<bool> parsed = false;
};

Outcome Parse(std::vector<std::string> arguments, const std::string& file = "") {
  if (!file.empty()) {
    const std::string path = testing::TempDir() + "/settings.toml";
    std::ofstream(path) << file;
    arguments.insert(arguments.end(), {"--config", path});
  }
  Outcome outcome;
  Settings settings("program", "what it does");
  settings.AddText("listen", "where", outcome.listen);
  settings.AddInteger("frame_limit", "how many", 1, 100, outcome.limit);
  settings.AddSwitch("quick", "or not", outcome.quick);
  settings.AddText("billing.currency", "which", outcome.currency);
  std::vector<const char*> argv = {"program"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  outcome.parsed = settings.Parse(static_cast<int>(argv.size()), argv.data());
  return outcome;
}

TEST(Settings, FlagsWinOverTheFileAndTheFileOverTheDefaults) {
  const Outcome o = Parse({"--frame-limit", "7"},
                          "listen = \"[::1]:5\"\nframe_limit = 9\nquick = true\n"
                          "[billing]\ncurrency = \"CHF\"\n");
  ASSERT_TRUE(o.parsed.ok()) << o.parsed.status();
  EXPECT_EQ(o.limit, 7);
  EXPECT_EQ(o.listen, "[::1]:5");
  EXPECT_TRUE(o.quick);
  EXPECT_EQ(o.currency, "CHF");
}

TEST(Settings, MistakesAreNamedWithFlagOrKeyAndLine) {
  struct Case {
    std::vector<std::string> arguments;
    std::string file;
    std::vector<std::string> named;
  };
  for (const Case& c :
       std::vector<Case>{{{"--frame-limit", "0"}, "", {"--frame-limit", "\"0\"", "1 to 100"}},
                         {{"--frame-limit", "x"}, "", {"--frame-limit", "\"x\""}},
                         {{"--no-such-flag"}, "", {"--no-such-flag"}},
                         {{}, "listen = \"a\"\nlisten_on = \"b\"\n", {"line 2", "listen_on"}},
                         {{}, "[billing]\nprice = 3\n", {"line 2", "billing.price"}},
                         {{}, "\n\nframe_limit = 1000\n", {"line 3", "frame_limit", "1000"}},
                         {{}, "frame_limit = 1.5\n", {"line 1", "frame_limit"}},
                         {{}, "quick = \"maybe\"\n", {"line 1", "true or false"}},
                         {{}, "listen = \n", {"line 1"}},
                         {{"--config", "/nonexistent/x.toml"}, "", {"/nonexistent/x.toml"}}}) {
    const Outcome o = Parse(c.arguments, c.file);
    ASSERT_FALSE(o.parsed.ok()) << c.file;
    for (const std::string& name : c.named) {
      EXPECT_NE(o.parsed.status().message().find(name), absl::string_view::npos)
          << o.parsed.status() << " should name " << name;
    }
  }
}

TEST(Address, HostAndPortAreReadAndNonsenseIsNamed) {
  EXPECT_EQ(Address::Parse("--listen", "localhost:80")->host, "localhost");
  EXPECT_EQ(Address::Parse("--listen", "[::1]:0")->ToText(), "[::1]:0");
  for (const std::string text : {"", "localhost", ":80", "::1:80", "h:99999", "h:x"}) {
    auto address = Address::Parse("--listen", text);
    EXPECT_NE(address.status().message().find("--listen"), absl::string_view::npos) << text;
  }
}

TEST(DataDirectory, ASecondHolderIsToldWhoHasIt) {
  const std::string path = testing::TempDir() + "/data/deep";
  auto first = DataDirectory::Open(path);
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = DataDirectory::Open(path);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(second.status().message().find(std::to_string(getpid())), absl::string_view::npos);
  first->reset();
  EXPECT_TRUE(DataDirectory::Open(path).ok());
}

TEST(DataDirectory, APathThatCannotBeADirectoryIsAnErrorThatNamesIt) {
  const std::string file = testing::TempDir() + "/plain-file";
  std::ofstream(file) << "x";
  auto directory = DataDirectory::Open(file + "/below");
  EXPECT_NE(directory.status().message().find(file), absl::string_view::npos);
}

}  // namespace
}  // namespace chargeledger::core
