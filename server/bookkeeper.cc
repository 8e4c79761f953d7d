#include "server/bookkeeper.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "log/salvage.h"
#include "projections/runtime/folder.h"

namespace chargeledger::server {
namespace {

// A few hundred milliseconds of work: then the next log has its turn.
constexpr uint64_t kPiece = 16 * projections::kPointEvery;

}  // namespace

Bookkeeper::Bookkeeper(log::Store& states, Damaged damaged,
                       std::function<void(const absl::Status&)> failed, core::Threads threads)
    : states_(states), damaged_(std::move(damaged)), failed_(std::move(failed)) {
  if (threads == core::Threads::kOwn) thread_ = std::thread([this] { Run(); });
}

Bookkeeper::~Bookkeeper() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Bookkeeper::OnGrown(const std::vector<HeldLog*>& logs) {
  absl::MutexLock lock(&mutex_);
  for (HeldLog* log : logs) {
    if (std::find(waiting_.begin(), waiting_.end(), log) == waiting_.end()) waiting_.push_back(log);
  }
}

bool Bookkeeper::HasWork() const { return stopping_ || !waiting_.empty(); }

// True if the log has more to fold.
absl::StatusOr<bool> Bookkeeper::FoldPiece(HeldLog& held) {
  projections::Folder folder(states_, books_);
  folder.OnChanged(changed_);
  folder.OnEvent(seen_);
  const std::vector<log::EventLog*> generations = held.generations();
  CL_RETURN_IF_ERROR(
      folder.KeepOnly(std::vector<const log::EventLog*>(generations.begin(), generations.end())));
  CL_ASSIGN_OR_RETURN(v1::StoredFold before, projections::ReadPosition(states_, held.log_id()));
  for (log::EventLog* log : generations) {
    auto folded = folder.Fold(*log, held.site(), kPiece);
    if (folded.status().code() == absl::StatusCode::kDataLoss && damaged_) {
      damaged_(*log, log::FirstUnreadable(*log, 0), folded.status());
      return false;
    }
    CL_ASSIGN_OR_RETURN(v1::StoredFold after, std::move(folded));
    // Of a generation without entries nothing is folded, however often it is tried.
    if (after.generation() == log->generation().value() && after.size() > 0 &&
        (after.size() != before.size() || after.generation() != before.generation())) {
      return true;
    }
  }
  return false;
}

void Bookkeeper::Run() {
  do {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Bookkeeper::HasWork));
  } while (RunOnce());
}

bool Bookkeeper::RunOnce() {
  HeldLog* held = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_ || waiting_.empty()) return false;
    held = waiting_.front();
    waiting_.erase(waiting_.begin());
  }
  absl::StatusOr<bool> more = FoldPiece(*held);
  if (more.ok() && *more) OnGrown({held});
  if (more.ok()) return true;
  failed_(more.status());
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  return false;
}

}  // namespace chargeledger::server
