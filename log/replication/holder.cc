#include "log/replication/holder.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/ids.h"
#include "log/entry_place.h"
#include "log/replication/author.h"

namespace chargeledger::log::replication {
namespace {

absl::Status CheckShape(const v1::EntryPackage& package) {
  const uint64_t count = static_cast<uint64_t>(package.entries_size());
  if (count == 0 || count > kMaxPackageEntries) {
    return absl::InvalidArgumentError(
        absl::StrCat("a package has ", count, " entries; 1 to ", kMaxPackageEntries, " are right"));
  }
  if (package.first_sequence() + count < count ||
      package.head().size() != package.first_sequence() + count) {
    return absl::InvalidArgumentError(
        absl::StrCat("a package of ", count, " entries from ", package.first_sequence(),
                     " on claims to end at size ", package.head().size()));
  }
  return absl::OkStatus();
}

absl::StatusOr<tlog::Note> CheckCheckpoint(const v1::EntryPackage& package,
                                           const tlog::VerifierKey* author_key) {
  if (author_key == nullptr) {
    return absl::InvalidArgumentError("a checkpoint came, but the hello told no public_key");
  }
  CL_ASSIGN_OR_RETURN(tlog::Note note, tlog::Note::Parse(package.checkpoint()));
  CL_RETURN_IF_ERROR(tlog::VerifyNote(note, absl::MakeConstSpan(author_key, 1)).status());
  CL_ASSIGN_OR_RETURN(tlog::Checkpoint checkpoint, tlog::Checkpoint::Parse(note.text));
  CL_ASSIGN_OR_RETURN(Hash root, Hash::FromBytes(package.head().root()));
  const tlog::Checkpoint expected{author_key->name(), {package.head().size(), root}};
  if (checkpoint != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the checkpoint is of ", checkpoint.origin, " at size ", checkpoint.head.size,
        ", not of its package's head (", expected.origin, " at ", expected.head.size, ")"));
  }
  // Only the author's own signature is taken over.
  std::erase_if(note.signatures,
                [&](const tlog::NoteSignature& s) { return !author_key->Made(s); });
  return note;
}

}  // namespace

v1::TreeHead ToProto(const TreeHead& head) {
  v1::TreeHead proto;
  proto.set_size(head.size);
  proto.set_root(std::string(head.root.bytes()));
  return proto;
}

v1::Refusal MakeRefusal(v1::Refusal::Reason reason, absl::string_view detail,
                        const TreeHead& position) {
  v1::Refusal refusal;
  refusal.set_reason(reason);
  refusal.set_detail(std::string(detail));
  *refusal.mutable_position() = ToProto(position);
  return refusal;
}

absl::Status CheckHello(const v1::AuthorHello& hello) {
  CL_RETURN_IF_ERROR(core::CheckName("operator", hello.operator_()));
  CL_RETURN_IF_ERROR(core::CheckName("site", hello.site()));
  CL_RETURN_IF_ERROR(core::LogId::FromBytes(hello.log_id()).status());
  if (hello.generation() == 0) {
    return absl::InvalidArgumentError("generation is 0; generations begin at 1");
  }
  if (!hello.public_key().empty() && hello.public_key().size() != core::kEd25519PublicKeySize) {
    return absl::InvalidArgumentError(absl::StrCat("public_key has ", hello.public_key().size(),
                                                   " bytes; an Ed25519 key has 32"));
  }
  return Hash::FromBytes(hello.head().root()).status();
}

absl::StatusOr<Verdict> Verify(const EventLog& log, const v1::EntryPackage& package,
                               const tlog::VerifierKey* author_key) {
  Verdict verdict;
  auto refuse = [&](v1::Refusal::Reason reason, absl::string_view detail) {
    verdict.refusal = MakeRefusal(reason, detail, log.head());
    verdict.entries.clear();
    verdict.leaves.clear();
    return verdict;
  };
  if (absl::Status shape = CheckShape(package); !shape.ok()) {
    return refuse(v1::Refusal::REASON_MALFORMED, shape.message());
  }
  Frontier frontier = log.staged();
  const uint64_t held_size = frontier.size();
  if (package.first_sequence() > held_size) {
    return refuse(v1::Refusal::REASON_GAP,
                  absl::StrCat("the package begins at ", package.first_sequence(), ", but only ",
                               held_size, " entries came before"));
  }
  uint64_t sequence = package.first_sequence();
  for (const std::string& entry : package.entries()) {
    const Hash leaf = LeafHash(entry);
    if (sequence < held_size) {
      CL_ASSIGN_OR_RETURN(Hash held, log.LeafHashAt(core::Sequence(sequence)));
      if (held != leaf) {
        return refuse(v1::Refusal::REASON_DIVERGED,
                      absl::StrCat("entry ", sequence, " hashes to ", leaf.ToHex(),
                                   "; the one held here hashes to ", held.ToHex()));
      }
    } else {
      if (absl::Status status = CheckEntryPlace(log.generation(), sequence, entry); !status.ok()) {
        return refuse(v1::Refusal::REASON_MALFORMED, status.message());
      }
      frontier.Append(leaf);
      verdict.entries.push_back(entry);
      verdict.leaves.push_back(leaf);
    }
    ++sequence;
  }
  if (package.head().size() == frontier.size() &&
      frontier.Root().bytes() != absl::string_view(package.head().root())) {
    return refuse(
        v1::Refusal::REASON_DIVERGED,
        absl::StrCat("at size ", frontier.size(), " the package claims another root than ",
                     frontier.Root().ToHex(), ", which its entries give"));
  }
  if (!package.checkpoint().empty()) {
    auto checkpoint = CheckCheckpoint(package, author_key);
    if (!checkpoint.ok()) {
      return refuse(v1::Refusal::REASON_MALFORMED, checkpoint.status().message());
    }
    // One of a part that is held already says nothing new.
    if (package.head().size() == frontier.size()) verdict.checkpoint = *std::move(checkpoint);
  }
  return verdict;
}

}  // namespace chargeledger::log::replication
