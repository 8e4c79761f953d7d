// verify facts, over folders as `log export` writes them.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "chargeledger/v1/entry.pb.h"
#include "core/ed25519.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/static_log.h"
#include "tools/ledgerctl/verify.h"

namespace chargeledger::ledgerctl {
namespace {

const core::LogId kControl = *core::LogId::FromBytes("the control log.");
const core::LogId kSite = *core::LogId::FromBytes("the site's log 1");

std::string OriginOf(const core::LogId& log_id) {
  return log::tlog::Origin("acme", "north", log_id, core::Generation(1));
}

log::tlog::NoteSigner SignerOf(const core::LogId& log_id) {
  return *log::tlog::NoteSigner::Create(OriginOf(log_id), log::tlog::SignatureType::kEd25519,
                                        *core::Ed25519PrivateKey::FromSeed(std::string(32, 'k')));
}

class VerifyFactsTest : public testing::Test {
 protected:
  VerifyFactsTest() {
    directory_ = testing::TempDir() + "/verify-facts-XXXXXX";
    if (mkdtemp(directory_.data()) == nullptr) std::abort();
  }
  ~VerifyFactsTest() override { std::filesystem::remove_all(directory_); }

  static v1::Entry Control(const std::string& tag) {
    v1::Entry entry;
    entry.mutable_control_fact()->mutable_contract_registered()->set_id_tag(tag);
    return entry;
  }
  // What the site would copy of the control log's entry `sequence`.
  static v1::Entry Copy(v1::Entry control, uint64_t sequence) {
    control.set_generation(1);
    control.set_sequence(sequence);
    v1::Entry entry;
    v1::KnownFact& known = *entry.mutable_known_fact();
    known.set_log_id(std::string(kControl.bytes()));
    known.set_generation(1);
    known.set_sequence(sequence);
    known.set_entry(control.SerializeAsString());
    return entry;
  }
  std::string Export(const std::string& name, const core::LogId& log_id,
                     std::vector<v1::Entry> entries) {
    const std::string folder = directory_ + "/" + name;
    std::filesystem::remove_all(folder);
    auto writer = log::tlog::StaticLogWriter::Create(folder);
    EXPECT_TRUE(writer.ok()) << writer.status();
    log::Frontier tree;
    for (size_t i = 0; i < entries.size(); ++i) {
      entries[i].set_generation(1);
      entries[i].set_sequence(i);
      const std::string bytes = entries[i].SerializeAsString();
      tree.Append(log::LeafHash(bytes));
      EXPECT_TRUE(writer->Append(bytes).ok());
    }
    log::tlog::Note note{log::tlog::Checkpoint{OriginOf(log_id), tree.Head()}.ToText(), {}};
    note.signatures.push_back(SignerOf(log_id).Sign(note.text));
    EXPECT_TRUE(writer->Finish(tree.Head(), note.Serialize()).ok());
    return folder;
  }
  absl::Status Verify(const std::vector<v1::Entry>& site) {
    const std::string control =
        Export("control", kControl, {v1::Entry(), Control("A"), Control("B")});
    std::ostringstream out;
    const absl::Status status = VerifyFacts(
        Export("site", kSite, site), {control},
        {SignerOf(kSite).verifier().ToText(), SignerOf(kControl).verifier().ToText()}, out);
    said_ = out.str();
    return status;
  }

  std::string directory_;
  std::string said_;
};

TEST_F(VerifyFactsTest, FactsThatTheControlLogHasVerify) {
  EXPECT_TRUE(Verify({v1::Entry(), Copy(Control("A"), 1), Copy(Control("B"), 2)}).ok());
  EXPECT_NE(said_.find("2 control facts"), std::string::npos) << said_;
}

TEST_F(VerifyFactsTest, AFactThatTheControlLogDoesNotHaveIsNamed) {
  v1::Entry elsewhere = Copy(Control("A"), 1);
  elsewhere.mutable_known_fact()->set_sequence(2);
  v1::Entry another = Copy(Control("A"), 1);
  another.mutable_known_fact()->set_log_id("another control.");
  for (const v1::Entry& forged :
       {Copy(Control("C"), 1), Copy(Control("A"), 3), elsewhere, another, Control("A")}) {
    const absl::Status status = Verify({Copy(Control("A"), 1), forged});
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << forged.DebugString();
    EXPECT_NE(status.message().find("1 of 2"), std::string::npos) << status;
    EXPECT_EQ(said_.find("entry 1: "), 0u) << said_;
  }
}

}  // namespace
}  // namespace chargeledger::ledgerctl
