// Every conversation in conversations/ comes to the sessions in its .golden file. A new case is a
// .txt file; `bazel run //projections/sessions:conversations_test -- --write` writes what it comes
// to, for a person to read before it is committed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
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
#include "projections/testing/tariffs.h"

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
  Books books;
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
  // Last, so that the conversations' entries keep their numbers.
  KnowTariff(FlatTariff(), conversation);
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
std::string Facts(absl::string_view text) {
  Conversation conversation(kMidnight);
  const absl::Status recorded = Record(text, conversation);
  EXPECT_TRUE(recorded.ok()) << recorded << "\n" << text;
  std::string facts;
  for (absl::string_view line : absl::StrSplit(ComesTo(conversation, 4096), '\n')) {
    if (absl::StartsWith(line, "session ")) line = line.substr(line.find("tag "));
    // 1.6 says a start in two messages, 2.0.1 in one; 2.0.1 tells the registers at start and end as
    // meter values: two more of them.
    line = line.substr(0, line.find(", received"));
    if (absl::StartsWith(line, "  meter values ")) line = line.substr(line.find(';'));
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

std::string FileText(const std::string& name) {
  return ReadFile(absl::StrCat(kFolder, "/", name, ".txt"));
}

// A conversation in OCPP 1.6, said in 2.0.1. Transaction ids are the answers' numbers.
class Translator {
 public:
  std::string Translate(const std::string& text) {
    std::string out;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      absl::StrAppend(&out, TranslateLine(std::string(line)), "\n");
    }
    return out;
  }

 private:
  using json = nlohmann::json;

  std::string TranslateLine(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (absl::StartsWith(line, "connect")) return "connect CP1 ocpp2.0.1";
    if (words.size() < 4 || words[1] != ">") return line;
    const size_t equals = words[3].rfind(" = ");
    const json said = json::parse(words[3].substr(0, equals));
    const json answer = json::parse(words[3].substr(equals + 3));
    const std::string& action = words[2];
    std::string translated;
    if (action == "StartTransaction") {
      const auto id = answer["transactionId"].get<int64_t>();
      connectors_[id] = said["connectorId"];
      json event = Event("Started", id, said["timestamp"]);
      event["idToken"] = Token(said["idTag"]);
      event["meterValue"] =
          json::array({Value(said["timestamp"], said["meterStart"], "Transaction.Begin")});
      translated = Line(event, answer["idTagInfo"]["status"]);
    } else if (action == "MeterValues") {
      const auto id = said["transactionId"].get<int64_t>();
      json event = Event("Updated", id, said["meterValue"][0]["timestamp"]);
      event["meterValue"] = ToNumbers(said["meterValue"]);
      translated = Line(event, "");
    } else if (action == "StopTransaction") {
      const auto id = said["transactionId"].get<int64_t>();
      json event = Event("Ended", id, said["timestamp"]);
      event["transactionInfo"]["stoppedReason"] = said.value("reason", "Local");
      if (said.contains("idTag")) event["idToken"] = Token(said["idTag"]);
      event["meterValue"] =
          json::array({Value(said["timestamp"], said["meterStop"], "Transaction.End")});
      translated = Line(event, "");
    } else if (action == "StatusNotification" && said["status"] == "Available") {
      translated = "StatusNotification " +
                   json{{"timestamp", said["timestamp"]},
                        {"connectorStatus", "Available"},
                        {"evseId", said["connectorId"]},
                        {"connectorId", 1}}
                       .dump() +
                   " = {}";
    } else if (action == "StatusNotification" && !seq_.empty() && said["status"] != "Preparing") {
      json event = Event("Updated", seq_.rbegin()->first, said["timestamp"]);
      event["transactionInfo"]["chargingState"] =
          said["status"] == "Finishing" ? json("Idle") : said["status"];
      translated = Line(event, "");
    } else if (action == "BootNotification") {
      translated =
          R"(BootNotification {"reason":"PowerUp","chargingStation":{"model":"M","vendorName":"V"}} = {})";
    } else if (action == "Authorize") {
      translated = "Authorize " + json{{"idToken", Token(said["idTag"])}}.dump() +
                   R"( = {"idTokenInfo":{"status":"Accepted"}})";
    } else {
      return "";
    }
    return absl::StrCat(words[0], " > ", translated);
  }

  json Event(const std::string& type, int64_t id, const json& timestamp) {
    return {{"eventType", type},
            {"timestamp", timestamp},
            {"triggerReason", "Trigger"},
            {"seqNo", seq_[id]++},
            {"evse", {{"id", connectors_[id]}, {"connectorId", 1}}},
            {"transactionInfo", {{"transactionId", absl::StrCat("tx-", id)}}}};
  }
  static std::string Line(const json& event, const std::string& status) {
    return "TransactionEvent " + event.dump() + " = " +
           (status.empty() ? "{}" : json{{"idTokenInfo", {{"status", status}}}}.dump());
  }
  static json Token(const json& tag) { return {{"idToken", tag}, {"type", "ISO14443"}}; }
  static json Value(const json& at, const json& register_wh, const char* context) {
    return {{"timestamp", at}, {"sampledValue", {{{"value", register_wh}, {"context", context}}}}};
  }
  static json ToNumbers(json values) {
    for (json& value : values) {
      for (json& sample : value["sampledValue"]) {
        sample["value"] = json::parse(sample["value"].get<std::string>());
        if (sample.contains("unit")) sample["unitOfMeasure"] = {{"unit", sample["unit"]}};
        sample.erase("unit");
      }
    }
    return values;
  }

  std::map<int64_t, int> seq_;
  std::map<int64_t, json> connectors_;
};

TEST(SessionsOfBothProtocols, AWholeTransactionAsItsMakersWouldSayItIsTheSameSession) {
  EXPECT_EQ(Facts(FileText("whole_16")), Facts(FileText("whole_201")));
}

// All that do not hang on what only 1.6 has: ids that the central system gives, meters that boots
// tell, registers that are no numbers.
class BothProtocols : public testing::TestWithParam<std::string> {};

TEST_P(BothProtocols, ComeToTheSameSession) {
  const std::string text = FileText(GetParam());
  EXPECT_EQ(Facts(Translator().Translate(text)), Facts(text));
}

INSTANTIATE_TEST_SUITE_P(
    Each, BothProtocols,
    testing::Values("whole_16", "offline_queue", "missing_stop_next_start",
                    "missing_stop_available", "missing_stop_boot", "late_stop",
                    "available_in_mid_session", "resumed_and_open", "power_loss_resumed",
                    "power_loss_stopped", "meter_value_after_stop", "overlapping",
                    "other_tag_at_stop", "suspended_and_idle", "register_reset",
                    "register_reset_near_range", "register_rollover", "register_backward",
                    "register_spike", "register_frozen", "units_mixed",
                    "lifetime_and_session_register", "phases", "much_energy", "clock_fast",
                    "clock_1970", "clock_1970_offline", "clock_next_year"),
    [](const auto& info) { return info.param; });

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
