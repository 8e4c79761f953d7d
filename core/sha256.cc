// OpenSSL's one-shot functions look the algorithm up at every call, which costs more than hashing
// 300 bytes does.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/sha256.h"

#include <openssl/sha.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::core {

absl::StatusOr<Hash> Hash::FromBytes(absl::string_view bytes) {
  if (bytes.size() != kSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("hash has ", bytes.size(), " bytes; SHA-256 gives ", kSize));
  }
  Hash hash;
  std::memcpy(hash.bytes_.data(), bytes.data(), kSize);
  return hash;
}

std::string Hash::ToHex() const { return absl::BytesToHexString(bytes()); }

Hash Sha256(absl::string_view a, absl::string_view b, absl::string_view c) {
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, a.data(), a.size());
  if (!b.empty()) SHA256_Update(&context, b.data(), b.size());
  if (!c.empty()) SHA256_Update(&context, c.data(), c.size());
  Hash hash;
  SHA256_Final(hash.data(), &context);
  return hash;
}

}  // namespace chargeledger::core
