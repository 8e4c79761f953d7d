#include "server/session_feed.h"

namespace chargeledger::server {

std::unique_ptr<SessionFeed::Watcher> SessionFeed::Watcher::Begin(SessionFeed& feed) {
  absl::MutexLock lock(&feed.mutex_);
  if (feed.watchers_.size() >= kMostWatchers) return nullptr;
  std::unique_ptr<Watcher> watcher(new Watcher(feed));
  feed.watchers_.push_back(watcher.get());
  return watcher;
}

SessionFeed::Watcher::~Watcher() {
  absl::MutexLock lock(&feed_.mutex_);
  feed_.watchers_.remove(this);
}

SessionFeed::Changes SessionFeed::Watcher::Wait(absl::Duration timeout) {
  absl::MutexLock lock(&feed_.mutex_);
  const auto woken = [this] { return !waiting_.empty() || feed_.stopped_; };
  feed_.mutex_.AwaitWithTimeout(absl::Condition(&woken), timeout);
  return std::exchange(waiting_, Changes());
}

bool SessionFeed::Watcher::overrun() const {
  absl::MutexLock lock(&feed_.mutex_);
  return overrun_;
}

bool SessionFeed::Watcher::stopped() const {
  absl::MutexLock lock(&feed_.mutex_);
  return feed_.stopped_;
}

void SessionFeed::OnChanged(const core::LogId& log_id, const std::string& key) {
  absl::MutexLock lock(&mutex_);
  for (Watcher* watcher : watchers_) {
    if (watcher->waiting_.size() < kMostWaiting) {
      watcher->waiting_.emplace(log_id, key);
    } else {
      watcher->overrun_ = true;
    }
  }
}

void SessionFeed::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

}  // namespace chargeledger::server
