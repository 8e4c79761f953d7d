#include "log/replication/worker.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/orphans.h"
#include "log/log_keys.h"
#include "log/replication/finding.h"
#include "log/salvage.h"

namespace chargeledger::log::replication {
namespace {

// Events in one record.
constexpr size_t kAtOnce = 256;

}  // namespace

absl::Status AppendTo(Archive& archive, EventLog& log,
                      absl::Span<const absl::string_view> entries) {
  std::vector<Hash> leaves;
  leaves.reserve(entries.size());
  for (absl::string_view entry : entries) leaves.push_back(LeafHash(entry));
  WriteBatch batch;
  const TreeHead head = log.Stage(entries, leaves, batch);
  return archive.Commit(batch, {{&log, head}});
}

absl::StatusOr<EventLog*> Worker::LogOf(uint32_t generation) {
  CL_ASSIGN_OR_RETURN(auto opened,
                      archive_.OpenLog(recorder_.log().log_id(), core::Generation(generation)));
  return opened.log;
}

absl::Status Worker::Append(const Work& work) {
  CL_ASSIGN_OR_RETURN(EventLog * log, LogOf(work.generation));
  const std::vector<absl::string_view> entries(work.entries.begin(), work.entries.end());
  return AppendTo(archive_, *log, entries);
}

// How many entries of a generation that does not open the holder surely has as they were here: it
// may hold another branch behind those that it has cosigned, and nobody can compare.
absl::StatusOr<uint64_t> Worker::SharedWithHolder(const Work& work) const {
  const LogKeys keys(recorder_.log().log_id(), core::Generation(work.generation));
  auto note = archive_.store().Get(keys.Checkpoint());
  if (note.status().code() == absl::StatusCode::kDataLoss) return 0;
  CL_RETURN_IF_ERROR(note.status());
  // What the holder has may be another branch from the first entry on; what is carried over and
  // stands in its place again counts once.
  if (!note->has_value()) return 0;
  const std::optional<TreeHead> cosigned = HeadOf(**note);
  return std::min(work.position, cosigned.has_value() ? cosigned->size : 0);
}

WorkResult Worker::Salvage(const Work& work) {
  WorkResult result;
  if (archive_.damaged()) {
    // Much of it may be readable once the store is mended.
    return {.status = absl::AbortedError("the store is damaged and is mended first")};
  }
  auto kept = archive_.ReadableSize(recorder_.log().log_id(), core::Generation(work.generation));
  if (!kept.ok()) return {.status = kept.status()};
  auto shared = SharedWithHolder(work);
  if (!shared.ok()) return {.status = shared.status()};
  const uint64_t from = std::max(*shared, *kept);
  std::vector<v1::Entry> events;
  absl::Status recorded;
  auto record = [&] {
    if (events.empty() || !recorded.ok()) return;
    recorded = recorder_.RecordAndWait(std::exchange(events, {}));
  };
  result.status =
      VisitReadable(archive_.store(), recorder_.log().log_id(), core::Generation(work.generation),
                    from, from, [&](uint64_t sequence, absl::string_view bytes) {
                      core::AppendOrphan(core::Generation(work.generation),
                                         core::Sequence(sequence), bytes, events);
                      ++result.recorded;
                      if (events.size() >= kAtOnce) record();
                    });
  record();
  if (result.status.ok()) result.status = recorded;
  if (!result.status.ok()) return result;
  auto opened = archive_.Salvage(recorder_.log().log_id(), core::Generation(work.generation));
  result.status = opened.status();
  if (opened.ok()) result.log = opened->log;
  return result;
}

WorkResult Worker::Do(const Work& work) {
  switch (work.kind) {
    case Work::Kind::kRecord:
      return {.status = recorder_.RecordAndWait(work.events)};
    case Work::Kind::kAppend:
      return {.status = Append(work)};
    case Work::Kind::kSalvage:
      return Salvage(work);
    case Work::Kind::kTruncate: {
      auto log = LogOf(work.generation);
      return {.status = log.ok() ? archive_.Truncate(**log, work.position) : log.status()};
    }
    case Work::Kind::kRepair: {
      auto log = LogOf(work.generation);
      if (!log.ok()) return {.status = log.status()};
      const std::vector<absl::string_view> entries(work.entries.begin(), work.entries.end());
      return {.status = archive_.Repair(**log, work.position, entries)};
    }
    case Work::Kind::kKeepCheckpoint: {
      auto log = LogOf(work.generation);
      return {.status = log.ok() ? archive_.KeepCheckpoint(**log, work.note) : log.status()};
    }
    case Work::Kind::kBegin:
      break;
  }
  return {.status = absl::InternalError("who begins a generation does it in a new life")};
}

}  // namespace chargeledger::log::replication
