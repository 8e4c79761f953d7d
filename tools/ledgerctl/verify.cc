// verify proof|tiles|merkle: checks evidence with nothing but a key, and without any server.
#include "tools/ledgerctl/verify.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "log/entry_place.h"
#include "log/proof.h"
#include "log/tlog/proof_file.h"
#include "log/tlog/static_log.h"
#include "log/tlog/text.h"

namespace chargeledger::ledgerctl {
namespace {

using log::Hash;
using log::tlog::VerifierKey;
using nlohmann::json;

constexpr size_t kMaxCasesBytes = 256 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  std::string bytes(std::istreambuf_iterator<char>(in), {});
  if (bytes.size() <= limit) return bytes;
  return absl::InvalidArgumentError(
      absl::StrCat(path, " has ", bytes.size(), " bytes; at most ", limit, " are read"));
}

absl::StatusOr<std::vector<VerifierKey>> ParseKeys(const std::vector<std::string>& texts) {
  std::vector<VerifierKey> keys;
  for (const std::string& text : texts) {
    CL_ASSIGN_OR_RETURN(VerifierKey key, VerifierKey::Parse(text));
    keys.push_back(std::move(key));
  }
  return keys;
}

// Evidence that is wrong is no mistake in how the command was called.
absl::Status NotVerified(const std::string& path, const absl::Status& why) {
  return absl::DataLossError(absl::StrCat(path, " does not verify: ", why.message()));
}

// An entry says of itself where it stands; the generation is how an origin of ours ends.
absl::Status CheckPlace(absl::string_view origin, uint64_t sequence, absl::string_view entry) {
  const size_t at = origin.rfind("/g");
  uint32_t generation = 0;
  if (at == absl::string_view::npos || !absl::SimpleAtoi(origin.substr(at + 2), &generation)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the origin ", origin, " does not end with /g<generation>"));
  }
  return log::CheckEntryPlace(core::Generation(generation), sequence, entry);
}

std::string Signers(const log::tlog::SignedCheckpoint& checkpoint) {
  return absl::StrJoin(checkpoint.signed_by, ", ", [](std::string* out, const VerifierKey* key) {
    absl::StrAppend(out, key->name(),
                    key->type() == log::tlog::SignatureType::kCosignature ? " (cosignature)" : "");
  });
}

void Describe(const char* what, const log::tlog::SignedCheckpoint& signed_checkpoint,
              std::ostream& out) {
  const log::tlog::Checkpoint& checkpoint = signed_checkpoint.checkpoint;
  out << what << ": " << checkpoint.origin << ", size " << checkpoint.head.size << ", root "
      << checkpoint.head.root.ToHex() << ", signed by " << Signers(signed_checkpoint) << "\n";
}

// One case of `verify merkle`; a field that is missing or malformed is named.
class Case {
 public:
  explicit Case(const json& fields) : fields_(fields) {}

  absl::Status Verify() const {
    if (!fields_.is_object()) return absl::InvalidArgumentError("a case is a JSON object");
    if (fields_.contains("leaf_hashes")) return VerifyRoot();
    if (fields_.contains("leaf_hash")) return VerifyInclusion();
    if (fields_.contains("from_size")) return VerifyConsistency();
    return absl::InvalidArgumentError(
        "a case has leaf_hashes (a tree), leaf_hash (inclusion) or from_size (consistency)");
  }

 private:
  absl::StatusOr<const json*> Field(const char* name) const {
    auto found = fields_.find(name);
    if (found == fields_.end()) {
      return absl::InvalidArgumentError(absl::StrCat("the field ", name, " is missing"));
    }
    return &*found;
  }
  static absl::StatusOr<Hash> ToHash(const char* name, const json& value) {
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    if (text.size() == 2 * Hash::kSize) return Hash::FromBytes(absl::HexStringToBytes(text));
    auto hash = log::tlog::DecodeHash(text);
    if (hash.ok()) return hash;
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", value.dump(), "; a hash is 64 hex digits, or base64"));
  }
  absl::StatusOr<Hash> HashOf(const char* name) const {
    CL_ASSIGN_OR_RETURN(const json* value, Field(name));
    return ToHash(name, *value);
  }
  absl::StatusOr<std::vector<Hash>> HashesOf(const char* name) const {
    CL_ASSIGN_OR_RETURN(const json* value, Field(name));
    if (!value->is_array()) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is not an array of hashes"));
    }
    std::vector<Hash> hashes;
    for (const json& item : *value) {
      CL_ASSIGN_OR_RETURN(Hash hash, ToHash(name, item));
      hashes.push_back(hash);
    }
    return hashes;
  }
  absl::StatusOr<uint64_t> NumberOf(const char* name) const {
    CL_ASSIGN_OR_RETURN(const json* value, Field(name));
    if (value->is_number_unsigned()) return value->get<uint64_t>();
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", value->dump(), "; a whole number from 0 is right"));
  }

  absl::Status VerifyRoot() const {
    CL_ASSIGN_OR_RETURN(std::vector<Hash> leaves, HashesOf("leaf_hashes"));
    CL_ASSIGN_OR_RETURN(Hash root, HashOf("root"));
    log::Frontier frontier;
    for (const Hash& leaf : leaves) frontier.Append(leaf);
    if (frontier.Root() == root) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("the leaves give root ", frontier.Root().ToHex()));
  }
  absl::Status VerifyInclusion() const {
    CL_ASSIGN_OR_RETURN(Hash leaf, HashOf("leaf_hash"));
    CL_ASSIGN_OR_RETURN(uint64_t index, NumberOf("index"));
    CL_ASSIGN_OR_RETURN(uint64_t size, NumberOf("size"));
    CL_ASSIGN_OR_RETURN(std::vector<Hash> proof, HashesOf("proof"));
    CL_ASSIGN_OR_RETURN(Hash root, HashOf("root"));
    return log::VerifyInclusion(index, leaf, proof, {size, root});
  }
  absl::Status VerifyConsistency() const {
    log::TreeHead from, to;
    CL_ASSIGN_OR_RETURN(from.size, NumberOf("from_size"));
    CL_ASSIGN_OR_RETURN(from.root, HashOf("from_root"));
    CL_ASSIGN_OR_RETURN(to.size, NumberOf("to_size"));
    CL_ASSIGN_OR_RETURN(to.root, HashOf("to_root"));
    CL_ASSIGN_OR_RETURN(std::vector<Hash> proof, HashesOf("proof"));
    return log::VerifyConsistency(from, to, proof);
  }

  const json& fields_;
};

}  // namespace

absl::Status VerifyProof(const std::string& path, const std::vector<std::string>& key_texts,
                         std::ostream& out) {
  CL_ASSIGN_OR_RETURN(std::vector<VerifierKey> keys, ParseKeys(key_texts));
  CL_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, log::tlog::kMaxProofBytes));
  auto verified = log::tlog::VerifyProofFile(bytes, keys);
  if (!verified.ok()) return NotVerified(path, verified.status());
  const log::tlog::ProofFinding& finding = *verified;
  if (finding.entry.has_value()) {
    absl::Status place = CheckPlace(finding.to.checkpoint.origin, finding.index, *finding.entry);
    if (!place.ok()) return NotVerified(path, place);
  }
  if (finding.from.has_value()) {
    Describe("from", *finding.from, out);
    Describe("to", finding.to, out);
    out << "verified: the log only grew from " << finding.from->checkpoint.head.size << " to "
        << finding.to.checkpoint.head.size << " entries\n";
    return absl::OkStatus();
  }
  Describe("checkpoint", finding.to, out);
  out << "entry " << finding.index << ": " << finding.entry->size() << " bytes, leaf hash "
      << log::LeafHash(*finding.entry).ToHex() << "\n"
      << absl::Base64Escape(*finding.entry) << "\n"
      << "verified: this is entry " << finding.index << " of the log\n";
  return absl::OkStatus();
}

absl::Status VerifyTiles(const std::string& directory, const std::vector<std::string>& key_texts,
                         std::ostream& out) {
  CL_ASSIGN_OR_RETURN(std::vector<VerifierKey> keys, ParseKeys(key_texts));
  auto verified = log::tlog::VerifyStaticLog(directory, keys, CheckPlace);
  if (!verified.ok()) return NotVerified(directory, verified.status());
  const log::tlog::StaticLogFinding& finding = *verified;
  Describe("checkpoint", finding.checkpoint, out);
  out << "verified: " << finding.checkpoint.checkpoint.head.size << " entries in " << finding.files
      << " files hash to the signed root\n";
  return absl::OkStatus();
}

absl::Status VerifyMerkle(const std::string& path, std::ostream& out) {
  CL_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path, kMaxCasesBytes));
  const json parsed = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  const json* cases = &parsed;
  if (parsed.is_object() && parsed.contains("cases")) cases = &parsed["cases"];
  if (!cases->is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no JSON array of cases, and no object with one under `cases`"));
  }
  size_t unexpected = 0, number = 0;
  for (const json& fields : *cases) {
    const absl::Status status = Case(fields).Verify();
    const bool expected = !fields.is_object() || fields.value("verifies", json(true)) != false;
    const json name = fields.is_object() ? fields.value("name", json()) : json();
    out << "case " << number++ << (name.is_string() ? " " + name.get<std::string>() : "") << ": "
        << (status.ok() ? "verifies" : absl::StrCat("does not verify: ", status.message()))
        << (status.ok() == expected ? ""
            : expected              ? ""
                                    : " (expected: it does not)")
        << "\n";
    if (status.ok() != expected) ++unexpected;
  }
  out << number << " cases, " << unexpected << " not as they should be\n";
  if (unexpected == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(unexpected, " of ", number, " cases failed"));
}

}  // namespace chargeledger::ledgerctl
