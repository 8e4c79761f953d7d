// What is kept does not grow with what is said.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/timestamp.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "projections/testing/conversation.h"

namespace chargeledger::projections {
namespace {

struct Sizes {
  int count = 0;
  size_t largest = 0;
};

// Of the states of one kind.
Sizes SizesOf(const Conversation& c, char kind) {
  log::MemoryStore store;
  Books books;
  EXPECT_TRUE(Folder(store, books).Fold(c.log(), "north").ok());
  Sizes sizes;
  const std::string prefix = StatePrefix(c.log().log_id(), Books::kSessions) + kind;
  EXPECT_TRUE(store
                  .Scan(prefix, log::AfterPrefix(prefix),
                        [&](absl::string_view, absl::string_view value) {
                          ++sizes.count;
                          sizes.largest = std::max(sizes.largest, value.size());
                          return true;
                        })
                  .ok());
  return sizes;
}

std::string Minute(int64_t minute) {
  return core::FormatTimestamp(Conversation::kStart + minute * 60'000'000);
}

TEST(SessionBounds, AnOpenSessionKeepsAsMuchAfterAMonthAsAfterAnHour) {
  Conversation hour, month;
  for (auto [c, minutes] : {std::pair<Conversation*, int>{&hour, 64}, {&month, 20'000}}) {
    c->Connect("CP1");
    c->Start(1, 7, 0, Minute(0));
    for (int i = 1; i < minutes; ++i) c->Meter(7, i * 100, Minute(i));
  }
  // Beside the points, what was reached around some steps of the clock.
  EXPECT_LT(SizesOf(month, 'w').largest, SizesOf(hour, 'w').largest + 2000);
  EXPECT_LT(SizesOf(month, 'w').largest, 6000u);
  EXPECT_LT(SizesOf(month, 's').largest, 500u);
}

TEST(SessionBounds, OfAChargePointsClosedSessionsOnlyTheLastFewAreKeptWhole) {
  Conversation c;
  c.Connect("CP1");
  for (int i = 0; i < 300; ++i) {
    c.Start(1, 100 + i, i * 1000, Minute(i * 30));
    for (int j = 1; j < 20; ++j) c.Meter(100 + i, i * 1000 + j * 50, Minute(i * 30 + j));
    if (i % 3 != 0) c.Stop(100 + i, i * 1000 + 999, Minute(i * 30 + 20));
    // Stops without a start, and values without a session, are no way to fill it either.
    c.Stop(-1, i * 1000, Minute(i * 30 + 21));
    c.Call("MeterValues",
           absl::StrCat(R"({"connectorId":9,"meterValue":[{"timestamp":")", Minute(i),
                        R"(","sampledValue":[{"value":"5"}]}]})"),
           "{}");
  }
  // A stop without an id ends the session that has none yet, one in three.
  EXPECT_EQ(SizesOf(c, 's').count, 500);
  EXPECT_LT(SizesOf(c, 's').largest, 500u);
  EXPECT_LE(SizesOf(c, 'w').count, 9);
  EXPECT_LT(SizesOf(c, 'm').largest, 4000u);
}

}  // namespace
}  // namespace chargeledger::projections
