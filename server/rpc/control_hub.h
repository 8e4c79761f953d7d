// Brings the control log to every agent that follows it: one log::replication::AuthorSession a
// follower, over gRPC's callback API.
//
// Thread-safe. What a follower's machine asks to be done (which is rare: only a control log that
// was restored from an old copy is behind its followers) is done on the stream's thread.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/replication/author_session.h"

namespace chargeledger::server {

class ControlHub {
 public:
  // A follower's own session; what it works on outlives the hub. Null: there is no control log.
  using NewSession = std::function<std::unique_ptr<log::replication::AuthorSession>()>;

  explicit ControlHub(NewSession new_session) : new_session_(std::move(new_session)) {}

  // The control log has grown.
  void Notify();
  // A follower has come; the stream deletes itself.
  grpc::ServerBidiReactor<v1::ReplicateResponse, v1::ReplicateRequest>* Follow();
  size_t followers() const;

 private:
  class Stream;

  void Leave(Stream* stream);

  const NewSession new_session_;
  mutable absl::Mutex mutex_;
  std::set<Stream*> streams_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
