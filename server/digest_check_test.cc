#include "server/digest_check.h"

#include <gtest/gtest.h>

#include <string>

#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/testing/conversation.h"

namespace chargeledger::server {
namespace {

using projections::Books;
using projections::Conversation;

v1::ProjectionDigests Fold(const Conversation& c, log::Store& store, Books& books) {
  v1::StoredFold position = *projections::Folder(store, books).Fold(c.log(), "north");
  v1::ProjectionDigests digests;
  v1::ProjectionDigests::Point& point = *digests.add_points();
  point.set_generation(position.generation());
  point.set_size(position.size());
  for (const v1::StoredFold::Part& part : position.parts()) {
    v1::ProjectionDigests::Part& out = *point.add_parts();
    out.set_name(part.name());
    out.set_version(part.version());
    out.set_digest(part.digest());
  }
  return digests;
}

class DigestCheckTest : public testing::Test {
 protected:
  DigestCheckTest() {
    conversation_.Connect("CP1");
    conversation_.Start(1, 7, 1000, "2026-03-01T12:00:00Z");
    conversation_.Stop(7, 2000, "2026-03-01T12:30:00Z");
    Fold(conversation_, ours_, books_);
  }
  DigestCheck Check(const v1::ProjectionDigests& theirs) {
    return *CheckDigests(ours_, books_, conversation_.log().log_id(), theirs);
  }

  Conversation conversation_;
  Books books_;
  log::MemoryStore ours_, theirs_;
};

TEST_F(DigestCheckTest, EqualStatesAtOnePositionAgree) {
  const DigestCheck check = Check(Fold(conversation_, theirs_, books_));
  EXPECT_EQ(check.compared, 5);
  EXPECT_EQ(check.difference, "");
}

TEST_F(DigestCheckTest, AnotherStateAfterEqualEntriesIsNamed) {
  v1::ProjectionDigests theirs = Fold(conversation_, theirs_, books_);
  theirs.mutable_points(0)->mutable_parts(2)->mutable_digest()->front() ^= 1;
  EXPECT_NE(Check(theirs).difference.find("projection stations"), std::string::npos)
      << Check(theirs).difference;
}

TEST_F(DigestCheckTest, AtPositionsThatOnlyOneSideHasNothingIsCompared) {
  v1::ProjectionDigests theirs = Fold(conversation_, theirs_, books_);
  theirs.mutable_points(0)->set_size(3);
  EXPECT_EQ(Check(theirs).compared, 0);
  theirs.mutable_points(0)->mutable_parts(0)->set_version(99);
  EXPECT_EQ(Check(theirs).compared, 0);
}

}  // namespace
}  // namespace chargeledger::server
