// Ed25519 (RFC 8032): private keys, signatures and their verification.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace chargeledger::core {

constexpr size_t kEd25519PublicKeySize = 32;
constexpr size_t kEd25519SeedSize = 32;
constexpr size_t kEd25519SignatureSize = 64;

// Immutable; thread-safe.
class Ed25519PrivateKey {
 public:
  // `seed` is exactly 32 bytes; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<Ed25519PrivateKey> FromSeed(absl::string_view seed);
  // PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it. INVALID_ARGUMENT otherwise.
  static absl::StatusOr<Ed25519PrivateKey> FromPem(absl::string_view pem);

  std::string ToPem() const;
  // 32 bytes.
  const std::string& public_key() const { return public_key_; }
  // 64 bytes.
  std::string Sign(absl::string_view message) const;

 private:
  Ed25519PrivateKey(std::shared_ptr<EVP_PKEY> key, std::string public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  static absl::StatusOr<Ed25519PrivateKey> FromKey(std::shared_ptr<EVP_PKEY> key);

  std::shared_ptr<EVP_PKEY> key_;
  std::string public_key_;
};

// False also if the key or the signature has another length than it should.
bool VerifyEd25519(absl::string_view public_key, absl::string_view message,
                   absl::string_view signature);

}  // namespace chargeledger::core
