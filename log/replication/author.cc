#include "log/replication/author.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log::replication {
namespace {

absl::Status FromRefusal(const v1::Refusal& refusal) {
  const std::string message = absl::StrCat(
      "the holder refused: ", v1::Refusal::Reason_Name(refusal.reason()), ": ", refusal.detail());
  switch (refusal.reason()) {
    case v1::Refusal::REASON_DIVERGED:
      return absl::FailedPreconditionError(message);
    case v1::Refusal::REASON_GAP:
      return absl::AbortedError(message);
    case v1::Refusal::REASON_MALFORMED:
      return absl::InternalError(message);
    default:
      return absl::UnavailableError(message);
  }
}

}  // namespace

v1::ReplicateRequest AuthorStream::Hello() const {
  v1::ReplicateRequest request;
  v1::AuthorHello& hello = *request.mutable_hello();
  hello.set_operator_(author_.operator_name);
  hello.set_site(author_.site);
  hello.set_log_id(std::string(log_.log_id().bytes()));
  hello.set_generation(log_.generation().value());
  const TreeHead head = log_.head();
  hello.mutable_head()->set_size(head.size);
  hello.mutable_head()->set_root(std::string(head.root.bytes()));
  if (options_.signer.has_value()) {
    hello.set_public_key(options_.signer->verifier().public_key());
  }
  return request;
}

absl::Status AuthorStream::OnResponse(const v1::ReplicateResponse& response) {
  switch (response.message_case()) {
    case v1::ReplicateResponse::kPosition:
      return OnPosition(response.position());
    case v1::ReplicateResponse::kHeld:
      CL_RETURN_IF_ERROR(OnHeld(response.held()));
      return OnCosigned(response.checkpoint());
    case v1::ReplicateResponse::kRefusal:
      return FromRefusal(response.refusal());
    case v1::ReplicateResponse::MESSAGE_NOT_SET:
      break;
  }
  return absl::AbortedError("the holder sent a message that this version does not know");
}

absl::StatusOr<TreeHead> AuthorStream::OwnHead(const v1::TreeHead& theirs) const {
  const uint64_t size = log_.head().size;
  if (theirs.size() > size) {
    return absl::FailedPreconditionError(absl::StrCat("the holder has ", theirs.size(),
                                                      " entries of this log, which itself has ",
                                                      size, ": entries were lost here"));
  }
  CL_ASSIGN_OR_RETURN(Hash root, log_.RootAt(theirs.size()));
  if (root.bytes() != absl::string_view(theirs.root())) {
    return absl::FailedPreconditionError(
        absl::StrCat("at size ", theirs.size(), " the holder's root is ",
                     absl::BytesToHexString(theirs.root()), " and this log's is ", root.ToHex()));
  }
  return TreeHead{theirs.size(), root};
}

absl::Status AuthorStream::OnPosition(const v1::TreeHead& position) {
  if (positioned_) return absl::AbortedError("the holder told its position twice");
  CL_ASSIGN_OR_RETURN(held_, OwnHead(position));
  positioned_ = true;
  next_ = held_.size;
  return absl::OkStatus();
}

absl::Status AuthorStream::OnHeld(const v1::TreeHead& held) {
  if (!positioned_ || held.size() < held_.size || held.size() > next_) {
    return absl::AbortedError(absl::StrCat("the holder claims to hold ", held.size(),
                                           " entries; between ", held_.size, " and ", next_,
                                           " were expected"));
  }
  CL_ASSIGN_OR_RETURN(held_, OwnHead(held));
  while (!in_flight_.empty() && in_flight_.front().end <= held_.size) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  return absl::OkStatus();
}

absl::Status AuthorStream::OnCosigned(const std::string& checkpoint) {
  if (checkpoint.empty()) return absl::OkStatus();
  auto refuse = [](absl::string_view why) {
    return absl::FailedPreconditionError(
        absl::StrCat("the holder sent a cosigned checkpoint that cannot be taken: ", why));
  };
  auto note = tlog::Note::Parse(checkpoint);
  if (!note.ok()) return refuse(note.status().message());
  if (options_.holder_key.has_value()) {
    auto verified = tlog::VerifyNote(*note, absl::MakeConstSpan(&*options_.holder_key, 1));
    if (!verified.ok()) return refuse(verified.status().message());
  }
  auto parsed = tlog::Checkpoint::Parse(note->text);
  if (!parsed.ok()) return refuse(parsed.status().message());
  // It must be about this log, and about what this log holds.
  v1::TreeHead claimed;
  claimed.set_size(parsed->head.size);
  claimed.set_root(std::string(parsed->head.root.bytes()));
  CL_RETURN_IF_ERROR(OwnHead(claimed).status());
  if (options_.signer.has_value() && parsed->origin != options_.signer->verifier().name()) {
    return refuse(absl::StrCat("it is of ", parsed->origin));
  }
  cosigned_ = checkpoint;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::ReplicateRequest>> AuthorStream::NextPackage() {
  const uint64_t size = log_.head().size;
  if (!positioned_ || next_ >= size || in_flight_bytes_ >= options_.max_in_flight_bytes) {
    return std::optional<v1::ReplicateRequest>();
  }
  v1::ReplicateRequest request;
  v1::EntryPackage& package = *request.mutable_package();
  package.set_first_sequence(next_);
  size_t bytes = 0;
  CL_RETURN_IF_ERROR(log_.Read(core::Sequence(next_), std::min(kMaxPackageEntries, size - next_),
                               [&](core::Sequence, absl::string_view entry) {
                                 package.add_entries(entry.data(), entry.size());
                                 bytes += entry.size();
                                 return bytes < options_.max_package_bytes;
                               }));
  const uint64_t end = next_ + static_cast<uint64_t>(package.entries_size());
  CL_ASSIGN_OR_RETURN(Hash root, log_.RootAt(end));
  package.mutable_head()->set_size(end);
  package.mutable_head()->set_root(std::string(root.bytes()));
  ++packages_;
  if (options_.signer.has_value() && (end == size || packages_ % kPackagesPerCheckpoint == 0)) {
    const tlog::NoteSigner& signer = *options_.signer;
    tlog::Note note{tlog::Checkpoint{signer.verifier().name(), {end, root}}.ToText(), {}};
    note.signatures.push_back(signer.Sign(note.text));
    package.set_checkpoint(note.Serialize());
  }
  in_flight_.push_back({end, bytes});
  in_flight_bytes_ += bytes;
  next_ = end;
  return std::optional<v1::ReplicateRequest>(std::move(request));
}

}  // namespace chargeledger::log::replication
