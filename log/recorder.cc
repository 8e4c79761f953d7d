#include "log/recorder.h"

#include <algorithm>
#include <cstdlib>
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
  CL_ASSIGN_OR_RETURN(std::optional<v1::Entry> last, LastOf(*log_));
  boot_ = last.has_value() ? last->boot() + 1 : 1;
  if (!last.has_value() && !past_.empty() && past_.rbegin()->second != nullptr) {
    // What cannot be read of it tells nothing.
    if (auto before = LastOf(*past_.rbegin()->second); before.ok()) last = *std::move(before);
  }
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
  if (auto stepped = StepSince(last)) *entries.emplace_back().mutable_clock_stepped() = *stepped;
  return RecordAndWait(std::move(entries));
}

std::optional<v1::ClockStepped> Recorder::StepSince(const std::optional<v1::Entry>& last) const {
  if (!last.has_value()) return std::nullopt;
  v1::ClockStepped stepped;
  const int64_t wall_us = clock_.WallMicros();
  const uint64_t monotonic_us = clock_.MonotonicMicros();
  const bool same_log = last->generation() == log_->generation().value();
  int64_t since = 0;
  if (__builtin_sub_overflow(wall_us, last->wall_time_us(), &since)) return std::nullopt;
  const int64_t back = std::min<int64_t>(since, 0);
  if (back < -kClockToleranceUs && same_log) stepped.set_wall_back_us(back);
  stepped.set_basis(v1::ClockStepped::BASIS_WALL_CLOCK);
  stepped.set_step_us(back);
  stepped.set_tolerance_us(kClockToleranceUs);
  if (same_log && monotonic_us >= last->monotonic_us() && SameOsBoot(*last)) {
    stepped.set_basis(v1::ClockStepped::BASIS_SAME_OS_BOOT);
    stepped.set_step_us(since - static_cast<int64_t>(monotonic_us - last->monotonic_us()));
  }
  if (stepped.step_us() >= -kClockToleranceUs && stepped.step_us() <= kClockToleranceUs) {
    return std::nullopt;
  }
  return stepped;
}

bool Recorder::SameOsBoot(const v1::Entry& last) const {
  if (options_.os_boot_id.empty()) return false;
  // The boot's first entry, by halves: entries of one boot follow each other.
  uint64_t first = 0, end = last.sequence();
  v1::Entry entry;
  const auto read = [&](uint64_t sequence) {
    bool readable = false;
    return log_->Read(core::Sequence(sequence), 1,
                      [&](core::Sequence, absl::string_view bytes) {
                        readable =
                            entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
                        return true;
                      })
               .ok() &&
           readable;
  };
  while (first < end) {
    const uint64_t middle = first + (end - first) / 2;
    // Dropped, or damaged: of an earlier boot, as far as this goes.
    if (read(middle) && entry.boot() == last.boot()) {
      end = middle;
    } else {
      first = middle + 1;
    }
  }
  return read(first) && entry.boot() == last.boot() && entry.has_log_opened() &&
         entry.log_opened().os_boot_id() == options_.os_boot_id;
}

void Recorder::NoteStep(int64_t wall_us, uint64_t monotonic_us, std::vector<v1::Entry>& entries) {
  const int64_t apart = wall_us - static_cast<int64_t>(monotonic_us);
  const int64_t step = apart - clocks_apart_us_.value_or(apart);
  if (!clocks_apart_us_.has_value() || std::abs(step) > kClockToleranceUs) {
    clocks_apart_us_ = apart;
  }
  if (std::abs(step) <= kClockToleranceUs) return;
  v1::Entry entry;
  entry.mutable_clock_stepped()->set_step_us(step);
  entry.mutable_clock_stepped()->set_tolerance_us(kClockToleranceUs);
  entries.insert(entries.begin(), std::move(entry));
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

absl::StatusOr<std::optional<v1::Entry>> Recorder::LastOf(const EventLog& log) {
  const uint64_t size = log.head().size;
  if (size == 0) return std::optional<v1::Entry>();
  v1::Entry last;
  bool readable = false;
  CL_RETURN_IF_ERROR(
      log.Read(core::Sequence(size - 1), 1, [&](core::Sequence, absl::string_view bytes) {
        readable = last.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
        return true;
      }));
  if (!readable || last.sequence() != size - 1) {
    return absl::DataLossError(
        absl::StrCat("entry ", size - 1, ", the log's last, cannot be read or is another one"));
  }
  return std::optional<v1::Entry>(std::move(last));
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
  const int64_t wall_us = clock_.WallMicros();
  const uint64_t monotonic_us = clock_.MonotonicMicros();
  const size_t asked = request.entries.size();
  NoteStep(wall_us, monotonic_us, request.entries);
  const core::Sequence first(next_ + (request.entries.size() - asked));
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
