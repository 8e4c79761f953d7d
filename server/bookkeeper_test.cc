#include "server/bookkeeper.h"

#include <gtest/gtest.h>

#include "log/memory_store.h"
#include "log/replication/author.h"
#include "projections/runtime/folder.h"
#include "projections/testing/conversation.h"

namespace chargeledger::server {
namespace {

using projections::Conversation;

class BookkeeperTest : public testing::Test {
 protected:
  // The log of `c`, admitted and as empty as it is here then.
  HeldLog* Admit(const Conversation& c) {
    log::replication::AuthorStream author(c.log(), {"acme", "north"}, {});
    auto stream = ledger_->Admit(author.Hello().hello());
    EXPECT_TRUE(stream.ok()) << stream.status();
    ledger_->Release(*stream);
    return stream->held;
  }
  // How many pieces there were to fold.
  int Fold() {
    int pieces = 0;
    while (pieces < 100 && bookkeeper_.RunOnce()) ++pieces;
    return pieces;
  }

  log::MemoryStore store_;
  log::MemoryStore states_;
  log::Archive archive_{store_};
  core::ManualClock clock_{0};
  std::unique_ptr<Ledger> ledger_ = *Ledger::Open(archive_, clock_);
  absl::Status failed_;
  Bookkeeper bookkeeper_{
      states_, {}, [this](const absl::Status& status) { failed_ = status; }, core::Threads::kNone};
};

TEST_F(BookkeeperTest, ALogThatIsKnownAndStillEmptyIsLookedAtOnce) {
  Conversation c;
  bookkeeper_.OnGrown({Admit(c)});
  EXPECT_EQ(Fold(), 1);
}

}  // namespace
}  // namespace chargeledger::server
