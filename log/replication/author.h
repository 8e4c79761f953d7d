// The author's side of one replication stream, as a state machine without I/O: the caller carries
// messages and calls NextPackage whenever the log has grown or an answer came. Not thread-safe; one
// object a stream.
//
//  1. Nothing is sent before the holder's root at its own size was found equal to this log's root
//  at that size.
//  2. At most `max_in_flight_bytes` of entries are sent and not yet held (one package may pass it).
//  3. held() only grows, and only to heads that this log has.
//  4. Checkpoints are signed only of heads that are durable here, and the last package to be sent
//  carries one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/event_log.h"
#include "log/recorder.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace chargeledger::log::replication {

// C2SP tlog-mirror: entries travel in packages of at most 256.
constexpr uint64_t kMaxPackageEntries = 256;

struct AuthorOptions {
  size_t max_in_flight_bytes = 4 << 20;
  size_t max_package_bytes = 1 << 20;
  // Signs this log's checkpoints under its origin; none: they are not signed.
  std::optional<tlog::NoteSigner> signer;
  // Whose cosignature `held` must carry; none: it is not asked for.
  std::optional<tlog::VerifierKey> holder_key;
};

// A signature a package costs more than the package: in a long row only every so many carry one.
constexpr uint64_t kPackagesPerCheckpoint = 16;

class AuthorStream {
 public:
  // `log` outlives the stream.
  AuthorStream(const EventLog& log, const Author& author, const AuthorOptions& options)
      : log_(log), author_(author), options_(options) {}

  // The first message.
  v1::ReplicateRequest Hello() const;

  // What the holder says. ABORTED: open a new stream. FAILED_PRECONDITION: the logs differ, a
  // person must look. UNAVAILABLE: try again later. DATA_LOSS: this log cannot be read.
  absl::Status OnResponse(const v1::ReplicateResponse& response);

  // The next package, if there is something to send and room in flight. DATA_LOSS if the log cannot
  // be read.
  absl::StatusOr<std::optional<v1::ReplicateRequest>> NextPackage();

  // What the holder has said to hold durably.
  const TreeHead& held() const { return held_; }
  // The newest checkpoint that the holder cosigned on this stream; empty before the first.
  const std::string& cosigned() const { return cosigned_; }

 private:
  struct InFlight {
    uint64_t end;
    size_t bytes;
  };

  absl::Status OnPosition(const v1::TreeHead& position);
  absl::Status OnHeld(const v1::TreeHead& held);
  absl::Status OnCosigned(const std::string& checkpoint);
  absl::StatusOr<TreeHead> OwnHead(const v1::TreeHead& theirs) const;

  const EventLog& log_;
  const Author author_;
  const AuthorOptions options_;
  bool positioned_ = false;
  uint64_t next_ = 0;
  TreeHead held_;
  std::deque<InFlight> in_flight_;
  size_t in_flight_bytes_ = 0;
  uint64_t packages_ = 0;
  std::string cosigned_;
};

}  // namespace chargeledger::log::replication
