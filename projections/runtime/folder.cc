#include "projections/runtime/folder.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "projections/event.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::projections {
namespace {

// A batch is held in memory several times over.
constexpr size_t kMostUnwrittenBytes = 16 << 20;

bool Matches(const v1::StoredFold& stored, const v1::StoredFold& wanted) {
  if (stored.parts_size() != wanted.parts_size()) return false;
  for (int i = 0; i < stored.parts_size(); ++i) {
    if (stored.parts(i).name() != wanted.parts(i).name() ||
        stored.parts(i).version() != wanted.parts(i).version()) {
      return false;
    }
  }
  return true;
}

// A generation may end with a frame that was never completed: that is no event.
absl::StatusOr<bool> HasEventAfter(const log::EventLog& log, uint64_t size) {
  EventReader reader(log.log_id(), "", log.generation());
  bool found = false;
  CL_RETURN_IF_ERROR(log.Read(core::Sequence(size), ~uint64_t{0},
                              [&](core::Sequence sequence, absl::string_view bytes) {
                                found = reader.Read(sequence, bytes).has_value();
                                return !found;
                              }));
  return found;
}

}  // namespace

absl::StatusOr<v1::StoredFold> ReadPosition(const log::Reader& reader, const core::LogId& log_id) {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, reader.Get(FoldKey(log_id)));
  v1::StoredFold position;
  if (stored.has_value() && !position.ParseFromString(*stored)) {
    return absl::DataLossError(absl::StrCat("the stored position of the projections of log ",
                                            log_id.ToHex(), " cannot be read"));
  }
  return position;
}

absl::StatusOr<v1::StoredFold> Folder::Fold(const log::EventLog& log, absl::string_view site,
                                            uint64_t max_entries) {
  CL_ASSIGN_OR_RETURN(v1::StoredFold position, Prepare(log));
  if (position.generation() < log.generation().value()) {
    position.set_generation(log.generation().value());
    position.set_size(0);
    position.clear_clocks();
  }
  const uint64_t kept_from = log.dropped() * log::kTileWidth;
  if (position.generation() == log.generation().value() && position.size() < kept_from) {
    position.set_size(kept_from);
    position.set_partial(true);
    position.clear_clocks();
  }
  if (position.generation() != log.generation().value()) return position;
  // Without a position nothing is stored: it is written with the first state, and dropped first.
  const bool empty = position.folded().empty();
  std::deque<StagedState> states;
  for (int part = 0; part < position.parts_size(); ++part) {
    states.emplace_back(store_, StatePrefix(log.log_id(), static_cast<size_t>(part)), empty);
  }
  uint64_t unwritten = 0;
  absl::StatusOr<uint64_t> folded = 1;
  while (folded.ok() && *folded > 0) {
    folded = 0;
    if (max_entries > 0) {
      folded = FoldStretch(log, site, std::min(max_entries, batch_entries_ - unwritten), states,
                           position);
    }
    const uint64_t more = folded.value_or(0);
    max_entries -= std::min(more, max_entries);
    unwritten += more;
    size_t bytes = 0;
    for (const StagedState& state : states) bytes += state.unwritten_bytes();
    // What was folded before an entry that cannot be read stands.
    const bool over = more == 0 && unwritten > 0;
    if (over || unwritten >= batch_entries_ || bytes >= kMostUnwrittenBytes) {
      CL_RETURN_IF_ERROR(Write(log.log_id(), position, states));
      unwritten = 0;
    }
  }
  CL_RETURN_IF_ERROR(folded.status());
  return position;
}

// Whether what was folded of this generation is what the log has.
absl::StatusOr<bool> Folder::IsOf(const v1::StoredFold& stored, const log::EventLog& log) const {
  const uint32_t generation = log.generation().value();
  for (const v1::StoredFold::Folded& folded : stored.folded()) {
    if (folded.generation() != generation) continue;
    const uint64_t size = log.head().size;
    if (folded.size() > size) return false;
    // A generation that another follows was folded to its end: if it has grown, its new entries
    // would come too late.
    if (generation < stored.generation() && folded.size() != size) {
      CL_ASSIGN_OR_RETURN(bool grown, HasEventAfter(log, folded.size()));
      if (grown) return false;
    }
    CL_ASSIGN_OR_RETURN(log::Hash root, log.RootAt(folded.size()));
    return root.bytes() == absl::string_view(folded.root());
  }
  // What was never folded is folded in its turn, or comes too late.
  return generation >= stored.generation() || log.head().size == 0;
}

absl::Status Folder::KeepOnly(absl::Span<const log::EventLog* const> generations) {
  for (const log::EventLog* log : generations) {
    CL_ASSIGN_OR_RETURN(v1::StoredFold stored, ReadPosition(store_, log->log_id()));
    if (!Matches(stored, Empty())) return Drop(log->log_id());
    absl::StatusOr<bool> same = IsOf(stored, *log);
    // What cannot be read is found by who folds it.
    if (same.ok() && !*same) return Drop(log->log_id());
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::StoredFold> Folder::Prepare(const log::EventLog& log) {
  v1::StoredFold wanted = Empty();
  CL_ASSIGN_OR_RETURN(v1::StoredFold stored, ReadPosition(store_, log.log_id()));
  if (Matches(stored, wanted)) {
    CL_ASSIGN_OR_RETURN(bool same, IsOf(stored, log));
    if (same) return stored;
  }
  CL_RETURN_IF_ERROR(Drop(log.log_id()));
  return wanted;
}

v1::StoredFold Folder::Empty() const {
  v1::StoredFold wanted;
  for (const Fold::Part& part : fold_.parts()) {
    v1::StoredFold::Part& stored = *wanted.add_parts();
    stored.set_name(part.name);
    stored.set_version(part.version);
    stored.set_digest(StateDigest().bytes());
  }
  return wanted;
}

absl::Status Folder::Drop(const core::LogId& log_id) {
  // The position goes first: a crash in between leaves a state without one, which is dropped again.
  log::WriteBatch forget;
  forget.Delete(FoldKey(log_id));
  CL_RETURN_IF_ERROR(store_.Commit(forget, log::Durability::kBuffered));
  const std::string prefix = StatePrefix(log_id);
  constexpr size_t kAtOnce = 10'000;
  while (true) {
    log::WriteBatch batch;
    CL_RETURN_IF_ERROR(store_.Scan(prefix, log::AfterPrefix(prefix),
                                   [&](absl::string_view key, absl::string_view) {
                                     batch.Delete(std::string(key));
                                     return batch.operations().size() < kAtOnce;
                                   }));
    if (batch.operations().empty()) return absl::OkStatus();
    CL_RETURN_IF_ERROR(store_.Commit(batch, log::Durability::kBuffered));
  }
}

// Keeps what was folded, and the digests where every reader comes by.
void Folder::Note(const log::Hash& root, uint64_t border, v1::StoredFold& position) {
  v1::StoredFold::Folded* folded = nullptr;
  for (v1::StoredFold::Folded& known : *position.mutable_folded()) {
    if (known.generation() == position.generation()) folded = &known;
  }
  if (folded == nullptr) folded = position.add_folded();
  folded->set_generation(position.generation());
  folded->set_size(position.size());
  folded->set_root(std::string(root.bytes()));
  if (position.size() < border) return;
  v1::StoredFold::Point& point = *position.add_points();
  point.set_generation(position.generation());
  point.set_size(position.size());
  *point.mutable_parts() = position.parts();
  if (position.points_size() > kPointsKept) position.mutable_points()->DeleteSubrange(0, 1);
}

// Folds up to the next position where all readers come by, at most. If it fails, states and
// position are still what was counted last.
absl::StatusOr<uint64_t> Folder::FoldStretch(const log::EventLog& log, absl::string_view site,
                                             uint64_t max_entries, std::deque<StagedState>& states,
                                             v1::StoredFold& position) {
  std::vector<State*> parts;
  for (StagedState& state : states) parts.push_back(&state);
  const uint64_t border = (position.size() / kPointEvery + 1) * kPointEvery;
  max_entries = std::min(max_entries, border - position.size());
  EventReader reader(log.log_id(), site, log.generation());
  const v1::StoredFold::Clocks& clocks = position.clocks();
  reader.SetClocks({clocks.boot(), clocks.wall_us(), clocks.monotonic_us()});
  uint64_t read = 0;
  // A frame in parts is folded whole or not at all, so a stretch ends only where no frame is open.
  absl::Status stopped;
  const absl::Status status = log.Read(core::Sequence(position.size()), ~uint64_t{0},
                                       [&](core::Sequence sequence, absl::string_view bytes) {
                                         if (auto event = reader.Read(sequence, bytes)) {
                                           if (seen_) stopped = seen_(*event);
                                           if (!stopped.ok()) return false;
                                           fold_.Apply(*event, parts);
                                         }
                                         return ++read < max_entries || reader.pending() > 0;
                                       });
  // Also of what is thrown away: the fold must not remember it.
  fold_.Finish(parts);
  CL_RETURN_IF_ERROR(status);
  CL_RETURN_IF_ERROR(stopped);
  const uint64_t folded = read - reader.pending();
  if (folded == 0) return 0;
  std::vector<StateDigest> digests;
  for (size_t part = 0; part < states.size(); ++part) {
    CL_RETURN_IF_ERROR(states[part].status());
    CL_ASSIGN_OR_RETURN(digests.emplace_back(),
                        StateDigest::FromBytes(position.parts(static_cast<int>(part)).digest()));
  }
  CL_ASSIGN_OR_RETURN(const log::Hash root, log.RootAt(position.size() + folded));
  // From here on nothing fails.
  for (size_t part = 0; part < states.size(); ++part) {
    states[part].Count(digests[part]);
    position.mutable_parts(static_cast<int>(part))->set_digest(digests[part].bytes());
  }
  position.set_size(position.size() + folded);
  position.mutable_clocks()->set_boot(reader.clocks().boot);
  position.mutable_clocks()->set_wall_us(reader.clocks().wall_us);
  position.mutable_clocks()->set_monotonic_us(reader.clocks().monotonic_us);
  Note(root, border, position);
  return folded;
}

absl::Status Folder::Write(const core::LogId& log_id, const v1::StoredFold& position,
                           std::deque<StagedState>& states) {
  log::WriteBatch batch;
  for (const StagedState& state : states) state.Stage(batch);
  batch.PutCopy(FoldKey(log_id), position.SerializeAsString());
  // Losing it to a power cut costs folding again, never an entry.
  CL_RETURN_IF_ERROR(store_.Commit(batch, log::Durability::kBuffered));
  for (size_t part = 0; part < states.size(); ++part) {
    states[part].Written([&](absl::string_view key) {
      if (changed_) changed_(log_id, part, key);
    });
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::projections
