// Whatever a network does to the messages that a charge point repeats until they are accepted, it
// is the same session: every order, and every one of them twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"
#include "projections/testing/tariffs.h"

namespace chargeledger::projections {
namespace {

struct Message {
  std::string action;
  std::string payload;
  std::string answer;
};

// What is the same however the messages arrived; flags that only tell of their order are left out.
std::string Outcome(const std::vector<Message>& messages, v1::Subprotocol subprotocol) {
  Conversation c;
  c.Speak(subprotocol);
  c.Connect("CP1");
  c.At("2026-03-01T14:00:00Z");
  for (const Message& m : messages) c.Call(m.action, m.payload, m.answer);
  // Last, so that every session is billed once.
  KnowTariff(FlatTariff(), c);
  log::MemoryStore store;
  Books books;
  EXPECT_TRUE(Folder(store, books, 3).Fold(c.log(), "north").ok());
  static const std::set<int> kOrder = {
      v1::SESSION_FLAG_DUPLICATE_START, v1::SESSION_FLAG_DUPLICATE_STOP,
      v1::SESSION_FLAG_DUPLICATE_EVENT, v1::SESSION_FLAG_STOP_BEFORE_START,
      v1::SESSION_FLAG_REORDERED,       v1::SESSION_FLAG_UNKNOWN_TRANSACTION_ID,
      v1::SESSION_FLAG_LATE_STOP};
  std::string text;
  const core::LogId& id = c.log().log_id();
  for (const auto& [part, kind] : {std::pair<size_t, char>(Books::kSessions, kSessionKind),
                                   std::pair<size_t, char>(Books::kBilling, kCdrKind)}) {
    const std::string prefix = StatePrefix(id, part) + kind;
    EXPECT_TRUE(
        store
            .Scan(prefix, log::AfterPrefix(prefix),
                  [&, part = part](absl::string_view, absl::string_view value) {
                    if (part == Books::kBilling) {
                      v1::Cdr cdr;
                      cdr.ParseFromArray(value.data(), static_cast<int>(value.size()));
                      absl::StrAppend(&text, "billed ", cdr.total_cost().incl_vat_e4(), "\n");
                      return true;
                    }
                    v1::Session s;
                    s.ParseFromArray(value.data(), static_cast<int>(value.size()));
                    absl::StrAppend(
                        &text, "connector ", s.connector_id(), " tag ", s.id_tag(), " transaction ",
                        s.transaction_id(), s.transaction(), " state ", s.state(), " end ", s.end(),
                        " held ", s.held(), " from ", s.started_at_us(), " to ", s.stopped_at_us(),
                        " energy ", s.energy_mwh(), " by ", s.energy_rule(), " register ",
                        s.meter_start_mwh(), " ", s.meter_last_mwh(), " power ", s.max_power_mw(),
                        " values ", s.completeness().came(), "/", s.completeness().expected(),
                        " reason ", s.stop_reason(), " flags");
                    for (int flag : s.flags()) {
                      if (kOrder.count(flag) == 0) absl::StrAppend(&text, " ", flag);
                    }
                    absl::StrAppend(&text, "\n");
                    return true;
                  })
            .ok());
  }
  return text;
}

void ExpectSameInEveryOrder(std::vector<Message> messages, v1::Subprotocol subprotocol) {
  const std::string expected = Outcome(messages, subprotocol);
  EXPECT_EQ(std::count(expected.begin(), expected.end(), '\n'), 2) << expected;
  EXPECT_NE(expected.find("billed"), std::string::npos) << expected;
  std::vector<size_t> order(messages.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  int orders = 0;
  do {
    std::vector<Message> permuted;
    for (size_t i : order) permuted.push_back(messages[i]);
    ASSERT_EQ(Outcome(permuted, subprotocol), expected) << testing::PrintToString(order);
    // One of them sent again, at every place behind its first.
    for (size_t i = 0; i < permuted.size(); ++i) {
      for (size_t at = i + 1; at <= permuted.size(); ++at) {
        std::vector<Message> again = permuted;
        again.insert(again.begin() + static_cast<std::ptrdiff_t>(at), permuted[i]);
        ASSERT_EQ(Outcome(again, subprotocol), expected)
            << testing::PrintToString(order) << " and " << i << " again at " << at;
      }
    }
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(orders, messages.size() == 4 ? 24 : 120);
}

Message Start16() {
  return {"StartTransaction",
          R"({"connectorId":1,"idTag":"T","meterStart":1000,"timestamp":"2026-03-01T12:00:00Z"})",
          R"({"transactionId":7,"idTagInfo":{"status":"Accepted"}})"};
}

Message Meter16(int64_t id, int minute, int64_t wh) {
  return {"MeterValues",
          absl::StrCat(R"({"connectorId":1,"transactionId":)", id,
                       R"(,"meterValue":[{"timestamp":"2026-03-01T12:)", minute,
                       R"(:00Z","sampledValue":[{"value":")", wh, R"("}]}]})"),
          "{}"};
}

Message Stop16(int64_t id) {
  return {"StopTransaction",
          absl::StrCat(R"({"transactionId":)", id,
                       R"(,"idTag":"T","meterStop":5000,"timestamp":"2026-03-01T12:40:00Z"})"),
          "{}"};
}

TEST(Permutations, OfAWholeTransactionIn16AreTheSameSession) {
  ExpectSameInEveryOrder({Start16(), Meter16(7, 10, 2000), Meter16(7, 20, 3000), Stop16(7)},
                         v1::SUBPROTOCOL_OCPP1_6);
}

TEST(Permutations, WithoutAnIdSinceTheAnswerWasLostAreTheSameSession) {
  for (int64_t id : {0, -1}) {
    ExpectSameInEveryOrder({Start16(), Meter16(id, 10, 2000), Meter16(id, 20, 3000), Stop16(id)},
                           v1::SUBPROTOCOL_OCPP1_6);
  }
}

Message Event(const std::string& type, int seq, int minute, int64_t wh) {
  return {
      "TransactionEvent",
      absl::StrCat(R"({"eventType":")", type, R"(","timestamp":"2026-03-01T12:)",
                   minute < 10 ? "0" : "", minute, R"(:00Z","triggerReason":"Trigger","seqNo":)",
                   seq, R"(,"transactionInfo":{"transactionId":"tx"},"evse":{"id":1})",
                   type == "Started" ? R"(,"idToken":{"idToken":"T","type":"eMAID"})" : "",
                   R"(,"meterValue":[{"timestamp":"2026-03-01T12:)", minute < 10 ? "0" : "", minute,
                   R"(:00Z","sampledValue":[{"value":)", wh, "}]}]}"),
      "{}"};
}

TEST(Permutations, OfAWholeTransactionIn201AreTheSameSession) {
  ExpectSameInEveryOrder({Event("Started", 0, 0, 1000), Event("Updated", 1, 10, 2000),
                          Event("Updated", 2, 20, 3000), Event("Ended", 3, 40, 5000)},
                         v1::SUBPROTOCOL_OCPP2_0_1);
}

TEST(Permutations, OfATransactionWhoseRegisterWasResetAreTheSameEnergy) {
  std::set<std::string> outcomes;
  std::vector<Message> messages = {Start16(),
                                   Meter16(7, 10, 3000),
                                   Meter16(7, 20, 500),
                                   {"StopTransaction",
                                    R"({"transactionId":7,"idTag":"T","meterStop":1500,)"
                                    R"("timestamp":"2026-03-01T12:40:00Z"})",
                                    "{}"}};
  std::vector<size_t> order = {0, 1, 2, 3};
  do {
    std::vector<Message> permuted;
    for (size_t i : order) permuted.push_back(messages[i]);
    // A bill may have been made before a late value showed the reset: correcting it is billing's
    // part.
    const std::string outcome = Outcome(permuted, v1::SUBPROTOCOL_OCPP1_6);
    outcomes.insert(outcome.substr(0, outcome.find('\n')));
  } while (std::next_permutation(order.begin(), order.end()));
  ASSERT_EQ(outcomes.size(), 1u) << testing::PrintToString(outcomes);
  EXPECT_NE(outcomes.begin()->find("energy 3500000 "), std::string::npos) << *outcomes.begin();
}

}  // namespace
}  // namespace chargeledger::projections
