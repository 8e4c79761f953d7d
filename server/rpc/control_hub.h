// Brings the control log to every agent that follows it: one log::replication::AuthorStream a
// follower, over gRPC's callback API.
//
// Thread-safe. What a follower's machine asks to be done (which is rare: only a control log that
// was restored from an old copy is behind its followers) is done on the stream's thread.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/replication.pb.h"
#include "core/clock.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/replication/author.h"

namespace chargeledger::server {

struct ControlOptions {
  log::Author author;
  log::replication::AuthorOptions stream;
  // This life of the control log is to end and the next generation to begin.
  std::function<void(log::RecorderOptions::Begin)> begin;
};

class ControlHub {
 public:
  // `archive`, `recorder` and `clock` outlive the hub; null recorder: there is no control log.
  ControlHub(log::Archive* archive, log::Recorder* recorder, core::Clock& clock,
             ControlOptions options)
      : archive_(archive), recorder_(recorder), clock_(clock), options_(std::move(options)) {}

  // The control log has grown.
  void Notify();
  // A follower has come; the stream deletes itself.
  grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest>* Follow();
  size_t followers() const;

 private:
  class Stream;

  void Leave(Stream* stream);

  log::Archive* const archive_;
  log::Recorder* const recorder_;
  core::Clock& clock_;
  const ControlOptions options_;
  mutable absl::Mutex mutex_;
  std::set<Stream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
