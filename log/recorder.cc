#include "log/recorder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

// The one record of which log is this store's own.
constexpr absl::string_view kOwnLogKey = "a";

absl::Status StoreOwnLog(Store& store, const v1::StoredLog& own) {
  WriteBatch batch;
  batch.PutCopy(std::string(kOwnLogKey), own.SerializeAsString());
  return store.Commit(batch, Durability::kSynced);
}

absl::StatusOr<v1::StoredLog> OpenOwnLog(Store& store, const Author& author,
                                         const core::LogId& new_log_id) {
  v1::StoredLog own;
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store.Get(kOwnLogKey));
  if (!stored.has_value()) {
    own.set_operator_(author.operator_name);
    own.set_site(author.site);
    own.set_log_id(std::string(new_log_id.bytes()));
    own.set_generation(1);
    CL_RETURN_IF_ERROR(StoreOwnLog(store, own));
    return own;
  }
  if (!own.ParseFromString(*stored)) {
    return absl::DataLossError("the record that names this store's own log cannot be read");
  }
  if (own.operator_() != author.operator_name || own.site() != author.site) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the data directory holds the log of ", own.operator_(), "/", own.site(), ", not of ",
        author.operator_name, "/", author.site, "; give the site its own data directory"));
  }
  return own;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Open(Archive& archive, core::Clock& clock,
                                                         const Author& author,
                                                         const core::LogId& new_log_id,
                                                         const RecorderOptions& options) {
  std::unique_ptr<Recorder> recorder(new Recorder(archive, clock, options));
  CL_RETURN_IF_ERROR(recorder->Start(author, new_log_id));
  return recorder;
}

// Opens the newest generation; if that one is damaged, begins another and says so in `opened`.
absl::Status Recorder::OpenGeneration(v1::StoredLog& own, v1::GenerationOpened& opened) {
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(own.log_id()));
  for (uint32_t generation = 1; generation < own.generation(); ++generation) {
    // A past generation that cannot be opened was reported when the one after it began.
    auto past = archive_.OpenLog(log_id, core::Generation(generation));
    if (past.ok()) past_.push_back(past->log);
  }
  auto newest = archive_.OpenLog(log_id, core::Generation(own.generation()));
  damage_ = newest.ok() ? newest->witness : newest.status();
  if (damage_.ok()) {
    log_ = newest->log;
    return absl::OkStatus();
  }
  // Only damage begins a new generation: anything else is for a person, or passes.
  if (damage_.code() != absl::StatusCode::kDataLoss) return damage_;
  opened.set_previous_generation(own.generation());
  opened.set_reason(std::string(damage_.message()));
  if (newest.ok()) {
    past_.push_back(newest->log);
    opened.set_previous_size(newest->log->head().size);
    opened.set_previous_root(std::string(newest->log->head().root.bytes()));
    if (newest->witnessed.has_value()) {
      opened.set_witnessed_size(newest->witnessed->size);
      opened.set_witnessed_root(std::string(newest->witnessed->root.bytes()));
    }
  }
  own.set_generation(own.generation() + 1);
  CL_RETURN_IF_ERROR(StoreOwnLog(archive_.store(), own));
  CL_ASSIGN_OR_RETURN(auto next, archive_.OpenLog(log_id, core::Generation(own.generation())));
  log_ = next.log;
  return next.witness;
}

absl::Status Recorder::Start(const Author& author, const core::LogId& new_log_id) {
  CL_ASSIGN_OR_RETURN(v1::StoredLog own, OpenOwnLog(archive_.store(), author, new_log_id));
  v1::GenerationOpened generation_opened;
  CL_RETURN_IF_ERROR(OpenGeneration(own, generation_opened));
  CL_ASSIGN_OR_RETURN(uint32_t last_boot, LastBoot());
  boot_ = last_boot + 1;
  {
    absl::MutexLock lock(&mutex_);
    next_ = log_->head().size;
  }
  for (std::thread& thread : threads_) thread = std::thread([this] { Run(); });

  std::vector<v1::Entry> entries(1);
  v1::LogOpened& opened = *entries[0].mutable_log_opened();
  opened.set_operator_(author.operator_name);
  opened.set_site(author.site);
  opened.set_log_id(own.log_id());
  opened.set_size(log_->head().size);
  opened.set_software_version(options_.software_version);
  opened.set_os_boot_id(options_.os_boot_id);
  opened.set_public_key(options_.public_key);
  if (generation_opened.previous_generation() > 0) {
    *entries.emplace_back().mutable_generation_opened() = generation_opened;
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

void Recorder::Run() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    mutex_.Await(absl::Condition(this, &Recorder::HasWork));
    if (ready_ != nullptr && !committing_) {
      Commit();
    } else if (!committed_batches_.empty() && !answering_) {
      Answer();
    } else if (MayPrepare()) {
      Prepare();
    } else {
      return;
    }
  }
}

}  // namespace chargeledger::log
