#include "log/tlog/note.h"

#include <simdjson.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/check.h"
#include "core/sha256.h"
#include "log/store.h"
#include "log/tlog/text.h"

namespace chargeledger::log::tlog {
namespace {

constexpr absl::string_view kSignatureMark = "\xE2\x80\x94 ";
constexpr size_t kKeyIdSize = 4;
constexpr size_t kTimeSize = 8;

// White space of Unicode beyond ASCII, in UTF-8.
constexpr absl::string_view kWideSpaces[] = {
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
    "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
    "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
    "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};

bool IsKeyName(absl::string_view name) {
  if (name.empty() || !simdjson::validate_utf8(name.data(), name.size())) return false;
  if (std::any_of(name.begin(), name.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '+' || c == 0x7f;
      })) {
    return false;
  }
  return std::none_of(std::begin(kWideSpaces), std::end(kWideSpaces),
                      [&](absl::string_view space) { return absl::StrContains(name, space); });
}

std::string SignedText(SignatureType type, absl::string_view text, uint64_t time_s) {
  if (type == SignatureType::kEd25519) return std::string(text);
  return absl::StrCat("cosignature/v1\ntime ", time_s, "\n", text);
}

absl::Status Malformed(size_t line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("signed note, line ", line, ": ", what));
}

absl::StatusOr<NoteSignature> ParseSignature(absl::string_view line, size_t number) {
  if (!absl::ConsumePrefix(&line, kSignatureMark)) {
    return Malformed(number, "a signature begins with an em dash and a space");
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
  if (parts.size() != 2 || !IsKeyName(parts[0])) {
    return Malformed(number, "a signature is `— <key name> <base64>`");
  }
  auto bytes = DecodeBase64(parts[1]);
  if (!bytes.ok() || bytes->size() <= kKeyIdSize) {
    return Malformed(number, "the signature is not base64 of a key id and a signature");
  }
  return NoteSignature{std::string(parts[0]), bytes->substr(0, kKeyIdSize),
                       bytes->substr(kKeyIdSize)};
}

}  // namespace

std::string Note::Serialize() const {
  std::string bytes = absl::StrCat(text, "\n");
  for (const NoteSignature& s : signatures) {
    absl::StrAppend(&bytes, kSignatureMark, s.key_name, " ",
                    absl::Base64Escape(absl::StrCat(s.key_id, s.bytes)), "\n");
  }
  return bytes;
}

absl::StatusOr<Note> Note::Parse(absl::string_view bytes) {
  if (bytes.size() > kMaxNoteBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a signed note has ", bytes.size(), " bytes; at most ", kMaxNoteBytes));
  }
  if (!simdjson::validate_utf8(bytes.data(), bytes.size())) {
    return absl::InvalidArgumentError("a signed note is not UTF-8");
  }
  if (std::any_of(bytes.begin(), bytes.end(),
                  [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; })) {
    return absl::InvalidArgumentError("a signed note has a control character");
  }
  const size_t gap = bytes.rfind("\n\n");
  if (gap == absl::string_view::npos || gap == 0 || bytes.back() != '\n') {
    return absl::InvalidArgumentError(
        "a signed note is a text, a blank line and signatures, each line with a newline");
  }
  Note note;
  note.text = std::string(bytes.substr(0, gap + 1));
  const size_t text_lines =
      static_cast<size_t>(std::count(note.text.begin(), note.text.end(), '\n'));
  absl::string_view rest = bytes.substr(gap + 2);
  rest.remove_suffix(rest.empty() ? 0 : 1);
  size_t number = text_lines + 1;
  for (absl::string_view line : absl::StrSplit(rest, '\n')) {
    if (note.signatures.size() == kMaxNoteSignatures) {
      return Malformed(number, absl::StrCat("more than ", kMaxNoteSignatures, " signatures"));
    }
    CL_ASSIGN_OR_RETURN(NoteSignature signature, ParseSignature(line, ++number));
    note.signatures.push_back(std::move(signature));
  }
  return note;
}

VerifierKey::VerifierKey(std::string name, SignatureType type, std::string public_key)
    : name_(std::move(name)), type_(type), public_key_(std::move(public_key)) {
  const char type_byte = static_cast<char>(type_);
  const core::Hash hash =
      core::Sha256(absl::StrCat(name_, "\n"), absl::string_view(&type_byte, 1), public_key_);
  key_id_ = std::string(hash.bytes().substr(0, kKeyIdSize));
}

absl::StatusOr<VerifierKey> VerifierKey::Create(absl::string_view name, SignatureType type,
                                                absl::string_view public_key) {
  if (!IsKeyName(name)) {
    return absl::InvalidArgumentError(absl::StrCat("key name \"", absl::CHexEscape(name),
                                                   "\": not empty, without white space and '+'"));
  }
  if (public_key.size() != core::kEd25519PublicKeySize) {
    return absl::InvalidArgumentError(absl::StrCat("the public key of ", name, " has ",
                                                   public_key.size(), " bytes; 32 are right"));
  }
  return VerifierKey(std::string(name), type, std::string(public_key));
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(absl::string_view vkey) {
  auto malformed = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("verifier key \"", absl::CHexEscape(vkey), "\": ", why,
                     "; a vkey is <name>+<key id, 8 hex digits>+<base64 of type and public key>"));
  };
  // The base64 may hold '+', the name may not.
  const std::vector<absl::string_view> parts = absl::StrSplit(vkey, absl::MaxSplits('+', 2));
  if (parts.size() != 3) return malformed("it does not have three parts");
  auto material = DecodeBase64(parts[2]);
  if (!material.ok() || material->size() != 1 + core::kEd25519PublicKeySize) {
    return malformed("the last part is not base64 of 33 bytes");
  }
  const auto type = static_cast<SignatureType>((*material)[0]);
  if (type != SignatureType::kEd25519 && type != SignatureType::kCosignature) {
    return malformed(absl::StrCat("signature type ", static_cast<int>((*material)[0]) & 0xff,
                                  " is not known here; 1 (Ed25519) and 4 (cosignature/v1) are"));
  }
  auto key = Create(parts[0], type, absl::string_view(*material).substr(1));
  if (!key.ok()) return malformed(key.status().message());
  if (absl::BytesToHexString(key->key_id()) != parts[1]) {
    return malformed(absl::StrCat("its key id is ", absl::BytesToHexString(key->key_id())));
  }
  return key;
}

std::string VerifierKey::ToText() const {
  const std::string material = absl::StrCat(std::string(1, static_cast<char>(type_)), public_key_);
  return absl::StrCat(name_, "+", absl::BytesToHexString(key_id_), "+",
                      absl::Base64Escape(material));
}

bool VerifierKey::Verify(absl::string_view text, const NoteSignature& signature) const {
  absl::string_view bytes = signature.bytes;
  uint64_t time_s = 0;
  if (type_ == SignatureType::kCosignature) {
    const auto time = CosignatureTime(signature);
    if (!time.has_value() || *time > uint64_t{INT64_MAX}) return false;
    time_s = *time;
    bytes.remove_prefix(kTimeSize);
  }
  return core::VerifyEd25519(public_key_, SignedText(type_, text, time_s), bytes);
}

absl::StatusOr<NoteSigner> NoteSigner::Create(absl::string_view name, SignatureType type,
                                              const core::Ed25519PrivateKey& key) {
  CL_ASSIGN_OR_RETURN(VerifierKey verifier, VerifierKey::Create(name, type, key.public_key()));
  return NoteSigner(std::move(verifier), key);
}

NoteSignature NoteSigner::Sign(absl::string_view text, int64_t time_s) const {
  NoteSignature signature{verifier_.name(), verifier_.key_id(), {}};
  // A clock before 1970 is no reason not to sign.
  const uint64_t time = time_s > 0 ? static_cast<uint64_t>(time_s) : 0;
  if (verifier_.type() == SignatureType::kCosignature) AppendBigEndian64(signature.bytes, time);
  signature.bytes += key_.Sign(SignedText(verifier_.type(), text, time));
  return signature;
}

std::optional<uint64_t> CosignatureTime(const NoteSignature& signature) {
  if (signature.bytes.size() != kTimeSize + core::kEd25519SignatureSize) return std::nullopt;
  return ReadBigEndian64(absl::string_view(signature.bytes).substr(0, kTimeSize));
}

absl::StatusOr<std::vector<const VerifierKey*>> VerifyNote(const Note& note,
                                                           absl::Span<const VerifierKey> keys) {
  std::vector<const VerifierKey*> verified;
  for (const VerifierKey& key : keys) {
    for (const NoteSignature& signature : note.signatures) {
      if (!key.Made(signature)) continue;
      if (!key.Verify(note.text, signature)) {
        return absl::UnauthenticatedError(
            absl::StrCat("the signature of ", key.name(), " is not one of this text"));
      }
      verified.push_back(&key);
      break;
    }
  }
  if (verified.empty()) {
    return absl::UnauthenticatedError(absl::StrCat(
        "none of the ", keys.size(), " given keys signed; there are signatures of ",
        absl::StrJoin(note.signatures, ", ", [](std::string* out, const NoteSignature& s) {
          absl::StrAppend(out, s.key_name, "+", absl::BytesToHexString(s.key_id));
        })));
  }
  return verified;
}

}  // namespace chargeledger::log::tlog
