#include "log/tlog/static_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "log/proof.h"
#include "log/tlog/proof_file.h"
#include "log/tlog/tiles.h"

namespace chargeledger::log::tlog {
namespace {

const NoteSigner kSigner =
    *NoteSigner::Create("acme/north/log/g1", SignatureType::kEd25519,
                        *core::Ed25519PrivateKey::FromSeed(std::string(32, 'k')));

std::string Entry(uint64_t n) { return absl::StrCat("entry number ", n, " of the log"); }

std::string Sign(const TreeHead& head) {
  Note note{Checkpoint{kSigner.verifier().name(), head}.ToText(), {}};
  note.signatures.push_back(kSigner.Sign(note.text));
  return note.Serialize();
}

std::vector<VerifierKey> Keys() { return {kSigner.verifier()}; }

class StaticLogTest : public testing::Test {
 protected:
  StaticLogTest() {
    directory_ = testing::TempDir() + "/static-log-XXXXXX";
    if (mkdtemp(directory_.data()) == nullptr) std::abort();
  }
  ~StaticLogTest() override { std::filesystem::remove_all(directory_); }

  void Export(uint64_t size) {
    auto writer = StaticLogWriter::Create(directory_);
    ASSERT_TRUE(writer.ok()) << writer.status();
    Frontier frontier;
    for (uint64_t n = 0; n < size; ++n) {
      frontier.Append(LeafHash(Entry(n)));
      ASSERT_TRUE(writer->Append(Entry(n)).ok());
    }
    ASSERT_TRUE(writer->Finish(frontier.Head(), Sign(frontier.Head())).ok());
  }
  std::string Read(const std::string& path) {
    std::ifstream in(directory_ + "/" + path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(directory_ + "/" + path, std::ios::binary) << bytes;
  }
  void Flip(const std::string& path, size_t at) {
    std::string bytes = Read(path);
    ASSERT_LT(at, bytes.size()) << path;
    bytes[at] ^= 1;
    Write(path, bytes);
  }
  absl::Status Verify() {
    auto any = [](absl::string_view, uint64_t, absl::string_view) { return absl::OkStatus(); };
    return VerifyStaticLog(directory_, Keys(), any).status();
  }

  std::string directory_;
};

TEST_F(StaticLogTest, LogsOfEverySizeAroundATileAreWrittenAsTheStandardSaysAndVerify) {
  for (uint64_t size : {0, 1, 255, 256, 257, 70'000}) {
    std::filesystem::remove_all(directory_);
    Export(size);
    EXPECT_TRUE(Verify().ok()) << size << ": " << Verify();
  }
  // C2SP tlog-tiles' own example of 70,000 entries.
  EXPECT_EQ(Read("tile/0/272").size(), 8192u);
  EXPECT_EQ(Read("tile/0/273.p/112").size(), 112u * 32);
  EXPECT_EQ(Read("tile/1/000").size(), 8192u);
  EXPECT_EQ(Read("tile/1/001.p/17").size(), 17u * 32);
  EXPECT_EQ(Read("tile/2/000.p/1").size(), 32u);
  EXPECT_FALSE(Read("tile/entries/273.p/112").empty());
}

TEST_F(StaticLogTest, EveryChangeOfAFileIsFoundAndNamed) {
  struct Change {
    std::string what;
    std::function<void()> make;
    std::string named;
  };
  for (const Change& change : std::vector<Change>{
           {"entry", [&] { Flip("tile/entries/001", 100); }, "entry 25"},
           {"entry's length", [&] { Flip("tile/entries/000", 1); }, "tile/entries/000"},
           {"open entry", [&] { Flip("tile/entries/002.p/88", 10); }, "entry 512"},
           {"leaf", [&] { Flip("tile/0/001", 32 * 7); }, "entry 263"},
           {"node", [&] { Flip("tile/1/000.p/2", 0); }, "tile/0/000"},
           {"tile cut", [&] { Write("tile/0/000", "x"); }, "tile/0/000"},
           {"tile gone", [&] { std::filesystem::remove(directory_ + "/tile/0/000"); },
            "tile/0/000"},
           {"tile longer", [&] { Write("tile/0/000", std::string(9000, 'x')); }, "tile/0/000"},
           {"bundle longer", [&] { Write("tile/entries/000", Read("tile/entries/000") + "\x1"); },
            "tile/entries/000"},
           {"bundle gone", [&] { std::filesystem::remove(directory_ + "/tile/entries/001"); },
            "tile/entries/001"},
           {"signature", [&] { Flip("checkpoint", Read("checkpoint").size() - 20); }, ""},
           {"size", [&] { Flip("checkpoint", kSigner.verifier().name().size() + 3); }, ""},
           {"no checkpoint", [&] { std::filesystem::remove(directory_ + "/checkpoint"); },
            "checkpoint"}}) {
    std::filesystem::remove_all(directory_);
    Export(600);
    change.make();
    const absl::Status status = Verify();
    EXPECT_FALSE(status.ok()) << change.what;
    EXPECT_NE(status.message().find(change.named), absl::string_view::npos)
        << change.what << ": " << status;
  }
}

TEST_F(StaticLogTest, AFolderWithSomethingInItIsNotWrittenOver) {
  Export(3);
  EXPECT_EQ(StaticLogWriter::Create(directory_).status().code(), absl::StatusCode::kAlreadyExists);
}

TEST_F(StaticLogTest, EntriesThatDoNotHaveTheCheckpointsRootAreNotGivenACheckpoint) {
  auto writer = StaticLogWriter::Create(directory_);
  ASSERT_TRUE(writer->Append("x").ok());
  EXPECT_EQ(writer->Finish({1, LeafHash("y")}, Sign({1, LeafHash("y")})).code(),
            absl::StatusCode::kDataLoss);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/checkpoint"));
}

TEST(Tiles, PathsAreThoseOfTheStandard) {
  EXPECT_EQ(TilePath({3, 1'234'067}, 256), "tile/3/x001/x234/067");
  EXPECT_EQ(TilePath({0, 5}, 17), "tile/0/005.p/17");
  EXPECT_EQ(EntriesPath(1000, 256), "tile/entries/x001/000");
}

class ProofFileTest : public testing::Test {
 protected:
  ProofFileTest() {
    for (uint64_t n = 0; n < 20; ++n) leaves_.push_back(LeafHash(Entry(n)));
  }
  absl::StatusOr<Hash> Node(int, uint64_t position) { return leaves_[position]; }
  TreeHead HeadAt(uint64_t size) {
    Frontier frontier;
    for (uint64_t n = 0; n < size; ++n) frontier.Append(leaves_[n]);
    return frontier.Head();
  }
  InclusionProofFile Inclusion() {
    auto node = [&](int level, uint64_t position) { return Node(level, position); };
    return {Entry(7), 7, *MakeInclusionProof(7, 20, node), Sign(HeadAt(20))};
  }
  ConsistencyProofFile Consistency() {
    auto node = [&](int level, uint64_t position) { return Node(level, position); };
    return {*MakeConsistencyProof(6, 20, node), Sign(HeadAt(6)), Sign(HeadAt(20))};
  }

  std::vector<Hash> leaves_;
};

TEST_F(ProofFileTest, BothKindsOfProofVerifyAndReadAsTheyWereWritten) {
  const std::vector<VerifierKey> keys = Keys();
  const std::string inclusion = Inclusion().Serialize();
  auto finding = VerifyProofFile(inclusion, keys);
  ASSERT_TRUE(finding.ok()) << finding.status();
  EXPECT_EQ(finding->entry, Entry(7));
  EXPECT_EQ(InclusionProofFile::Parse(inclusion)->Serialize(), inclusion);
  const std::string consistency = Consistency().Serialize();
  finding = VerifyProofFile(consistency, keys);
  ASSERT_TRUE(finding.ok()) << finding.status();
  EXPECT_EQ(finding->from->checkpoint.head.size, 6u);
  EXPECT_EQ(ConsistencyProofFile::Parse(consistency)->Serialize(), consistency);
}

TEST_F(ProofFileTest, NoByteOfAProofCanBeChangedOrTakenAway) {
  const std::vector<VerifierKey> keys = Keys();
  for (const std::string& proof : {Inclusion().Serialize(), Consistency().Serialize()}) {
    for (size_t at = 0; at < proof.size(); ++at) {
      std::string changed = proof;
      changed[at] ^= 1;
      EXPECT_FALSE(VerifyProofFile(changed, keys).ok()) << at << "\n" << changed;
      EXPECT_FALSE(VerifyProofFile(proof.substr(0, at), keys).ok()) << at;
      changed = proof;
      changed.erase(at, 1);
      EXPECT_FALSE(VerifyProofFile(changed, keys).ok()) << at << "\n" << changed;
    }
    EXPECT_FALSE(VerifyProofFile(proof + "\n", keys).ok());
  }
}

}  // namespace
}  // namespace chargeledger::log::tlog
