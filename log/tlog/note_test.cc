#include "log/tlog/note.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "log/tlog/checkpoint.h"

namespace chargeledger::log::tlog {
namespace {

const core::Ed25519PrivateKey kKey = *core::Ed25519PrivateKey::FromSeed(std::string(32, 'k'));
const core::Ed25519PrivateKey kOther = *core::Ed25519PrivateKey::FromSeed(std::string(32, 'o'));

NoteSigner Signer(const std::string& name, SignatureType type,
                  const core::Ed25519PrivateKey& key = kKey) {
  return *NoteSigner::Create(name, type, key);
}

// Go's golang.org/x/mod/sumdb/note uses this note and key in its own tests.
TEST(Note, ANoteAndAKeyThatSomebodyElseMadeAreVerified) {
  const std::string vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const std::string note =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n"
      "\n"
      "\xE2\x80\x94 PeterNeumann "
      "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
      "\n";
  const std::vector<VerifierKey> keys = {*VerifierKey::Parse(vkey)};
  EXPECT_EQ(keys[0].ToText(), vkey);
  auto parsed = Note::Parse(note);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->Serialize(), note);
  EXPECT_TRUE(VerifyNote(*parsed, keys).ok());
  parsed->text[0] = 'i';
  EXPECT_EQ(VerifyNote(*parsed, keys).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST(Note, SignaturesOfStrangersAreIgnoredAndAWrongOneOfAKnownKeySpoilsTheNote) {
  Note note{"text\n", {}};
  const NoteSigner author = Signer("author", SignatureType::kEd25519);
  const NoteSigner stranger = Signer("stranger", SignatureType::kEd25519, kOther);
  const NoteSigner witness = Signer("witness", SignatureType::kCosignature, kOther);
  note.signatures = {stranger.Sign(note.text), author.Sign(note.text),
                     witness.Sign(note.text, 1'772'366'400)};
  const std::vector<VerifierKey> both = {author.verifier(), witness.verifier()};
  auto signers = VerifyNote(note, both);
  ASSERT_TRUE(signers.ok()) << signers.status();
  EXPECT_EQ(signers->size(), 2u);
  EXPECT_EQ(CosignatureTime(note.signatures[2]), 1'772'366'400u);
  EXPECT_FALSE(VerifyNote(note, {}).ok());
  Note spoiled = note;
  spoiled.signatures[1].bytes[5] ^= 1;
  EXPECT_FALSE(VerifyNote(spoiled, both).ok());
  // The time is signed too.
  spoiled = note;
  spoiled.signatures[2].bytes[7] ^= 1;
  EXPECT_FALSE(VerifyNote(spoiled, both).ok());
}

TEST(Note, OneKeyUnderTwoTypesHasTwoIdsAndNeitherSignatureStandsForTheOther) {
  const NoteSigner plain = Signer("name", SignatureType::kEd25519);
  const NoteSigner cosigner = Signer("name", SignatureType::kCosignature);
  EXPECT_NE(plain.verifier().key_id(), cosigner.verifier().key_id());
  NoteSignature forged = plain.Sign("text\n");
  forged.key_id = cosigner.verifier().key_id();
  forged.bytes = std::string(8, '\0') + forged.bytes;
  EXPECT_FALSE(cosigner.verifier().Verify("text\n", forged));
}

TEST(Note, WhatIsNoNoteIsRefusedWithItsLine) {
  const std::string good =
      Note{"text\n", {Signer("n", SignatureType::kEd25519).Sign("text\n")}}.Serialize();
  ASSERT_TRUE(Note::Parse(good).ok());
  const std::string signature = good.substr(good.find("\xE2"));
  for (const std::string& bad :
       std::vector<std::string>{"",
                                "\n",
                                "\n\n",
                                "text",
                                "text\n",
                                "text\n\n",
                                "text\n" + signature,
                                "\n\n" + signature,
                                good.substr(0, good.size() - 1),
                                good + "\n",
                                good + "x\n",
                                "te\txt\n\n" + signature,
                                "te\x80xt\n\n" + signature,
                                "text\n\n- n AAAAAAAA\n",
                                "text\n\n\xE2\x80\x94 n\n",
                                "text\n\n\xE2\x80\x94 n n AAAAAAAA\n",
                                "text\n\n\xE2\x80\x94 a+b AAAAAAAA\n",
                                "text\n\n\xE2\x80\x94 n AAAA\n",
                                "text\n\n\xE2\x80\x94 n AAAAAA\n",
                                "text\n\n\xE2\x80\x94 n\xC2\xA0m AAAAAAAA\n",
                                std::string(kMaxNoteBytes, 'a') + good}) {
    EXPECT_EQ(Note::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  std::string many = "text\n\n";
  for (size_t i = 0; i <= kMaxNoteSignatures; ++i) many += signature;
  EXPECT_FALSE(Note::Parse(many).ok());
}

TEST(VerifierKey, WhatIsNoKeyIsRefusedByName) {
  const std::string good = Signer("n", SignatureType::kEd25519).verifier().ToText();
  ASSERT_TRUE(VerifierKey::Parse(good).ok());
  for (const std::string& bad : std::vector<std::string>{
           "", "n", "n+00000000", good.substr(1), "m" + good.substr(1), good + "A",
           good.substr(0, good.size() - 4), "n n" + good.substr(1)}) {
    auto key = VerifierKey::Parse(bad);
    EXPECT_EQ(key.status().code(), absl::StatusCode::kInvalidArgument) << bad;
    EXPECT_NE(key.status().message().find("vkey"), absl::string_view::npos) << key.status();
  }
}

TEST(Checkpoint, ReadsWhatItWrites) {
  const core::LogId id = *core::LogId::FromBytes("0123456789abcdef");
  const Checkpoint checkpoint{Origin("acme", "north", id, core::Generation(2)),
                              {20'852'163, LeafHash("x")}};
  EXPECT_EQ(checkpoint.origin, "acme/north/30313233343536373839616263646566/g2");
  EXPECT_EQ(*Checkpoint::Parse(checkpoint.ToText()), checkpoint);
  EXPECT_EQ(*Checkpoint::Parse(checkpoint.ToText() + "an extension\n"), checkpoint);
}

TEST(Checkpoint, WhatIsNoCheckpointIsRefused) {
  const std::string root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  ASSERT_TRUE(Checkpoint::Parse("o\n1\n" + root).ok());
  for (const std::string& bad : std::vector<std::string>{
           "o\n1\n", "o\n1\n" + root.substr(0, 44), "\n1\n" + root, "o\n01\n" + root,
           "o\n-1\n" + root, "o\n1 \n" + root, "o\n\n" + root, "o\n99999999999999999999\n" + root,
           "o\n9223372036854775808\n" + root, "o\n1\nCsUY\n", "o\n1\n" + root + "\n",
           ("o\n1\n==UYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")}) {
    EXPECT_FALSE(Checkpoint::Parse(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace chargeledger::log::tlog
