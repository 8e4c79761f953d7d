#include "log/replication/holder.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/ids.h"
#include "log/entry_place.h"
#include "log/replication/comparison.h"
#include "log/replication/finding.h"
#include "log/replication/sender.h"

namespace chargeledger::log::replication {
namespace {

absl::Status CheckShape(const v1::EntryPackage& package, uint64_t count) {
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
  uint32_t before = 0;
  for (const v1::GenerationHead& past : hello.past()) {
    if (past.generation() <= before || past.generation() >= hello.generation()) {
      return absl::InvalidArgumentError(absl::StrCat("generation ", past.generation(),
                                                     " is told behind ", before, " and before ",
                                                     hello.generation(), "; they come in order"));
    }
    before = past.generation();
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
    return std::move(verdict);
  };
  auto unpacked = UnpackEntries(package);
  if (!unpacked.ok()) return refuse(v1::Refusal::REASON_MALFORMED, unpacked.status().message());
  if (absl::Status shape = CheckShape(package, unpacked->entries.size()); !shape.ok()) {
    return refuse(v1::Refusal::REASON_MALFORMED, shape.message());
  }
  verdict.unpacked = *std::move(unpacked);
  Frontier frontier = log.staged();
  const uint64_t held_size = frontier.size();
  if (package.first_sequence() > held_size) {
    return refuse(v1::Refusal::REASON_GAP,
                  absl::StrCat("the package begins at ", package.first_sequence(), ", but only ",
                               held_size, " entries came before"));
  }
  uint64_t sequence = package.first_sequence();
  for (absl::string_view entry : verdict.unpacked.entries) {
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

HolderStream::HolderStream(HeldGenerations held, const v1::AuthorHello& hello)
    : held_(std::move(held)), newest_(hello.generation()) {
  for (const v1::GenerationHead& past : hello.past()) author_[past.generation()] = past;
  v1::GenerationHead& current = author_[newest_];
  current.set_generation(newest_);
  *current.mutable_head() = hello.head();
  current.set_checkpoint(hello.checkpoint());
}

const HeldGeneration* HolderStream::Find(uint32_t generation) const {
  auto held = held_.find(generation == 0 ? newest_ : generation);
  return held == held_.end() ? nullptr : &held->second;
}

absl::StatusOr<std::vector<v1::GenerationHead>> HolderStream::Heads() const {
  std::vector<v1::GenerationHead> heads;
  for (const auto& [generation, held] : held_) {
    const EventLog& log = *held.log;
    const TreeHead head = log.head();
    v1::GenerationHead& proto = heads.emplace_back();
    proto.set_generation(generation);
    *proto.mutable_head() = ToProto(head);
    proto.set_checkpoint(log.checkpoint());
    proto.set_damaged(held.damaged);
    auto author = author_.find(generation);
    if (author == author_.end()) continue;
    const uint64_t size = author->second.head().size();
    if (size < head.size) {
      CL_ASSIGN_OR_RETURN(Hash root, log.RootAt(size));
      *proto.mutable_at_author_size() = ToProto({size, root});
    }
    const std::optional<TreeHead> cosigned = HeadOf(author->second.checkpoint());
    if (cosigned.has_value() && cosigned->size <= head.size) {
      CL_ASSIGN_OR_RETURN(Hash root, log.RootAt(cosigned->size));
      *proto.mutable_at_checkpoint() = ToProto({cosigned->size, root});
    }
  }
  return heads;
}

absl::StatusOr<v1::ReplicateResponse> HolderStream::Position() const {
  v1::ReplicateResponse response;
  CL_ASSIGN_OR_RETURN(std::vector<v1::GenerationHead> heads, Heads());
  *response.mutable_position() = ToProto(held_.at(newest_).log->head());
  for (v1::GenerationHead& head : heads) *response.add_generations() = std::move(head);
  return response;
}

v1::ReplicateResponse HolderStream::Held(const EventLog& log, const std::string& checkpoint) const {
  v1::ReplicateResponse response;
  *response.mutable_held() = ToProto(log.head());
  response.set_generation(log.generation().value());
  response.set_checkpoint(checkpoint);
  return response;
}

Reply HolderStream::Refuse(v1::Refusal::Reason reason, absl::string_view detail) const {
  Reply reply{.kind = Reply::Kind::kRefuse};
  *reply.response.mutable_refusal() = MakeRefusal(reason, detail, held_.at(newest_).log->head());
  return reply;
}

absl::StatusOr<Reply> HolderStream::OnPackage(const v1::EntryPackage& package) {
  const HeldGeneration* held = Find(package.generation());
  if (held == nullptr) {
    return Refuse(v1::Refusal::REASON_MALFORMED,
                  absl::StrCat("a package is of generation ", package.generation(),
                               ", which the hello did not tell"));
  }
  if (package.repair()) return OnRepair(package, held->log);
  if (held->damaged) {
    return Refuse(v1::Refusal::REASON_DIVERGED,
                  absl::StrCat("what is held of generation ", held->log->generation().value(),
                               " contradicts its own signature; nothing is added to it"));
  }
  CL_ASSIGN_OR_RETURN(
      Verdict verdict,
      Verify(*held->log, package, held->author_key.has_value() ? &*held->author_key : nullptr));
  Reply reply{.kind = Reply::Kind::kStore};
  if (verdict.refusal.has_value()) {
    reply.kind = Reply::Kind::kRefuse;
    *reply.response.mutable_refusal() = *verdict.refusal;
  }
  reply.log = held->log;
  reply.verdict = std::move(verdict);
  return reply;
}

absl::StatusOr<Reply> HolderStream::OnRepair(const v1::EntryPackage& package, EventLog* log) {
  auto unpacked = UnpackEntries(package);
  if (!unpacked.ok()) {
    return Refuse(v1::Refusal::REASON_MALFORMED, unpacked.status().message());
  }
  const uint64_t first = package.first_sequence();
  if (repairing_ != log || first != repair_first_ + repair_.size()) {
    repairing_ = log;
    repair_first_ = first;
    repair_.clear();
  }
  if (unpacked->entries.size() > kTileWidth - repair_.size()) {
    return Refuse(v1::Refusal::REASON_MALFORMED, "more entries came than a bundle has");
  }
  for (absl::string_view entry : unpacked->entries) repair_.emplace_back(entry);
  const bool over = unpacked->entries.empty() || repair_.size() == kTileWidth;
  if (!over) return Reply{.kind = Reply::Kind::kNothing};
  Reply reply{.kind = Reply::Kind::kRepair};
  reply.log = log;
  reply.bundle = repair_first_ / kTileWidth;
  repairing_ = nullptr;
  if (repair_.size() == kTileWidth && repair_first_ % kTileWidth == 0) {
    reply.verdict.entries.assign(repair_.begin(), repair_.end());
  }
  return reply;
}

absl::StatusOr<Reply> HolderStream::OnEntriesRequest(const v1::EntriesRequest& request) const {
  const HeldGeneration* held = Find(request.generation());
  if (held == nullptr || request.count() > kMaxPackageEntries) {
    return Refuse(
        v1::Refusal::REASON_MALFORMED,
        absl::StrCat("entries ", request.first(), " and ", request.count(), " more of generation ",
                     request.generation(), " were asked for; at most ", kMaxPackageEntries,
                     " of a generation that the hello told are sent"));
  }
  Reply reply{.kind = Reply::Kind::kSend};
  v1::EntryPackage& package = *reply.response.mutable_entries();
  auto read = ReadPackage(*held->log, request.first(), request.count(), kMaxPackageBytes / 2);
  if (!read.ok() && read.status().code() != absl::StatusCode::kDataLoss) return read.status();
  if (read.ok()) package = *std::move(read);
  package.set_generation(held->log->generation().value());
  package.set_first_sequence(request.first());
  return reply;
}

absl::StatusOr<Reply> HolderStream::OnRequest(const v1::ReplicateRequest& request) {
  switch (request.message_case()) {
    case v1::ReplicateRequest::kPackage:
      return OnPackage(request.package());
    case v1::ReplicateRequest::kNodes: {
      const HeldGeneration* held = Find(request.nodes().generation());
      if (held == nullptr) {
        return Refuse(v1::Refusal::REASON_MALFORMED, "nodes of an unknown generation");
      }
      Reply reply{.kind = Reply::Kind::kSend};
      auto nodes = AnswerNodes(*held->log, request.nodes());
      if (nodes.status().code() == absl::StatusCode::kInvalidArgument) {
        return Refuse(v1::Refusal::REASON_MALFORMED, nodes.status().message());
      }
      if (!nodes.ok()) return nodes.status();
      *reply.response.mutable_nodes() = *std::move(nodes);
      return reply;
    }
    case v1::ReplicateRequest::kEntries:
      return OnEntriesRequest(request.entries());
    case v1::ReplicateRequest::kReport:
      return Reply{.kind = Reply::Kind::kReport};
    case v1::ReplicateRequest::kAlive:
      return Reply{.kind = Reply::Kind::kAlive};
    case v1::ReplicateRequest::kDigests:
      return Reply{.kind = Reply::Kind::kDigests};
    default:
      return Refuse(v1::Refusal::REASON_MALFORMED,
                    "after the hello come packages, questions and answers only");
  }
}

}  // namespace chargeledger::log::replication
