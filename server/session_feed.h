// Which sessions were said something of, for those who watch. Thread-safe.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/ids.h"

namespace chargeledger::server {

class SessionFeed {
 public:
  // Of a log, the key of the session in the state of the sessions.
  using Change = std::pair<core::LogId, std::string>;
  using Changes = absl::btree_set<Change>;
  // A watcher that is further behind has lost the thread.
  static constexpr size_t kMostWaiting = 100'000;
  static constexpr size_t kMostWatchers = 64;

  // One who watches, from its making to its end.
  class Watcher {
   public:
    // Null if there are too many.
    static std::unique_ptr<Watcher> Begin(SessionFeed& feed);
    ~Watcher();
    // What has changed since the last call, each session once; empty after `timeout`.
    Changes Wait(absl::Duration timeout);
    bool overrun() const;
    bool stopped() const;

   private:
    friend class SessionFeed;
    explicit Watcher(SessionFeed& feed) : feed_(feed) {}

    SessionFeed& feed_;
    Changes waiting_;
    bool overrun_ = false;
  };

  void OnChanged(const core::LogId& log_id, const std::string& key);
  // Nobody waits any longer.
  void Stop();

 private:
  mutable absl::Mutex mutex_;
  std::list<Watcher*> watchers_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace chargeledger::server
