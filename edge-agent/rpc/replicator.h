// Carries the site's log to the ledger: the gRPC adapter around log::replication::AuthorSession.
//
// Two threads of its own. It connects, sends what the ledger does not have, and starts over after
// every failure with a growing, jittered pause; it never gives up, and never holds back recording,
// until a new generation is to begin. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "log/recorder.h"
#include "log/replication/author.h"
#include "log/replication/author_session.h"

namespace grpc {
class ChannelInterface;
}

namespace chargeledger::edge_agent {

struct ReplicatorOptions {
  // HOST:PORT of the ledger.
  std::string ledger;
  int64_t first_pause_ms = 200;
  int64_t longest_pause_ms = 5'000;
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
  // A stream's own end; called on the replicator's thread, for one stream after the other.
  using NewSession = std::function<std::unique_ptr<log::replication::AuthorSession>()>;

  // What sessions work on outlives the replicator.
  Replicator(const ReplicatorOptions& options, NewSession new_session);
  ~Replicator();

  // The log has grown, or its errands have changed.
  void Notify();

  ReplicatorState state() const;

 private:
  class Stream;

  void Run();
  // One stream, to its end.
  absl::Status RunStream();
  // Works and sends until the stream ends or the replicator stops.
  absl::Status Send(Stream& stream);
  void Receive(Stream& stream);
  void Pause(int64_t ms);

  const ReplicatorOptions options_;
  const NewSession new_session_;
  std::shared_ptr<grpc::ChannelInterface> channel_;

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Raised by Notify and by every answer: there may be something to send.
  uint64_t wakeups_ ABSL_GUARDED_BY(mutex_) = 0;
  Stream* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Whether a stream since the last pause got as far as agreeing on a position.
  bool positioned_ ABSL_GUARDED_BY(mutex_) = false;
  ReplicatorState state_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// What an agent does before it numbers anything: asks the ledger, for at most `timeout_ms`, whether
// it has more or other entries than the machine's log (AuthorOptions::only_ask). Set: another
// generation is to be begun. None: it is not, or the ledger could not be asked.
std::optional<log::RecorderOptions::Begin> AskLedger(const std::string& ledger,
                                                     log::replication::AuthorStream& machine,
                                                     int64_t timeout_ms);

}  // namespace chargeledger::edge_agent
