// Sends one generation from where the holder is: packages, signatures, and how much may be on its
// way. Without I/O; not thread-safe; part of AuthorStream.
//
//  1. At most the window's bytes, as they are on the wire, are sent and not yet held; one package
//  may pass it. The window grows while answers come quickly and shrinks when they do not, so that a
//  thin link is never filled for longer than some seconds.
//  2. held() only grows, and only to heads that this log has.
//  3. Checkpoints are signed only of heads that are durable here, and the last package to be sent
//  carries one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"
#include "log/tlog/note.h"

namespace chargeledger::log::replication {

// A signature a package costs more than the package: in a long row only every so many carry one.
constexpr uint64_t kPackagesPerCheckpoint = 16;

struct SenderOptions {
  // Bound of the window, and what it begins with.
  size_t max_in_flight_bytes = 4 << 20;
  size_t first_in_flight_bytes = 64 << 10;
  // Of a package's entries before compression.
  size_t max_package_bytes = 1 << 20;
  // Signs this generation's checkpoints under its origin; none: they are not signed.
  std::optional<tlog::NoteSigner> signer;
};

class Sender {
 public:
  // `log`, which outlives the sender, has `held`.
  Sender(const EventLog& log, const TreeHead& held, const SenderOptions& options);

  // The next package, if there is something to send and room on the way. DATA_LOSS if the log
  // cannot be read.
  absl::StatusOr<std::optional<v1::EntryPackage>> Next(uint64_t now_us);
  // The holder says to hold so much. ABORTED if it cannot; FAILED_PRECONDITION if it holds
  // something else.
  absl::Status OnHeld(const v1::TreeHead& held, uint64_t now_us);

  const EventLog& log() const { return log_; }
  const TreeHead& held() const { return held_; }
  size_t window() const { return window_; }

 private:
  struct InFlight {
    uint64_t end;
    size_t bytes;
    uint64_t sent_at_us;
  };

  const EventLog& log_;
  const SenderOptions options_;
  uint64_t next_;
  TreeHead held_;
  std::deque<InFlight> in_flight_;
  size_t in_flight_bytes_ = 0;
  size_t window_;
  uint64_t packages_ = 0;
};

// Entries [first, first + count), as far as they fit into a package of `max_bytes`.
absl::StatusOr<v1::EntryPackage> ReadPackage(const EventLog& log, uint64_t first, uint64_t count,
                                             size_t max_bytes);

// The head that `log` has at `theirs.size`. FAILED_PRECONDITION if that is another one, or it has
// not so much.
absl::StatusOr<TreeHead> OwnHead(const EventLog& log, const v1::TreeHead& theirs);

// A checkpoint of `head` under the signer's name.
std::string SignCheckpoint(const tlog::NoteSigner& signer, const TreeHead& head);

}  // namespace chargeledger::log::replication
