// Carries the site's log to the ledger: the gRPC adapter around log::replication::AuthorStream.
//
// Two threads of its own. It connects, sends what the ledger does not have, and starts over after
// every failure with a growing, jittered pause; it never gives up, and never holds back recording.
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "log/event_log.h"
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
  // Called with each checkpoint that the ledger has cosigned, on a thread of the replicator.
  std::function<void(const std::string&)> cosigned;
};

class Replicator {
 public:
  // `log` outlives the replicator.
  Replicator(const log::EventLog& log, const log::Author& author, const ReplicatorOptions& options);
  ~Replicator();

  // The log has grown.
  void Notify();

 private:
  class Stream;

  void Run();
  // One stream, to its end.
  absl::Status RunStream();
  // Sends what there is until the stream ends or the replicator stops.
  absl::Status Send(Stream& stream);
  void Receive(Stream& stream);
  void Pause(int64_t ms);

  const log::EventLog& log_;
  const log::Author author_;
  const ReplicatorOptions options_;
  std::shared_ptr<grpc::ChannelInterface> channel_;

  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Raised by Notify and by every answer: there may be something to send.
  uint64_t wakeups_ ABSL_GUARDED_BY(mutex_) = 0;
  Stream* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Whether a stream since the last pause got as far as agreeing on a position.
  bool positioned_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace chargeledger::edge_agent
