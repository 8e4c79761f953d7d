// An author's end of one stream as its transport drives it: the state machine (author.h) with the
// work that it asks for (worker.h). What others want of the author outlives its streams: Errands.
//
// Thread-safe. The transport sends Hello, then what Next gives until it gives nothing; then it
// waits until something came, the log grew, or the errands changed. An error of either call ends
// the stream.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/replication.pb.h"
#include "core/clock.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/replication/author.h"
#include "log/replication/work.h"

namespace chargeledger::log::replication {

// Thread-safe.
class Errands {
 public:
  // `changed` is called whenever there is something new; without a lock.
  explicit Errands(std::function<void()> changed = {}) : changed_(std::move(changed)) {}

  // A bundle cannot be read here: it is taken from the holder when that is there.
  void RequestRepair(core::Generation generation, uint64_t bundle, const std::string& reason);
  // Tells the holder what this side's projections have made of the log.
  void SendDigests(v1::ProjectionDigests digests);

 private:
  friend class AuthorSession;
  using Bundle = std::pair<uint32_t, uint64_t>;

  std::map<Bundle, std::string> repairs() const;
  void Repaired(const Bundle& bundle);
  std::optional<v1::ProjectionDigests> TakeDigests();

  const std::function<void()> changed_;
  mutable absl::Mutex mutex_;
  // Not repaired yet, with why.
  std::map<Bundle, std::string> repairs_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::ProjectionDigests> digests_ ABSL_GUARDED_BY(mutex_);
  // Ids of what is on record and nothing can be done about. Of the one stream that is live.
  std::set<std::string> told_;
};

class AuthorSession {
 public:
  struct Callbacks {
    // This life of the log is to end and the next generation to begin. Called within Next, which
    // does nothing any more afterwards.
    std::function<void(RecorderOptions::Begin)> begin;
    // The stored log cannot be written: the process is to end.
    std::function<void(const absl::Status&)> failed;
  };

  // All outlive the session; of those with the same errands one is used at a time.
  AuthorSession(Archive& archive, Recorder& recorder, core::Clock& clock, const Author& author,
                const AuthorOptions& options, Errands& errands, Callbacks callbacks);

  v1::ReplicateRequest Hello() const;
  absl::Status OnResponse(const v1::ReplicateResponse& response);
  // Does what is to be done, and returns what is to be sent next; nothing if there is nothing
  // before something happens, or if another thread is at it.
  absl::StatusOr<std::optional<v1::ReplicateRequest>> Next();

  bool live() const;
  TreeHead held() const;

 private:
  AuthorLogs Logs();
  void TakeErrands();
  absl::StatusOr<std::optional<Work>> TakeWork(std::optional<v1::ReplicateRequest>& request);
  absl::Status Do(const Work& work);

  Archive& archive_;
  Recorder& recorder_;
  core::Clock& clock_;
  Errands& errands_;
  const Callbacks callbacks_;
  mutable absl::Mutex mutex_;
  AuthorStream machine_ ABSL_GUARDED_BY(mutex_);
  std::set<Errands::Bundle> asked_ ABSL_GUARDED_BY(mutex_);
  bool working_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chargeledger::log::replication
