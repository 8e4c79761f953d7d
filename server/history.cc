#include "server/history.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/check.h"
#include "projections/runtime/folder.h"

namespace chargeledger::server {
namespace {

// How many entries were recorded before the first that was recorded after `time_us`.
absl::StatusOr<uint64_t> SizeAt(const log::EventLog& log, int64_t time_us) {
  uint64_t size = 0;
  v1::Entry entry;
  CL_RETURN_IF_ERROR(
      log.Read(core::Sequence(0), ~uint64_t{0}, [&](core::Sequence, absl::string_view bytes) {
        const bool later = entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                           entry.wall_time_us() > time_us;
        if (!later) ++size;
        return !later;
      }));
  return size;
}

absl::Status NoSuchPosition(const v1::LogPosition& position, const std::string& why) {
  return absl::InvalidArgumentError(
      absl::StrCat("as_of names size ", position.size(), " of generation ", position.generation(),
                   " of log ", absl::CHexEscape(position.log_id()), "; ", why));
}

}  // namespace

absl::StatusOr<std::optional<History::Position>> History::PositionIn(const v1::AsOf& as_of,
                                                                     const HeldLog& held) {
  if (as_of.positions().empty()) {
    std::optional<Position> found;
    for (const log::EventLog* log : held.generations()) {
      CL_ASSIGN_OR_RETURN(uint64_t size, SizeAt(*log, as_of.time_us()));
      if (size > 0) found = Position{log->generation().value(), size};
      if (size < log->head().size) break;
    }
    return found;
  }
  for (const v1::LogPosition& position : as_of.positions()) {
    const bool named = position.log_id().empty()
                           ? position.site() == held.site()
                           : absl::StartsWith(held.log_id().ToHex(), position.log_id());
    if (!named) continue;
    if (position.generation() == 0) return std::optional<Position>();
    for (const log::EventLog* log : held.generations()) {
      if (log->generation().value() != position.generation()) continue;
      if (position.size() > log->head().size) {
        return NoSuchPosition(position, absl::StrCat("it has ", log->head().size, " entries"));
      }
      return std::optional<Position>(Position{position.generation(), position.size()});
    }
    return NoSuchPosition(position, "there is no such generation");
  }
  return std::optional<Position>();
}

absl::Status History::FoldTo(const HeldLog& held, const Position& position) {
  projections::Folder folder(store_, books_);
  CL_ASSIGN_OR_RETURN(v1::StoredFold folded, projections::ReadPosition(store_, held.log_id()));
  const bool beyond = folded.generation() > position.generation ||
                      (folded.generation() == position.generation && folded.size() > position.size);
  if (beyond) CL_RETURN_IF_ERROR(folder.Drop(held.log_id()));
  std::vector<const log::EventLog*> generations;
  for (const log::EventLog* log : held.generations()) {
    if (log->generation().value() <= position.generation) generations.push_back(log);
  }
  CL_RETURN_IF_ERROR(folder.KeepOnly(generations));
  for (const log::EventLog* log : generations) {
    const uint32_t generation = log->generation().value();
    const uint64_t wanted = generation < position.generation ? log->head().size : position.size;
    while (true) {
      CL_ASSIGN_OR_RETURN(folded, projections::ReadPosition(store_, held.log_id()));
      const uint64_t done = folded.generation() == generation ? folded.size() : 0;
      if (folded.generation() > generation || done >= wanted) break;
      CL_ASSIGN_OR_RETURN(v1::StoredFold after, folder.Fold(*log, held.site(), wanted - done));
      // A frame whose last part is missing is no event, and is not folded.
      if (after.generation() != generation || after.size() <= done) break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<History::Past> History::At(const v1::AsOf& as_of,
                                          const std::vector<HeldLog*>& logs) {
  absl::MutexLock lock(&mutex_);
  Past past;
  for (HeldLog* held : logs) {
    CL_ASSIGN_OR_RETURN(std::optional<Position> position, PositionIn(as_of, *held));
    if (!position.has_value()) continue;
    CL_RETURN_IF_ERROR(FoldTo(*held, *position));
    past.logs.push_back(held);
  }
  past.states = store_.Snapshot();
  return past;
}

}  // namespace chargeledger::server
