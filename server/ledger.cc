#include "server/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"

namespace chargeledger::server {
namespace {

constexpr char kLogKind = 'l';

std::string LogKey(const core::LogId& log_id) {
  return absl::StrCat(absl::string_view(&kLogKind, 1), log_id.bytes());
}

absl::Status StoreLog(log::Store& store, const HeldLog& held, uint32_t generation) {
  v1::StoredLog stored;
  stored.set_operator_(held.operator_name());
  stored.set_site(held.site());
  stored.set_log_id(std::string(held.log_id().bytes()));
  stored.set_generation(generation);
  log::WriteBatch batch;
  batch.PutCopy(LogKey(held.log_id()), stored.SerializeAsString());
  return store.Commit(batch, log::Durability::kSynced);
}

}  // namespace

std::vector<log::EventLog*> HeldLog::generations() const {
  absl::MutexLock lock(&mutex_);
  std::vector<log::EventLog*> logs;
  for (const auto& [generation, log] : generations_) logs.push_back(log.get());
  return logs;
}

bool HeldLog::replicating() const {
  absl::MutexLock lock(&mutex_);
  return replicating_;
}

std::optional<v1::AuthorHello> HeldLog::author() const {
  absl::MutexLock lock(&mutex_);
  return author_;
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(log::Store& store) {
  std::unique_ptr<Ledger> ledger(new Ledger(store));
  CL_RETURN_IF_ERROR(ledger->LoadLogs());
  ledger->thread_ = std::thread([l = ledger.get()] { l->Run(); });
  return ledger;
}

Ledger::~Ledger() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status Ledger::LoadLogs() {
  std::vector<std::string> values;
  const std::string prefix(1, kLogKind);
  CL_RETURN_IF_ERROR(store_.Scan(prefix, log::AfterPrefix(prefix),
                                 [&](absl::string_view, absl::string_view value) {
                                   values.emplace_back(value);
                                   return true;
                                 }));
  absl::MutexLock lock(&mutex_);
  for (const std::string& value : values) {
    v1::StoredLog stored;
    if (!stored.ParseFromString(value)) {
      return absl::DataLossError("the record of a held log cannot be read");
    }
    CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(stored.log_id()));
    auto held = std::make_unique<HeldLog>(log_id, stored.operator_(), stored.site());
    absl::MutexLock held_lock(&held->mutex_);
    for (uint32_t generation = 1; generation <= stored.generation(); ++generation) {
      CL_ASSIGN_OR_RETURN(held->generations_[generation],
                          log::EventLog::Open(store_, log_id, core::Generation(generation)));
    }
    logs_[log_id] = std::move(held);
  }
  return absl::OkStatus();
}

absl::StatusOr<HeldLog*> Ledger::Find(const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(hello.log_id()));
  absl::MutexLock lock(&mutex_);
  auto known = logs_.find(log_id);
  if (known == logs_.end()) {
    if (hello.generation() != 1) {
      return absl::FailedPreconditionError(
          absl::StrCat("log ", log_id.ToHex(), " is new here, but offers generation ",
                       hello.generation(), "; generations come in order from 1"));
    }
    auto held = std::make_unique<HeldLog>(log_id, hello.operator_(), hello.site());
    return logs_.emplace(log_id, std::move(held)).first->second.get();
  }
  HeldLog* held = known->second.get();
  if (held->operator_name() != hello.operator_() || held->site() != hello.site()) {
    return absl::FailedPreconditionError(
        absl::StrCat("log ", log_id.ToHex(), " belongs to ", held->operator_name(), "/",
                     held->site(), ", not to ", hello.operator_(), "/", hello.site()));
  }
  return held;
}

absl::StatusOr<Ledger::Stream> Ledger::Admit(const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(HeldLog * held, Find(hello));
  absl::MutexLock lock(&held->mutex_);
  if (held->replicating_) {
    return absl::AlreadyExistsError(absl::StrCat("a stream of log ", held->log_id().ToHex(),
                                                 " (site ", held->site(), ") is live"));
  }
  const uint32_t newest = held->generations_.empty() ? 0 : held->generations_.rbegin()->first;
  if (hello.generation() > newest + 1) {
    return absl::FailedPreconditionError(absl::StrCat("generation ", hello.generation(),
                                                      " was offered, but the newest held here is ",
                                                      newest, "; generations come in order"));
  }
  if (hello.generation() == newest + 1) {
    CL_RETURN_IF_ERROR(StoreLog(store_, *held, hello.generation()));
    CL_ASSIGN_OR_RETURN(
        held->generations_[hello.generation()],
        log::EventLog::Open(store_, held->log_id(), core::Generation(hello.generation())));
  }
  held->replicating_ = true;
  held->author_ = hello;
  return Stream{held, held->generations_[hello.generation()].get()};
}

void Ledger::Release(const Stream& stream) {
  absl::MutexLock lock(&stream.held->mutex_);
  stream.held->replicating_ = false;
}

void Ledger::Commit(const Stream& stream, std::shared_ptr<const v1::EntryPackage> package,
                    log::replication::Verdict verdict, Done done) {
  {
    // The author has at least what it sends.
    absl::MutexLock lock(&stream.held->mutex_);
    if (stream.held->author_->head().size() < package->head().size()) {
      *stream.held->author_->mutable_head() = package->head();
    }
  }
  absl::MutexLock lock(&mutex_);
  queue_.push_back({stream, std::move(package), std::move(verdict), {}, std::move(done)});
}

std::vector<HeldLog*> Ledger::logs() const {
  absl::MutexLock lock(&mutex_);
  std::vector<HeldLog*> logs;
  for (const auto& [id, held] : logs_) logs.push_back(held.get());
  return logs;
}

void Ledger::OnGrown(std::function<void(const std::vector<HeldLog*>&)> grown) {
  grown_ = std::move(grown);
}

void Ledger::OnFailed(std::function<void(const absl::Status&)> failed) {
  failed_ = std::move(failed);
}

bool Ledger::HasWork() const { return stopping_ || !queue_.empty(); }

absl::Status Ledger::CommitBatch(std::vector<Request>& requests) {
  log::WriteBatch batch;
  for (Request& request : requests) {
    request.head =
        request.stream.log->Stage(request.verdict.entries, request.verdict.leaves, batch);
  }
  CL_RETURN_IF_ERROR(store_.Commit(batch, log::Durability::kSynced));
  for (Request& request : requests) request.stream.log->Publish(request.head);
  return absl::OkStatus();
}

void Ledger::Run() {
  absl::Status failure;
  while (true) {
    std::vector<Request> requests;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Ledger::HasWork));
      if (queue_.empty()) return;
      requests.swap(queue_);
    }
    if (failure.ok()) {
      failure = CommitBatch(requests);
      if (!failure.ok() && failed_) failed_(failure);
    }
    std::vector<HeldLog*> grown;
    for (const Request& request : requests) {
      if (std::find(grown.begin(), grown.end(), request.stream.held) == grown.end()) {
        grown.push_back(request.stream.held);
      }
    }
    if (failure.ok() && grown_) grown_(grown);
    for (Request& request : requests) request.done(failure);
  }
}

}  // namespace chargeledger::server
