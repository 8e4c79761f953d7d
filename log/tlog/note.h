// Signed notes (C2SP signed-note) with Ed25519: the text, a blank line, and one line a signature,
//
//   — <key name> base64(key id (4) ‖ signature)
//
// and the keys that make and check them. A verifier key's text form (vkey) is
// `<name>+<key id in hex>+base64(type (1) ‖ public key (32))`. Signature types are kEd25519, over
// the text itself, and kCosignature (C2SP tlog-cosignature/v1), over "cosignature/v1\ntime
// <seconds>\n" ‖ text, whose signature is seconds (8, big-endian) ‖ Ed25519 (64).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ed25519.h"

namespace chargeledger::log::tlog {

enum class SignatureType : uint8_t { kEd25519 = 0x01, kCosignature = 0x04 };

struct NoteSignature {
  std::string key_name;
  // 4 bytes.
  std::string key_id;
  // Without the key id.
  std::string bytes;

  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

struct Note {
  // Ends with a newline.
  std::string text;
  std::vector<NoteSignature> signatures;

  std::string Serialize() const;
  // INVALID_ARGUMENT says what is wrong, and in which line of the note.
  static absl::StatusOr<Note> Parse(absl::string_view bytes);
};

// Largest note that is read, and most signatures in one.
constexpr size_t kMaxNoteBytes = 64 << 10;
constexpr size_t kMaxNoteSignatures = 64;

class VerifierKey {
 public:
  // `name` is not empty and has neither white space nor '+'; `public_key` has 32 bytes.
  static absl::StatusOr<VerifierKey> Create(absl::string_view name, SignatureType type,
                                            absl::string_view public_key);
  // Reads a vkey.
  static absl::StatusOr<VerifierKey> Parse(absl::string_view vkey);

  const std::string& name() const { return name_; }
  SignatureType type() const { return type_; }
  const std::string& key_id() const { return key_id_; }
  const std::string& public_key() const { return public_key_; }
  std::string ToText() const;

  bool Made(const NoteSignature& signature) const {
    return signature.key_name == name_ && signature.key_id == key_id_;
  }
  // Whether `signature`, which this key Made, is right for `text`.
  bool Verify(absl::string_view text, const NoteSignature& signature) const;

 private:
  VerifierKey(std::string name, SignatureType type, std::string public_key);

  std::string name_;
  SignatureType type_;
  std::string public_key_;
  std::string key_id_;
};

// Signs notes under one name.
class NoteSigner {
 public:
  static absl::StatusOr<NoteSigner> Create(absl::string_view name, SignatureType type,
                                           const core::Ed25519PrivateKey& key);

  const VerifierKey& verifier() const { return verifier_; }
  // `time_s`: seconds since 1970; only a cosignature has it.
  NoteSignature Sign(absl::string_view text, int64_t time_s = 0) const;

 private:
  NoteSigner(VerifierKey verifier, core::Ed25519PrivateKey key)
      : verifier_(std::move(verifier)), key_(std::move(key)) {}

  VerifierKey verifier_;
  core::Ed25519PrivateKey key_;
};

// Seconds since 1970 that a cosignature names.
std::optional<uint64_t> CosignatureTime(const NoteSignature& signature);

// The keys of `keys` whose signature stands under `note`. As signed-note says: signatures of other
// keys are ignored; UNAUTHENTICATED if one of `keys` is wrong under this text, or none signed.
absl::StatusOr<std::vector<const VerifierKey*>> VerifyNote(const Note& note,
                                                           absl::Span<const VerifierKey> keys);

}  // namespace chargeledger::log::tlog
