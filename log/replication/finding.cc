#include "log/replication/finding.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/check.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace chargeledger::log::replication {

v1::TreeHead ToProto(const TreeHead& head) {
  v1::TreeHead proto;
  proto.set_size(head.size);
  proto.set_root(std::string(head.root.bytes()));
  return proto;
}

std::optional<TreeHead> HeadOf(absl::string_view checkpoint) {
  if (checkpoint.empty()) return std::nullopt;
  auto note = tlog::Note::Parse(checkpoint);
  if (!note.ok()) return std::nullopt;
  auto parsed = tlog::Checkpoint::Parse(note->text);
  return parsed.ok() ? std::optional<TreeHead>(parsed->head) : std::nullopt;
}

absl::StatusOr<Finding> Classify(const EventLog& own, const v1::GenerationHead& theirs) {
  const TreeHead head = own.head();
  const std::optional<TreeHead> cosigned = HeadOf(own.checkpoint());
  Finding finding;
  finding.cosigned = cosigned.has_value() ? cosigned->size : 0;
  auto found = [&](v1::DivergenceKind kind, v1::DivergenceSide side) {
    finding.kind = kind;
    finding.side = side;
    return finding;
  };
  if (theirs.damaged()) {
    return found(v1::DIVERGENCE_KIND_TAMPERED, v1::DIVERGENCE_SIDE_HOLDER);
  }
  // Who contradicts what it has itself signed is at fault, whatever the heads say.
  if (cosigned.has_value() && theirs.at_checkpoint().size() == cosigned->size &&
      theirs.has_at_checkpoint() &&
      cosigned->root.bytes() != absl::string_view(theirs.at_checkpoint().root())) {
    return found(v1::DIVERGENCE_KIND_TAMPERED, v1::DIVERGENCE_SIDE_HOLDER);
  }
  if (cosigned.has_value() && cosigned->size <= head.size) {
    CL_ASSIGN_OR_RETURN(Hash root, own.RootAt(cosigned->size));
    if (root != cosigned->root) {
      return found(v1::DIVERGENCE_KIND_TAMPERED, v1::DIVERGENCE_SIDE_AUTHOR);
    }
  }
  const uint64_t size = theirs.head().size();
  if (size > head.size) {
    // It may have grown since it told its size: what it had then is looked for.
    bool extends = false;
    if (theirs.at_author_size().size() <= head.size) {
      CL_ASSIGN_OR_RETURN(Hash told, own.RootAt(theirs.at_author_size().size()));
      extends = told.bytes() == absl::string_view(theirs.at_author_size().root());
    }
    return found(extends ? v1::DIVERGENCE_KIND_STALE_AUTHOR : v1::DIVERGENCE_KIND_FORK,
                 v1::DIVERGENCE_SIDE_AUTHOR);
  }
  CL_ASSIGN_OR_RETURN(Hash root, own.RootAt(size));
  if (root.bytes() != absl::string_view(theirs.head().root())) {
    return found(v1::DIVERGENCE_KIND_FORK, v1::DIVERGENCE_SIDE_AUTHOR);
  }
  if (size == head.size) return finding;
  return size < finding.cosigned
             ? found(v1::DIVERGENCE_KIND_HOLDER_LOST, v1::DIVERGENCE_SIDE_HOLDER)
             : found(v1::DIVERGENCE_KIND_LAG, v1::DIVERGENCE_SIDE_HOLDER);
}

std::string ToWord(v1::DivergenceKind kind) {
  constexpr absl::string_view kPrefix = "DIVERGENCE_KIND_";
  const std::string name = v1::DivergenceKind_Name(kind);
  if (kind == v1::DIVERGENCE_KIND_UNSPECIFIED || name.size() <= kPrefix.size()) return "none";
  return absl::StrReplaceAll(absl::AsciiStrToLower(name.substr(kPrefix.size())), {{"_", "-"}});
}

std::string PlanFor(v1::DivergenceKind kind, v1::DivergenceSide side) {
  switch (kind) {
    case v1::DIVERGENCE_KIND_UNSPECIFIED:
      return "nothing: both sides hold the same";
    case v1::DIVERGENCE_KIND_LAG:
      return "the author sends the rest";
    case v1::DIVERGENCE_KIND_STALE_AUTHOR:
      return "the author fetches what it has lost and goes on in a new generation";
    case v1::DIVERGENCE_KIND_HOLDER_LOST:
      return "the author sends again what the holder had cosigned and lost";
    case v1::DIVERGENCE_KIND_DAMAGED:
      return "the damaged entries are taken from the other side, checked against the tree";
    case v1::DIVERGENCE_KIND_FORK:
      return "the author begins a new generation, carries its own entries into it, and takes the "
             "holder's branch in this one";
    case v1::DIVERGENCE_KIND_TAMPERED:
      return side == v1::DIVERGENCE_SIDE_HOLDER
                 ? "nothing by itself: the holder contradicts its own signature. `ledgerctl "
                   "divergence restore` takes the author's copy and keeps the holder's aside"
                 : "as with a fork: the holder's branch is the cosigned one, the author's entries "
                   "are carried into a new generation";
    case v1::DIVERGENCE_KIND_KNOWN_FACT:
      return "what the site bills from there on is held; a person finds out why, and accepts the "
             "facts (`ledgerctl billing accept-facts`) or leaves it held";
    default:
      return "see docs/replication.md";
  }
}

std::string FindingId(core::Generation generation, const Finding& finding, uint64_t first) {
  return absl::StrCat("g", generation.value(), "-", ToWord(finding.kind), "-",
                      finding.side == v1::DIVERGENCE_SIDE_HOLDER ? "holder" : "author", "-", first);
}

}  // namespace chargeledger::log::replication
