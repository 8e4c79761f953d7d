#include "log/recorder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/check.h"

namespace chargeledger::log {

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Open(Archive& archive, core::Clock& clock,
                                                         const Author& author,
                                                         const core::LogId& new_log_id,
                                                         const RecorderOptions& options) {
  std::unique_ptr<Recorder> recorder(new Recorder(archive, clock, options));
  CL_RETURN_IF_ERROR(recorder->Start(author, new_log_id));
  return recorder;
}

absl::Status Recorder::Start(const Author& author, const core::LogId& new_log_id) {
  CL_ASSIGN_OR_RETURN(OwnLogs own, OwnLogs::Open(archive_, author, new_log_id));
  damage_ = own.damage();
  std::optional<v1::GenerationOpened> begun;
  if (!damage_.ok()) {
    begun = own.DescribeDamage();
  } else if (options_.begin.has_value() &&
             options_.begin->opened.previous_generation() == own.generation().value()) {
    begun = options_.begin->opened;
  }
  if (begun.has_value()) CL_RETURN_IF_ERROR(own.Begin(*begun));
  log_ = own.current();
  past_ = own.past();
  if (!begun.has_value() && log_->head().size == 0 && own.generation().value() > 1) {
    // The process ended when the generation was begun and nothing was in it yet.
    begun.emplace();
    begun->set_previous_generation(own.generation().value() - 1);
    begun->set_reason("begun by an earlier start, which ended before it could say why");
  }
  CL_ASSIGN_OR_RETURN(uint32_t last_boot, LastBoot());
  boot_ = last_boot + 1;
  {
    absl::MutexLock lock(&mutex_);
    next_ = log_->head().size;
  }
  if (options_.threads == core::Threads::kOwn) {
    for (std::thread& thread : threads_) thread = std::thread([this] { Run(); });
  }

  std::vector<v1::Entry> entries(1);
  v1::LogOpened& opened = *entries[0].mutable_log_opened();
  opened.set_operator_(author.operator_name);
  opened.set_site(author.site);
  opened.set_log_id(std::string(own.log_id().bytes()));
  opened.set_size(log_->head().size);
  opened.set_software_version(options_.software_version);
  opened.set_os_boot_id(options_.os_boot_id);
  opened.set_public_key(options_.public_key);
  if (begun.has_value()) *entries.emplace_back().mutable_generation_opened() = *begun;
  if (begun.has_value() && damage_.ok() && options_.begin.has_value()) {
    entries.insert(entries.end(), options_.begin->events.begin(), options_.begin->events.end());
  }
  return RecordAndWait(std::move(entries));
}

absl::Status Recorder::RecordAndWait(std::vector<v1::Entry> events) {
  absl::Status outcome;
  absl::Notification settled;
  CL_RETURN_IF_ERROR(Record(std::move(events), [&](const absl::Status& status) {
                       outcome = status;
                       settled.Notify();
                     }).status());
  if (options_.threads == core::Threads::kNone) {
    while (!settled.HasBeenNotified() && RunOnce()) continue;
  }
  settled.WaitForNotification();
  return outcome;
}

absl::StatusOr<uint32_t> Recorder::LastBoot() const {
  const uint64_t size = log_->head().size;
  if (size == 0) return 0;
  v1::Entry last;
  bool readable = false;
  CL_RETURN_IF_ERROR(
      log_->Read(core::Sequence(size - 1), 1, [&](core::Sequence, absl::string_view bytes) {
        readable = last.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
        return true;
      }));
  if (!readable || last.sequence() != size - 1) {
    return absl::DataLossError(
        absl::StrCat("entry ", size - 1, ", the log's last, cannot be read or is another one"));
  }
  return last.boot();
}

Recorder::~Recorder() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
  while (RunOnce()) continue;
}

absl::StatusOr<core::Sequence> Recorder::Record(std::vector<v1::Entry> events, Done done) {
  Request request;
  for (const v1::Entry& event : events) {
    const size_t bytes = event.ByteSizeLong();
    if (bytes > kMaxEventBytes) {
      return absl::InvalidArgumentError(absl::StrCat("an event has ", bytes, " bytes; at most ",
                                                     kMaxEventBytes, " fit into one entry"));
    }
    request.bytes += bytes;
  }
  request.entries = std::move(events);
  request.done = std::move(done);

  absl::MutexLock lock(&mutex_);
  if (!failure_.ok()) return failure_;
  if (stopping_) return absl::CancelledError("the log is closing");
  if (queued_bytes_ + request.bytes > options_.max_queued_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        queued_bytes_, " bytes wait to be recorded; the bound is ", options_.max_queued_bytes));
  }
  const core::Sequence first(next_);
  const int64_t wall_us = clock_.WallMicros();
  const uint64_t monotonic_us = clock_.MonotonicMicros();
  for (v1::Entry& entry : request.entries) {
    entry.set_generation(log_->generation().value());
    entry.set_sequence(next_++);
    entry.set_wall_time_us(wall_us);
    entry.set_monotonic_us(monotonic_us);
    entry.set_boot(boot_);
  }
  queued_bytes_ += request.bytes;
  queue_.push_back(std::move(request));
  return first;
}

void Recorder::OnCommitted(Committed committed) {
  absl::MutexLock lock(&mutex_);
  committed_ = std::move(committed);
}

absl::Status Recorder::failure() const {
  absl::MutexLock lock(&mutex_);
  return failure_;
}

core::Sequence Recorder::next() const {
  absl::MutexLock lock(&mutex_);
  return core::Sequence(next_);
}

std::vector<Recorder::Request> Recorder::Take(size_t max_bytes) {
  size_t bytes = 0;
  size_t count = 0;
  while (count < queue_.size() && (count == 0 || bytes < max_bytes)) bytes += queue_[count++].bytes;
  std::vector<Request> taken;
  if (count == queue_.size()) {
    taken.swap(queue_);
  } else {
    const auto end = queue_.begin() + static_cast<ptrdiff_t>(count);
    taken.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
  }
  queued_bytes_ -= bytes;
  return taken;
}

void Recorder::Append(std::vector<Request> requests, Prepared& prepared) {
  std::vector<absl::string_view> entries;
  std::vector<Hash> leaves;
  for (Request& request : requests) {
    for (const v1::Entry& entry : request.entries) {
      const std::string& bytes = prepared.bytes.emplace_back(entry.SerializeAsString());
      CL_CHECK(bytes.size() <= kMaxEntryBytes, "kMaxEventBytes leaves room for the entry's fields");
      entries.push_back(bytes);
      leaves.push_back(LeafHash(bytes));
    }
    prepared.size += request.bytes;
    request.entries.clear();
    prepared.requests.push_back(std::move(request));
  }
  prepared.head = log_->Stage(entries, leaves, prepared.batch);
}

bool Recorder::MayPrepare() const {
  return !queue_.empty() && !preparing_ &&
         (ready_ == nullptr || ready_->size < options_.max_batch_bytes);
}

bool Recorder::HasWork() const {
  return (!committed_batches_.empty() && !answering_) || (ready_ != nullptr && !committing_) ||
         MayPrepare() || (stopping_ && queue_.empty() && ready_ == nullptr && !preparing_);
}

void Recorder::Prepare() {
  preparing_ = true;
  auto prepared = ready_ != nullptr ? std::move(ready_) : std::make_unique<Prepared>();
  std::vector<Request> requests = Take(options_.max_batch_bytes - prepared->size);
  mutex_.Unlock();
  Append(std::move(requests), *prepared);
  mutex_.Lock();
  ready_ = std::move(prepared);
  preparing_ = false;
}

void Recorder::Commit() {
  committing_ = true;
  // The thread that has the disk keeps it while there is more: waking another one would take longer
  // than what it has to do.
  while (ready_ != nullptr) {
    std::unique_ptr<Prepared> prepared = std::move(ready_);
    prepared->outcome = failure_;
    mutex_.Unlock();
    if (prepared->outcome.ok()) {
      prepared->outcome = archive_.Commit(prepared->batch, {{log_, prepared->head}});
    }
    mutex_.Lock();
    failure_ = prepared->outcome;
    committed_batches_.push_back(std::move(prepared));
  }
  committing_ = false;
}

void Recorder::Answer() {
  answering_ = true;
  std::unique_ptr<Prepared> prepared = std::move(committed_batches_.front());
  committed_batches_.pop_front();
  if (prepared->outcome.ok() && committed_) committed_(prepared->head);
  mutex_.Unlock();
  for (Request& request : prepared->requests) request.done(prepared->outcome);
  mutex_.Lock();
  answering_ = false;
}

bool Recorder::Step() {
  if (ready_ != nullptr && !committing_) {
    Commit();
  } else if (!committed_batches_.empty() && !answering_) {
    Answer();
  } else if (MayPrepare()) {
    Prepare();
  } else {
    return false;
  }
  return true;
}

bool Recorder::RunOnce() {
  absl::MutexLock lock(&mutex_);
  return Step();
}

void Recorder::Run() {
  absl::MutexLock lock(&mutex_);
  do {
    mutex_.Await(absl::Condition(this, &Recorder::HasWork));
  } while (Step());
}

}  // namespace chargeledger::log
