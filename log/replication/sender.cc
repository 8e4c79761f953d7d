#include "log/replication/sender.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/replication/package.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::log::replication {
namespace {

constexpr uint64_t kQuickUs = 1'000'000;
constexpr uint64_t kSlowUs = 4'000'000;
constexpr size_t kSmallestWindow = 8 << 10;

}  // namespace

absl::StatusOr<v1::EntryPackage> ReadPackage(const EventLog& log, uint64_t first, uint64_t count,
                                             size_t max_bytes) {
  std::vector<std::string> entries;
  size_t bytes = 0;
  CL_RETURN_IF_ERROR(log.Read(core::Sequence(first), std::min(count, kMaxPackageEntries),
                              [&](core::Sequence, absl::string_view entry) {
                                entries.emplace_back(entry);
                                bytes += entry.size();
                                return bytes < max_bytes;
                              }));
  v1::EntryPackage package;
  package.set_generation(log.generation().value());
  package.set_first_sequence(first);
  PackEntries(entries, package);
  package.mutable_head()->set_size(first + entries.size());
  return package;
}

absl::StatusOr<TreeHead> OwnHead(const EventLog& log, const v1::TreeHead& theirs) {
  const uint64_t size = log.head().size;
  if (theirs.size() > size) {
    return absl::FailedPreconditionError(absl::StrCat("the holder has ", theirs.size(),
                                                      " entries of this log, which itself has ",
                                                      size, ": entries were lost here"));
  }
  CL_ASSIGN_OR_RETURN(Hash root, log.RootAt(theirs.size()));
  if (root.bytes() != absl::string_view(theirs.root())) {
    return absl::FailedPreconditionError(
        absl::StrCat("at size ", theirs.size(), " the holder's root is ",
                     absl::BytesToHexString(theirs.root()), " and this log's is ", root.ToHex()));
  }
  return TreeHead{theirs.size(), root};
}

std::string SignCheckpoint(const tlog::NoteSigner& signer, const TreeHead& head) {
  tlog::Note note{tlog::Checkpoint{signer.verifier().name(), head}.ToText(), {}};
  note.signatures.push_back(signer.Sign(note.text));
  return note.Serialize();
}

Sender::Sender(const EventLog& log, const TreeHead& held, const SenderOptions& options)
    : log_(log),
      options_(options),
      next_(held.size),
      held_(held),
      window_(std::min(options.first_in_flight_bytes, options.max_in_flight_bytes)) {}

absl::StatusOr<std::optional<v1::EntryPackage>> Sender::Next(uint64_t now_us) {
  const uint64_t size = log_.head().size;
  if (next_ >= size || in_flight_bytes_ >= window_) return std::optional<v1::EntryPackage>();
  CL_ASSIGN_OR_RETURN(v1::EntryPackage package,
                      ReadPackage(log_, next_, size - next_, options_.max_package_bytes));
  const uint64_t end = package.head().size();
  CL_ASSIGN_OR_RETURN(Hash root, log_.RootAt(end));
  package.mutable_head()->set_root(std::string(root.bytes()));
  ++packages_;
  if (options_.signer.has_value() && (end == size || packages_ % kPackagesPerCheckpoint == 0)) {
    package.set_checkpoint(SignCheckpoint(*options_.signer, {end, root}));
  }
  const size_t bytes = package.ByteSizeLong();
  in_flight_.push_back({end, bytes, now_us});
  in_flight_bytes_ += bytes;
  next_ = end;
  return std::optional<v1::EntryPackage>(std::move(package));
}

absl::Status Sender::OnHeld(const v1::TreeHead& held, uint64_t now_us) {
  if (held.size() < held_.size || held.size() > next_) {
    return absl::AbortedError(absl::StrCat("the holder claims to hold ", held.size(),
                                           " entries; between ", held_.size, " and ", next_,
                                           " were expected"));
  }
  CL_ASSIGN_OR_RETURN(held_, OwnHead(log_, held));
  while (!in_flight_.empty() && in_flight_.front().end <= held_.size) {
    const InFlight& arrived = in_flight_.front();
    const uint64_t took_us = now_us - std::min(now_us, arrived.sent_at_us);
    if (took_us < kQuickUs)
      window_ = std::min(options_.max_in_flight_bytes, window_ + arrived.bytes);
    if (took_us > kSlowUs) window_ = std::max(kSmallestWindow, window_ - window_ / 4);
    in_flight_bytes_ -= arrived.bytes;
    in_flight_.pop_front();
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::log::replication
