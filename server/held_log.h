// One author's log as the ledger holds it: its names, its generations, and the stream that brings
// more of it, if one is live. Thread-safe; changed by Ledger alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/replication.pb.h"
#include "core/ids.h"
#include "log/event_log.h"
#include "log/replication/holder.h"
#include "log/tlog/note.h"

namespace chargeledger::server {

// A stream that an author has open. Called with the log's lock held: it must not call back.
class LiveStream {
 public:
  virtual ~LiveStream() = default;
  // Tells the author something beside what it is answered.
  virtual void Tell(v1::ReplicateResponse response) = 0;
  // Ends the stream soon; it is released as ever.
  virtual void End() = 0;
};

class HeldLog {
 public:
  HeldLog(const core::LogId& log_id, std::string operator_name, std::string site)
      : log_id_(log_id), operator_name_(std::move(operator_name)), site_(std::move(site)) {}

  const core::LogId& log_id() const { return log_id_; }
  const std::string& operator_name() const { return operator_name_; }
  const std::string& site() const { return site_; }

  // In their order. The logs live as long as the ledger.
  std::vector<log::EventLog*> generations() const;
  bool replicating() const;
  // What was found wrong with what is held; OK if nothing was.
  absl::Status damage() const;
  // Whether a generation contradicts what the ledger has signed, or remembers of it.
  bool contradicts(core::Generation generation) const;
  // Checks the checkpoints of one generation; none if the author has told no key.
  std::optional<log::tlog::VerifierKey> author_key(core::Generation generation) const;
  // What the author last said it has; absent before it has been heard since the process started.
  std::optional<v1::AuthorHello> author() const;

 private:
  friend class Ledger;

  // Another agent that came while a stream was live.
  struct Suspect {
    std::string instance;
    std::string peer;
    uint64_t probed_at_us = 0;
  };

  const core::LogId log_id_;
  const std::string operator_name_;
  const std::string site_;
  mutable absl::Mutex mutex_;
  std::map<uint32_t, log::EventLog*> generations_ ABSL_GUARDED_BY(mutex_);
  // Of them, those that are evidence and not built on.
  std::set<uint32_t> contradicting_ ABSL_GUARDED_BY(mutex_);
  bool replicating_ ABSL_GUARDED_BY(mutex_) = false;
  LiveStream* live_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::optional<Suspect> suspect_ ABSL_GUARDED_BY(mutex_);
  // Instances of other agents that are on record.
  std::set<std::string> told_suspects_ ABSL_GUARDED_BY(mutex_);
  std::optional<v1::AuthorHello> author_ ABSL_GUARDED_BY(mutex_);
  absl::Status damage_ ABSL_GUARDED_BY(mutex_);
  // Newest generation that was ever begun here, set aside or not.
  uint32_t newest_ ABSL_GUARDED_BY(mutex_) = 0;
  // 32 bytes, or empty.
  std::string public_key_ ABSL_GUARDED_BY(mutex_);
  // The newest head of each generation that the ledger has signed, and of which generations the
  // tree held here was found to have it.
  std::map<uint32_t, log::TreeHead> signed_ ABSL_GUARDED_BY(mutex_);
  std::set<uint32_t> signed_checked_ ABSL_GUARDED_BY(mutex_);
  // Bundles that cannot be read here and are wanted from the author, with the record of that.
  std::map<std::pair<uint32_t, uint64_t>, std::string> wanted_ ABSL_GUARDED_BY(mutex_);
  // What was salvaged at the start, and how much there was: resolved when it is there again.
  std::map<uint32_t, std::pair<std::string, uint64_t>> salvaged_ ABSL_GUARDED_BY(mutex_);
  // Reports that have come for comparisons, by their ids.
  std::map<uint64_t, v1::ComparisonReport> reports_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
