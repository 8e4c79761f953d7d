// Every conversation in conversations/ comes to the sessions in its .golden file. A new case is a
// .txt file; `bazel run //projections/sessions:conversations_test -- --write` writes what it comes
// to, for a person to read before it is committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation_file.h"

namespace chargeledger::projections {
namespace {

// 2026-03-01T00:00:00Z
constexpr int64_t kMidnight = Conversation::kStart - int64_t{12} * 3600 * 1'000'000;
constexpr char kFolder[] = "projections/sessions/conversations";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

template <typename Message>
std::vector<Message> All(const log::Reader& store, const core::LogId& log_id, size_t part,
                         char kind) {
  std::vector<Message> all;
  const std::string prefix = StatePrefix(log_id, part) + kind;
  EXPECT_TRUE(store
                  .Scan(prefix, log::AfterPrefix(prefix),
                        [&](absl::string_view, absl::string_view value) {
                          all.emplace_back().ParseFromArray(value.data(),
                                                            static_cast<int>(value.size()));
                          return true;
                        })
                  .ok());
  return all;
}

// `bytes`, if it is not null, is set to all that the projections keep.
std::string ComesTo(const Conversation& conversation, uint64_t batch,
                    std::string* bytes = nullptr) {
  log::MemoryStore store;
  Books books(*FlatTariff::Create("EUR", "0.45", "0.35"));
  EXPECT_TRUE(Folder(store, books, batch).Fold(conversation.log(), "north").ok());
  if (bytes != nullptr) {
    const std::string prefix = StatePrefix(conversation.log().log_id());
    EXPECT_TRUE(store
                    .Scan(prefix, log::AfterPrefix(prefix),
                          [&](absl::string_view key, absl::string_view value) {
                            absl::StrAppend(bytes, absl::CHexEscape(key), "=",
                                            absl::CHexEscape(value), "\n");
                            return true;
                          })
                    .ok());
  }
  const core::LogId& id = conversation.log().log_id();
  std::set<std::string> billed;
  for (const v1::Cdr& cdr : All<v1::Cdr>(store, id, Books::kBilling, kCdrKind)) {
    billed.insert(cdr.session_id());
  }
  std::string text;
  for (const v1::Session& s : All<v1::Session>(store, id, Books::kSessions, kSessionKind)) {
    absl::StrAppend(&text, Describe(s, billed.count(s.id()) > 0));
  }
  return text;
}

class Conversations : public testing::TestWithParam<std::string> {};

TEST_P(Conversations, ComeToTheirSessionsWhateverTheBatches) {
  const std::string path = absl::StrCat(kFolder, "/", GetParam());
  Conversation conversation(kMidnight);
  const absl::Status recorded = Record(ReadFile(path + ".txt"), conversation);
  ASSERT_TRUE(recorded.ok()) << recorded;
  std::string expected;
  const std::string sessions = ComesTo(conversation, 4096, &expected);
  for (uint64_t batch : {1, 2, 3, 7}) {
    std::string bytes;
    EXPECT_EQ(ComesTo(conversation, batch, &bytes), sessions) << batch;
    EXPECT_EQ(bytes, expected) << batch;
  }
  if (const char* workspace = std::getenv("WRITE_GOLDEN")) {
    std::ofstream(absl::StrCat(workspace, "/", path, ".golden")) << sessions;
  }
  EXPECT_EQ(sessions, ReadFile(path + ".golden"));
}

INSTANTIATE_TEST_SUITE_P(Each, Conversations, testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

// Energy, times, tag, states and quality, without what names entries and protocols.
std::string Facts(const std::string& name) {
  Conversation conversation(kMidnight);
  EXPECT_TRUE(Record(ReadFile(absl::StrCat(kFolder, "/", name, ".txt")), conversation).ok());
  std::string facts;
  for (absl::string_view line : absl::StrSplit(ComesTo(conversation, 4096), '\n')) {
    if (absl::StartsWith(line, "session ")) line = line.substr(line.find("tag "));
    // 1.6 says a start in two messages, 2.0.1 in one.
    line = line.substr(0, line.find(", received"));
    bool in_brackets = false;
    for (char c : line) {
      if (c == '[') in_brackets = true;
      if (!in_brackets) facts.push_back(c);
      if (c == ']') in_brackets = false;
    }
    facts.push_back('\n');
  }
  return facts;
}

TEST(SessionsOfBothProtocols, TheSameTransactionIsTheSameSession) {
  std::string v16 = Facts("whole_16"), v201 = Facts("whole_201");
  // 2.0.1 tells the registers at start and end as meter values: two more of them.
  const auto without_count = [](std::string text) {
    const size_t at = text.find("meter values ");
    return text.erase(at, text.find(';', at) - at);
  };
  EXPECT_EQ(without_count(v16), without_count(v201));
}

}  // namespace
}  // namespace chargeledger::projections

int main(int argc, char** argv) {
  const char* workspace = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  if (argc > 1 && std::string(argv[1]) == "--write" && workspace != nullptr) {
    setenv("WRITE_GOLDEN", workspace, 1);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
