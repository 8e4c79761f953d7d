// A whole log that must never change: its bytes, its root at several sizes, its checkpoint, proof
// and sealed form. If this fails, the format was broken; the test is not what to change.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/ed25519.h"
#include "core/ids.h"
#include "core/sha256.h"
#include "log/bundle.h"
#include "log/proof.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"
#include "log/tlog/proof_file.h"

namespace chargeledger {
namespace {

using log::tlog::NoteSigner;
using log::tlog::SignatureType;

// The worked example of docs/log_format.md.
constexpr char kCheckpoint[] =
    "acme/north/30313233343536373839616263646566/g1\n"
    "3\n"
    "eOWMUAHmyNcjmEdKV+dn2Cqu6qcJsC06XjrmqkPymEw=\n"
    "\n"
    "\xE2\x80\x94 acme/north/30313233343536373839616263646566/g1 "
    "sVZjdF9J7s9SyJr/a8/nuQ3RL/"
    "UqsVGBoXwHsQre/4HLBhcUpBV/9VTIr+IsBW4TZecxH1drtOeSNi1txOp3suVicg0=\n"
    "\xE2\x80\x94 chargeledger "
    "7xxvBAAAAABppCpAsPfAqtr4HXbHTLuvOrVD3+tLjvg6YUnDOTDnBAVD5yRAFnCdp9yyKTnsDlkA6WkUNdhVbm4i0dp+"
    "oMsxTs11Aw==\n";
constexpr char kAuthorKey[] =
    "acme/north/30313233343536373839616263646566/g1+b1566374+"
    "AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
constexpr char kHolderKey[] = "chargeledger+ef1c6f04+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
const std::vector<std::string> kEntries = {
    "08011880a0bcadd3fe920320e80728017a310a0461636d6512056e6f7274681a1030313233343536373839616263"
    "646566"
    "2a10656467652d6167656e7420302e312e30",
    "0801100118c0a4f9add3fe920320a88c3d280162170a0343503110011a0e3132372e302e302e313a34373131",
    "080110021880a9b6aed3fe920320e8907a280152230a034350311001180120012a165b322c2237222c2248656172"
    "74626561"
    "74222c7b7d5d"};

std::string Seed(char first) {
  std::string seed;
  for (int i = 0; i < 32; ++i) seed.push_back(static_cast<char>(first + i));
  return seed;
}

std::string Entry(uint64_t n) {
  v1::Entry entry;
  entry.set_generation(1);
  entry.set_sequence(n);
  entry.set_wall_time_us(1'772'366'400'000'000 + static_cast<int64_t>(n) * 250'000);
  entry.set_monotonic_us(1'000 + n * 250'000);
  entry.set_boot(1);
  v1::FrameRecorded& frame = *entry.mutable_frame_recorded();
  frame.set_charge_point_id("CP" + std::to_string(n % 7));
  frame.set_connection(n % 7);
  frame.set_direction(n % 2 == 0 ? v1::DIRECTION_RECEIVED : v1::DIRECTION_SENT);
  frame.set_subprotocol(v1::SUBPROTOCOL_OCPP1_6);
  frame.set_payload("[2,\"" + std::to_string(n) + "\",\"Heartbeat\",{}]");
  return entry.SerializeAsString();
}

TEST(GoldenLog, TheCheckpointOfTheWorkedExampleIsSignedAsItWas) {
  const NoteSigner author = *NoteSigner::Create(
      log::tlog::Origin("acme", "north", *core::LogId::FromBytes("0123456789abcdef"),
                        core::Generation(1)),
      SignatureType::kEd25519, *core::Ed25519PrivateKey::FromSeed(Seed(0)));
  const NoteSigner holder = *NoteSigner::Create("chargeledger", SignatureType::kCosignature,
                                                *core::Ed25519PrivateKey::FromSeed(Seed(32)));
  EXPECT_EQ(author.verifier().ToText(), kAuthorKey);
  EXPECT_EQ(holder.verifier().ToText(), kHolderKey);
  log::Frontier frontier;
  for (const std::string& hex : kEntries) {
    frontier.Append(log::LeafHash(absl::HexStringToBytes(hex)));
  }
  log::tlog::Note note{log::tlog::Checkpoint{author.verifier().name(), frontier.Head()}.ToText(),
                       {}};
  note.signatures = {author.Sign(note.text), holder.Sign(note.text, 1'772'366'400)};
  EXPECT_EQ(note.Serialize(), kCheckpoint);
}

TEST(GoldenLog, TheProofOfTheWorkedExampleVerifiesAndReadsAsItDid) {
  const std::string proof = std::string(
                                "c2sp.org/tlog-proof@v1\n"
                                "extra CAEQARjApPmt0/6SAyCojD0oAWIXCgNDUDEQARoOMTI3LjAuMC4xOjQ3MTE="
                                "\n"
                                "index 1\n"
                                "5wbC80IaCcpTR3xGyUJMCTcGzxe9eJSEp2QwqvfI/5o=\n"
                                "C/xeGAlv4NYdwFp8aQh3NyJQhj8sB5+rBvq1m/TphSo=\n"
                                "\n") +
                            kCheckpoint;
  const std::vector<log::tlog::VerifierKey> keys = {*log::tlog::VerifierKey::Parse(kAuthorKey),
                                                    *log::tlog::VerifierKey::Parse(kHolderKey)};
  auto finding = log::tlog::VerifyProofFile(proof, keys);
  ASSERT_TRUE(finding.ok()) << finding.status();
  EXPECT_EQ(finding->to.signed_by.size(), 2u);
  EXPECT_EQ(*finding->entry, absl::HexStringToBytes(kEntries[1]));
}

TEST(GoldenLog, ALogOfATileAndMoreHasTheBytesAndRootsThatItHad) {
  log::Frontier frontier;
  std::string bytes;
  for (uint64_t n = 0; n < 700; ++n) {
    bytes += Entry(n);
    frontier.Append(log::LeafHash(Entry(n)));
    if (n + 1 == 256) {
      EXPECT_EQ(frontier.Root().ToHex(),
                "3f445a00d7f8a19b953c052446edb1f40c2bbd67b26b6ffc893c125a68e202d1");
    }
  }
  EXPECT_EQ(core::Sha256(bytes).ToHex(),
            "baf72f59272d0837f138adb0056b84ca45819a41472025eb3a8d5eb4077b2888");
  EXPECT_EQ(frontier.Root().ToHex(),
            "01bd374820791b52a65a76b52f4b60e90ac9bb83eed211a789983e57921f3465");
}

// zstd may compress otherwise in a later version; what was sealed by an earlier one is read for
// ever.
TEST(GoldenLog, ABundleThatWasSealedOnceStillOpens) {
  const std::string sealed = absl::HexStringToBytes(
#include "tests/golden/sealed_bundle.inc"
  );
  auto bundle = log::Bundle::Open(sealed, 0);
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  ASSERT_TRUE(bundle->LeafHashes().ok());
  for (uint64_t n = 0; n < 256; ++n) EXPECT_EQ(bundle->entries()[n], Entry(n));
}

}  // namespace
}  // namespace chargeledger
