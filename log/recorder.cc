#include "log/recorder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

// The one record of which log is this store's own.
constexpr absl::string_view kOwnLogKey = "a";

absl::StatusOr<v1::StoredLog> OpenOwnLog(Store& store, const Author& author,
                                         const core::LogId& new_log_id) {
  v1::StoredLog own;
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store.Get(kOwnLogKey));
  if (!stored.has_value()) {
    own.set_operator_(author.operator_name);
    own.set_site(author.site);
    own.set_log_id(std::string(new_log_id.bytes()));
    own.set_generation(1);
    WriteBatch batch;
    batch.PutCopy(std::string(kOwnLogKey), own.SerializeAsString());
    CL_RETURN_IF_ERROR(store.Commit(batch, Durability::kSynced));
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

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Open(Store& store, core::Clock& clock,
                                                         const Author& author,
                                                         const core::LogId& new_log_id,
                                                         const RecorderOptions& options) {
  std::unique_ptr<Recorder> recorder(new Recorder(store, clock, options));
  CL_RETURN_IF_ERROR(recorder->Start(author, new_log_id));
  return recorder;
}

absl::Status Recorder::Start(const Author& author, const core::LogId& new_log_id) {
  CL_ASSIGN_OR_RETURN(v1::StoredLog own, OpenOwnLog(store_, author, new_log_id));
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(own.log_id()));
  CL_ASSIGN_OR_RETURN(log_, EventLog::Open(store_, log_id, core::Generation(own.generation())));
  CL_ASSIGN_OR_RETURN(uint32_t last_boot, LastBoot());
  boot_ = last_boot + 1;
  {
    absl::MutexLock lock(&mutex_);
    next_ = log_->head().size;
  }
  thread_ = std::thread([this] { Run(); });

  v1::Entry entry;
  v1::LogOpened& opened = *entry.mutable_log_opened();
  opened.set_operator_(author.operator_name);
  opened.set_site(author.site);
  opened.set_log_id(own.log_id());
  opened.set_size(log_->head().size);
  opened.set_software_version(options_.software_version);
  opened.set_os_boot_id(options_.os_boot_id);
  absl::Status outcome;
  absl::Notification durable;
  CL_RETURN_IF_ERROR(Record({entry}, [&](const absl::Status& status) {
                       outcome = status;
                       durable.Notify();
                     }).status());
  durable.WaitForNotification();
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
  if (thread_.joinable()) thread_.join();
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

bool Recorder::HasWork() const { return stopping_ || !queue_.empty(); }

std::vector<Recorder::Request> Recorder::TakeBatch() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &Recorder::HasWork));
  std::vector<Request> taken;
  size_t bytes = 0;
  size_t count = 0;
  while (count < queue_.size() && (count == 0 || bytes < options_.max_batch_bytes)) {
    bytes += queue_[count++].bytes;
  }
  taken.reserve(count);
  std::move(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(count),
            std::back_inserter(taken));
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<ptrdiff_t>(count));
  queued_bytes_ -= bytes;
  return taken;
}

absl::StatusOr<TreeHead> Recorder::Commit(const std::vector<Request>& requests) {
  std::vector<std::string> bytes;
  for (const Request& request : requests) {
    for (const v1::Entry& entry : request.entries) bytes.push_back(entry.SerializeAsString());
  }
  std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
  std::vector<Hash> leaves;
  leaves.reserve(entries.size());
  for (absl::string_view entry : entries) {
    CL_CHECK(entry.size() <= kMaxEntryBytes, "kMaxEventBytes leaves room for the entry's fields");
    leaves.push_back(LeafHash(entry));
  }
  WriteBatch batch;
  const TreeHead head = log_->Stage(entries, leaves, batch);
  CL_RETURN_IF_ERROR(store_.Commit(batch, Durability::kSynced));
  log_->Publish(head);
  return head;
}

void Recorder::Run() {
  absl::Status failure;
  while (true) {
    std::vector<Request> requests = TakeBatch();
    if (requests.empty()) return;
    if (failure.ok()) {
      absl::StatusOr<TreeHead> head = Commit(requests);
      failure = head.status();
      absl::MutexLock lock(&mutex_);
      failure_ = failure;
      if (failure.ok() && committed_) committed_(*head);
    }
    for (Request& request : requests) request.done(failure);
  }
}

}  // namespace chargeledger::log
