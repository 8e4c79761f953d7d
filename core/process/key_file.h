// A process's Ed25519 signing key, in a file that only its user can read.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/ed25519.h"

namespace chargeledger::core {

// Reads `path` (PKCS#8 PEM). FAILED_PRECONDITION if others may read it; INVALID_ARGUMENT if it is
// not there, or no Ed25519 key.
absl::StatusOr<Ed25519PrivateKey> ReadKeyFile(const std::string& path);

// As ReadKeyFile; if there is none, makes the key of `seed` (32 random bytes) and writes it with
// mode 0600, synced: a key that has signed must not be lost. FAILED_PRECONDITION if none is there
// but `log_directory` is not empty: that log has a key, and no other one is taken for it.
absl::StatusOr<Ed25519PrivateKey> ReadOrCreateKeyFile(const std::string& path,
                                                      absl::string_view seed,
                                                      const std::string& log_directory);

}  // namespace chargeledger::core
