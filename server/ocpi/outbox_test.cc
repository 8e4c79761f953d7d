#include "server/ocpi/outbox.h"

#include <gtest/gtest.h>

#include "log/memory_store.h"

namespace chargeledger::server {
namespace {

constexpr int64_t kSecond = 1'000'000;

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() : outbox_(*Outbox::Open(store_)) {}

  void OfferCdr(const std::string& id) {
    ASSERT_TRUE(outbox_.Offer("NL-TNM", v1::OUTBOX_KIND_CDR, id, "{" + id + "}", true, now_).ok());
  }
  void OfferSession(const std::string& body, bool hurry) {
    ASSERT_TRUE(outbox_.Offer("NL-TNM", v1::OUTBOX_KIND_SESSION, "s", body, hurry, now_).ok());
  }
  std::string Next() {
    auto item = *outbox_.Next("NL-TNM", now_);
    return item.has_value() ? item->body() : "-";
  }
  void Take() { ASSERT_TRUE(outbox_.Taken(**outbox_.Next("NL-TNM", now_), "", now_).ok()); }
  void Fail(bool for_good = false) {
    ASSERT_TRUE(outbox_.Failed(**outbox_.Next("NL-TNM", now_), "HTTP 503", for_good, now_).ok());
  }

  log::MemoryStore store_;
  Outbox outbox_;
  int64_t now_ = 1'000 * kSecond;
};

TEST_F(OutboxTest, WhatWasOfferedIsGivenUntilItWasTakenAlsoAfterARestart) {
  OfferCdr("a");
  EXPECT_EQ(Next(), "{a}");
  Outbox again = *Outbox::Open(store_);
  EXPECT_EQ((*again.Next("NL-TNM", now_))->id(), "a");
  EXPECT_FALSE(again.Next("NL-XYZ", now_)->has_value());
  Take();
  EXPECT_EQ(Next(), "-");
  EXPECT_FALSE(Outbox::Open(store_)->Next("NL-TNM", now_)->has_value());
  // Said again it is nothing new.
  OfferCdr("a");
  EXPECT_EQ(Next(), "-");
}

TEST_F(OutboxTest, AFailureDelaysItsObjectTwiceAsLongEachTimeAndNoOther) {
  OfferCdr("a");
  Fail();
  OfferCdr("b");
  EXPECT_EQ(Next(), "{b}");
  Take();
  EXPECT_EQ(Next(), "-");
  now_ += kSecond;
  EXPECT_EQ(Next(), "{a}");
  Fail();
  now_ += 2 * kSecond - 1;
  EXPECT_EQ(Next(), "-");
  now_ += 1;
  EXPECT_EQ(Next(), "{a}");
}

TEST_F(OutboxTest, SeveralFailuresInARowOpenTheCircuitAndOneSuccessClosesIt) {
  for (int i = 0; i < 10; ++i) OfferCdr(std::to_string(i));
  for (int i = 0; i < kOcpiFailuresToOpen; ++i) Fail();
  EXPECT_EQ(Next(), "-");
  ASSERT_TRUE(outbox_.OpenUntilUs("NL-TNM").has_value());
  now_ = *outbox_.OpenUntilUs("NL-TNM");
  // One is tried; it fails, and the circuit stays open for longer.
  EXPECT_NE(Next(), "-");
  Fail();
  EXPECT_EQ(*outbox_.OpenUntilUs("NL-TNM") - now_, 2 * kOcpiFirstOpenUs);
  now_ = *outbox_.OpenUntilUs("NL-TNM");
  Take();
  EXPECT_FALSE(outbox_.OpenUntilUs("NL-TNM").has_value());
  EXPECT_NE(Next(), "-");
}

TEST_F(OutboxTest, WhatIsRefusedForGoodIsADeadLetterUntilItIsSentAgain) {
  OfferCdr("a");
  EXPECT_EQ(outbox_.Resend("NL-TNM", "a", now_).code(), absl::StatusCode::kFailedPrecondition);
  Fail(/*for_good=*/true);
  now_ += 1'000 * kSecond;
  EXPECT_EQ(Next(), "-");
  const auto dead = *outbox_.List("", v1::OUTBOX_STATE_DEAD);
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].error(), "HTTP 503");
  ASSERT_TRUE(outbox_.Resend("NL-TNM", "a", now_).ok());
  EXPECT_EQ(Next(), "{a}");
  EXPECT_EQ(outbox_.Resend("NL-TNM", "b", now_).code(), absl::StatusCode::kNotFound);
}

TEST_F(OutboxTest, ASessionThatGoesOnIsToldOnceAMinuteAndItsEndAtOnce) {
  OfferSession("1", false);
  Take();
  OfferSession("2", false);
  OfferSession("3", false);
  EXPECT_EQ(Next(), "-");
  now_ += kOcpiSessionEveryUs;
  EXPECT_EQ(Next(), "3");
  Take();
  OfferSession("4", false);
  OfferSession("end", true);
  EXPECT_EQ(Next(), "end");
}

TEST_F(OutboxTest, WhatWasOfferedAnewWhileItWasSentIsSentAgain) {
  OfferSession("1", true);
  const auto sent = **outbox_.Next("NL-TNM", now_);
  OfferSession("2", true);
  ASSERT_TRUE(outbox_.Taken(sent, "", now_).ok());
  EXPECT_EQ(Next(), "2");
}

// A receiver's words may be cut in the middle of a character, or be no text at all.
TEST_F(OutboxTest, WhateverAReceiverSaysTheObjectIsSentOn) {
  size_t objects = 0;
  for (const std::string& words :
       {std::string(499, 'x') + "\xc3\xbc", std::string("\xff\xfe"), std::string(5000, '\x80')}) {
    OfferCdr(std::to_string(++objects));
    ASSERT_TRUE(outbox_.Failed(**outbox_.Next("NL-TNM", now_), words, false, now_).ok());
    now_ += 3'600 * kSecond;
    ASSERT_NE(Next(), "-");
    EXPECT_EQ(Outbox::Open(store_)->List("", v1::OUTBOX_STATE_UNSPECIFIED)->size(), objects);
    ASSERT_TRUE(outbox_.Taken(**outbox_.Next("NL-TNM", now_), words, now_).ok());
    EXPECT_EQ(Next(), "-");
    EXPECT_EQ(Outbox::Open(store_)->List("", v1::OUTBOX_STATE_UNSPECIFIED)->size(), objects);
  }
}

TEST_F(OutboxTest, WhatCannotBeReadIsForgottenAndOfferedAnew) {
  log::WriteBatch batch;
  batch.Put("NL-TNM", "\xff no item");
  ASSERT_TRUE(store_.Commit(batch, log::Durability::kSynced).ok());
  outbox_ = *Outbox::Open(store_);
  OfferCdr("a");
  EXPECT_EQ(Next(), "{a}");
  EXPECT_EQ(outbox_.List("", v1::OUTBOX_STATE_UNSPECIFIED)->size(), 1u);
}

}  // namespace
}  // namespace chargeledger::server
