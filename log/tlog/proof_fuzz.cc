// Proof files from strangers, and proofs of any size and length.
#include <cstdint>
#include <vector>

#include "core/check.h"
#include "log/proof.h"
#include "log/store.h"
#include "log/tlog/proof_file.h"

namespace log_ = chargeledger::log;
namespace tlog = chargeledger::log::tlog;

namespace {

// Numbers and hashes out of the bytes: whatever they are, the verdict comes.
void VerifyNumbers(absl::string_view bytes) {
  if (bytes.size() < 16 + log_::Hash::kSize) return;
  const uint64_t first = log_::ReadBigEndian64(bytes.substr(0, 8));
  const uint64_t second = log_::ReadBigEndian64(bytes.substr(8, 8));
  std::vector<log_::Hash> hashes;
  for (size_t at = 16; at + log_::Hash::kSize <= bytes.size(); at += log_::Hash::kSize) {
    hashes.push_back(*log_::Hash::FromBytes(bytes.substr(at, log_::Hash::kSize)));
  }
  const log_::Hash root = hashes.back();
  hashes.pop_back();
  (void)log_::VerifyInclusion(first, root, hashes, {second, root});
  (void)log_::VerifyConsistency({first, root}, {second, root}, hashes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const std::vector<tlog::VerifierKey> keys = {*tlog::VerifierKey::Parse(
      "chargeledger+ef1c6f04+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X")};
  (void)tlog::VerifyProofFile(bytes, keys);
  if (auto proof = tlog::InclusionProofFile::Parse(bytes); proof.ok()) {
    CL_CHECK(proof->Serialize() == bytes, "an inclusion proof has one form");
  }
  if (auto proof = tlog::ConsistencyProofFile::Parse(bytes); proof.ok()) {
    CL_CHECK(proof->Serialize() == bytes, "a consistency proof has one form");
  }
  VerifyNumbers(bytes);
  return 0;
}
