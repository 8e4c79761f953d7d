#include "log/tlog/proof_file.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/check.h"
#include "log/proof.h"
#include "log/tlog/text.h"

namespace chargeledger::log::tlog {
namespace {

constexpr absl::string_view kInclusionHeader = "c2sp.org/tlog-proof@v1\n";
constexpr absl::string_view kConsistencyHeader = "chargeledger/consistency-proof@v1\n";
// A tree of 2^63 leaves has proofs of at most 64 hashes.
constexpr size_t kMaxHashes = 64;

void AppendHashes(const std::vector<Hash>& hashes, std::string& out) {
  for (const Hash& hash : hashes) absl::StrAppend(&out, EncodeHash(hash), "\n");
}

// Reads lines up to the blank one, which is taken too.
absl::StatusOr<std::vector<Hash>> TakeHashes(absl::string_view& rest) {
  std::vector<Hash> hashes;
  while (!absl::ConsumePrefix(&rest, "\n")) {
    const size_t end = rest.find('\n');
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError("a proof's hashes end with a blank line");
    }
    if (hashes.size() == kMaxHashes) {
      return absl::InvalidArgumentError("a proof has more than 64 hashes");
    }
    auto hash = DecodeHash(rest.substr(0, end));
    if (!hash.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("a proof's hash ", hashes.size(), ": ", hash.status().message()));
    }
    hashes.push_back(*hash);
    rest.remove_prefix(end + 1);
  }
  return hashes;
}

absl::Status CheckSize(absl::string_view bytes) {
  if (bytes.size() <= kMaxProofBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a proof has ", bytes.size(), " bytes; at most ", kMaxProofBytes, " are read"));
}

absl::StatusOr<ProofFinding> VerifyInclusionFile(absl::string_view bytes,
                                                 absl::Span<const VerifierKey> keys) {
  CL_ASSIGN_OR_RETURN(InclusionProofFile file, InclusionProofFile::Parse(bytes));
  ProofFinding finding;
  CL_ASSIGN_OR_RETURN(finding.to, OpenCheckpoint(file.checkpoint, keys));
  if (!file.extra.has_value()) {
    return absl::InvalidArgumentError(
        "the proof does not carry the entry that it is about (its line `extra`)");
  }
  CL_RETURN_IF_ERROR(
      VerifyInclusion(file.index, LeafHash(*file.extra), file.hashes, finding.to.checkpoint.head));
  finding.index = file.index;
  finding.entry = std::move(file.extra);
  return finding;
}

absl::StatusOr<ProofFinding> VerifyConsistencyFile(absl::string_view bytes,
                                                   absl::Span<const VerifierKey> keys) {
  CL_ASSIGN_OR_RETURN(ConsistencyProofFile file, ConsistencyProofFile::Parse(bytes));
  ProofFinding finding;
  CL_ASSIGN_OR_RETURN(finding.from, OpenCheckpoint(file.from, keys));
  CL_ASSIGN_OR_RETURN(finding.to, OpenCheckpoint(file.to, keys));
  const Checkpoint &from = finding.from->checkpoint, &to = finding.to.checkpoint;
  if (from.origin != to.origin) {
    return absl::InvalidArgumentError(
        absl::StrCat("the checkpoints are of different logs: ", from.origin, " and ", to.origin));
  }
  CL_RETURN_IF_ERROR(VerifyConsistency(from.head, to.head, file.hashes));
  return finding;
}

}  // namespace

std::string InclusionProofFile::Serialize() const {
  std::string out(kInclusionHeader);
  if (extra.has_value()) absl::StrAppend(&out, "extra ", absl::Base64Escape(*extra), "\n");
  absl::StrAppend(&out, "index ", index, "\n");
  AppendHashes(hashes, out);
  absl::StrAppend(&out, "\n", checkpoint);
  return out;
}

absl::StatusOr<InclusionProofFile> InclusionProofFile::Parse(absl::string_view bytes) {
  CL_RETURN_IF_ERROR(CheckSize(bytes));
  if (!absl::ConsumePrefix(&bytes, kInclusionHeader)) {
    return absl::InvalidArgumentError("an inclusion proof begins with c2sp.org/tlog-proof@v1");
  }
  InclusionProofFile file;
  if (absl::ConsumePrefix(&bytes, "extra ")) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    CL_ASSIGN_OR_RETURN(file.extra, DecodeBase64(bytes.substr(0, end)));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  if (!absl::ConsumePrefix(&bytes, "index ")) {
    return absl::InvalidArgumentError("an inclusion proof has no line `index`");
  }
  const size_t end = std::min(bytes.find('\n'), bytes.size());
  CL_ASSIGN_OR_RETURN(file.index, DecodeNumber(bytes.substr(0, end)));
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  CL_ASSIGN_OR_RETURN(file.hashes, TakeHashes(bytes));
  file.checkpoint = std::string(bytes);
  return file;
}

std::string ConsistencyProofFile::Serialize() const {
  std::string out(kConsistencyHeader);
  AppendHashes(hashes, out);
  absl::StrAppend(&out, "\n", from, "\n", to);
  return out;
}

absl::StatusOr<ConsistencyProofFile> ConsistencyProofFile::Parse(absl::string_view bytes) {
  CL_RETURN_IF_ERROR(CheckSize(bytes));
  if (!absl::ConsumePrefix(&bytes, kConsistencyHeader)) {
    return absl::InvalidArgumentError(
        "a consistency proof begins with chargeledger/consistency-proof@v1");
  }
  ConsistencyProofFile file;
  CL_ASSIGN_OR_RETURN(file.hashes, TakeHashes(bytes));
  // A checkpoint has one blank line, between text and signatures; the next one ends it.
  const size_t text = bytes.find("\n\n");
  const size_t end =
      text == absl::string_view::npos ? absl::string_view::npos : bytes.find("\n\n", text + 2);
  if (end == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        "a consistency proof holds two checkpoints, with a blank line between them");
  }
  file.from = std::string(bytes.substr(0, end + 1));
  file.to = std::string(bytes.substr(end + 2));
  return file;
}

absl::StatusOr<ProofFinding> VerifyProofFile(absl::string_view bytes,
                                             absl::Span<const VerifierKey> keys) {
  if (absl::StartsWith(bytes, kConsistencyHeader)) return VerifyConsistencyFile(bytes, keys);
  if (absl::StartsWith(bytes, kInclusionHeader)) return VerifyInclusionFile(bytes, keys);
  return absl::InvalidArgumentError(
      "neither an inclusion proof (first line c2sp.org/tlog-proof@v1) nor a consistency proof "
      "(chargeledger/consistency-proof@v1)");
}

}  // namespace chargeledger::log::tlog
