#include "log/replication/holder.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/check.h"
#include "core/ids.h"
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

absl::Status CheckEntry(const EventLog& log, uint64_t sequence, absl::string_view bytes) {
  v1::Entry entry;
  if (bytes.size() > kMaxEntryBytes ||
      !entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError(
        absl::StrCat("entry ", sequence, " (", bytes.size(), " bytes) is no Entry"));
  }
  if (entry.generation() != log.generation().value() || entry.sequence() != sequence) {
    return absl::InvalidArgumentError(
        absl::StrCat("the entry at generation ", log.generation().value(), ", sequence ", sequence,
                     " says of itself that it is generation ", entry.generation(), ", sequence ",
                     entry.sequence()));
  }
  return absl::OkStatus();
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
  return Hash::FromBytes(hello.head().root()).status();
}

absl::StatusOr<Verdict> Verify(const EventLog& log, const v1::EntryPackage& package) {
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
      if (absl::Status status = CheckEntry(log, sequence, entry); !status.ok()) {
        return refuse(v1::Refusal::REASON_MALFORMED, status.message());
      }
      frontier.Append(leaf);
      verdict.entries.push_back(entry);
      verdict.leaves.push_back(leaf);
    }
    ++sequence;
  }
  if (!verdict.entries.empty() &&
      frontier.Root().bytes() != absl::string_view(package.head().root())) {
    return refuse(
        v1::Refusal::REASON_DIVERGED,
        absl::StrCat("at size ", frontier.size(), " the package claims another root than ",
                     frontier.Root().ToHex(), ", which its entries give"));
  }
  return verdict;
}

}  // namespace chargeledger::log::replication
