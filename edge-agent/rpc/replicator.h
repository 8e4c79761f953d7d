// Carries the site's log to the ledger: the gRPC adapter around log::replication::AuthorStream.
//
// Two threads of its own. It connects, sends what the ledger does not have, does the work that the
// machine asks for, and starts over after every failure with a growing, jittered pause; it never
// gives up, and never holds back recording. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "core/clock.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/replication/author.h"

namespace grpc {
class ChannelInterface;
}

namespace chargeledger::edge_agent {

struct ReplicatorOptions {
  // HOST:PORT of the ledger.
  std::string ledger;
  log::replication::AuthorOptions stream;
  int64_t first_pause_ms = 200;
  int64_t longest_pause_ms = 5'000;
  // This life of the log is to end and the next generation to begin. On a thread of the replicator,
  // which does nothing any more afterwards.
  std::function<void(log::RecorderOptions::Begin)> begin;
  // The stored log cannot be written: the process is to end.
  std::function<void(const absl::Status&)> failed;
};

// What has become of the streams so far, for metrics.
struct ReplicatorState {
  bool live = false;
  uint64_t held = 0;
  uint64_t bytes_sent = 0;
  uint64_t streams = 0;
};

class Replicator {
 public:
  // `archive`, `recorder` and `clock` outlive the replicator.
  Replicator(log::Archive& archive, log::Recorder& recorder, core::Clock& clock,
             const log::Author& author, const ReplicatorOptions& options);
  ~Replicator();

  // The log has grown.
  void Notify();
  // A bundle cannot be read here: it is taken from the ledger when that is there.
  void RequestRepair(core::Generation generation, uint64_t bundle, const std::string& reason);
  // Tells the ledger what this side's projections have made of the log.
  void SendDigests(v1::ProjectionDigests digests);

  ReplicatorState state() const;

 private:
  class Stream;
  using Bundle = std::pair<uint32_t, uint64_t>;

  void Run();
  // One stream, to its end.
  absl::Status RunStream();
  // Works and sends until the stream ends or the replicator stops.
  absl::Status Send(Stream& stream);
  // What to do next, or nothing: then there is nothing to do before something happens.
  absl::Status Step(Stream& stream, bool& idle);
  absl::Status Do(Stream& stream, const log::replication::Work& work);
  void HandOver(Stream& stream);
  void Receive(Stream& stream);
  void Pause(int64_t ms);

  log::Archive& archive_;
  log::Recorder& recorder_;
  core::Clock& clock_;
  const log::Author author_;
  const ReplicatorOptions options_;
  std::shared_ptr<grpc::ChannelInterface> channel_;
  // Only on the sending thread.
  std::set<std::string> told_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Raised by Notify and by every answer: there may be something to send.
  uint64_t wakeups_ ABSL_GUARDED_BY(mutex_) = 0;
  Stream* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Whether a stream since the last pause got as far as agreeing on a position.
  bool positioned_ ABSL_GUARDED_BY(mutex_) = false;
  // Not repaired yet, with why.
  std::map<Bundle, std::string> repairs_ ABSL_GUARDED_BY(mutex_);
  // Of them, those that the stream has not been told.
  std::set<Bundle> new_repairs_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::ProjectionDigests> digests_ ABSL_GUARDED_BY(mutex_);
  ReplicatorState state_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// What an agent does before it numbers anything: asks the ledger, for at most `timeout_ms`, whether
// it has more or other entries than `own`. Set: another generation is to be begun. None: it is not,
// or the ledger could not be asked.
std::optional<log::RecorderOptions::Begin> AskLedger(const std::string& ledger,
                                                     const log::OwnLogs& own,
                                                     const log::Author& author,
                                                     log::replication::AuthorOptions options,
                                                     int64_t timeout_ms);

}  // namespace chargeledger::edge_agent
