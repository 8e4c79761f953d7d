#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/process/address.h"
#include "core/process/data_directory.h"
#include "core/process/descriptors.h"
#include "core/process/disk_space.h"
#include "core/process/key_file.h"
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

TEST(KeyFile, AKeyIsMadeOncePrivateAndReadAgain) {
  const std::string path = testing::TempDir() + "/made.pem";
  auto made = ReadOrCreateKeyFile(path, std::string(32, 's'), testing::TempDir() + "/no_log");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  auto again = ReadOrCreateKeyFile(path, std::string(32, 'x'), testing::TempDir());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->public_key(), made->public_key());
  EXPECT_TRUE(VerifyEd25519(again->public_key(), "message", made->Sign("message")));
  EXPECT_FALSE(VerifyEd25519(again->public_key(), "another", made->Sign("message")));
}

TEST(KeyFile, WhereALogIsNoOtherKeyIsMadeForIt) {
  const std::string directory = testing::TempDir() + "/signed";
  std::filesystem::create_directories(directory + "/log");
  const std::string path = directory + "/signing_key.pem";
  const auto make = [&] {
    return ReadOrCreateKeyFile(path, std::string(32, 's'), directory + "/log").status();
  };
  std::ofstream(directory + "/log/CURRENT") << "MANIFEST-000005";
  const absl::Status refused = make();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* word : {path.c_str(), "is missing", "back from a backup", "--signing-key"}) {
    EXPECT_NE(refused.message().find(word), absl::string_view::npos) << word << refused;
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  std::filesystem::remove(directory + "/log/CURRENT");
  EXPECT_TRUE(make().ok());
}

TEST(KeyFile, AKeyThatOthersMayReadOrThatIsNoneIsRefusedByName) {
  const std::string path = testing::TempDir() + "/bad.pem";
  EXPECT_EQ(ReadKeyFile(path).status().code(), absl::StatusCode::kInvalidArgument);
  std::ofstream(path) << "no key";
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  EXPECT_EQ(ReadKeyFile(path).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(ReadKeyFile(path).status().message().find(path), absl::string_view::npos);
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  EXPECT_EQ(ReadKeyFile(path).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(DiskSpace, WhatIsFreeCanBeWrittenAndWhatIsNotThereCannot) {
  const std::string directory = testing::TempDir();
  auto free_bytes = FreeBytes(directory);
  ASSERT_TRUE(free_bytes.ok()) << free_bytes.status();
  EXPECT_GT(*free_bytes, 0u);
  EXPECT_TRUE(HasSpace(directory, 1));
  EXPECT_FALSE(HasSpace(directory, ~uint64_t{0}));
  EXPECT_FALSE(HasSpace(directory + "/not-there", 1));
}

TEST(DataDirectory, APathThatCannotBeADirectoryIsAnErrorThatNamesIt) {
  const std::string file = testing::TempDir() + "/plain-file";
  std::ofstream(file) << "x";
  auto directory = DataDirectory::Open(file + "/below");
  EXPECT_NE(directory.status().message().find(file), absl::string_view::npos);
}

TEST(DescriptorsTest, TheSoftLimitIsRaisedToTheHardOneAndSomeStayInReserve) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit low = before;
  low.rlim_cur = 300;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(FirstReservedDescriptor(100), 200u);
  EXPECT_EQ(FirstReservedDescriptor(1000), 150u);
  EXPECT_EQ(RaiseDescriptorLimit(), before.rlim_max);
  EXPECT_EQ(DescriptorLimit(), before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace chargeledger::core
