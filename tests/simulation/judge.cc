#include "tests/simulation/judge.h"

#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/orphans.h"
#include "log/archive.h"
#include "log/salvage.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::simulation {
namespace {

// Puts frames in parts together, and orphans, as they come: log by log, generation by generation.
class FrameCounter {
 public:
  FrameCounter(Frames& frames, Frames& aside) : frames_(frames), aside_(aside) {}

  void Add(const core::LogId& log_id, uint32_t generation, uint64_t sequence,
           absl::string_view bytes) {
    v1::Entry entry;
    if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
    if (!entry.has_orphaned_entry()) {
      orphans_.Clear();
      std::string key = Count(entry, frames_);
      if (!key.empty()) standing_[{log_id, generation, sequence}].insert(std::move(key));
      return;
    }
    auto whole = orphans_.Add(entry.orphaned_entry());
    v1::Entry orphan;
    if (!whole.has_value() ||
        !orphan.ParseFromArray(whole->bytes.data(), static_cast<int>(whole->bytes.size()))) {
      return;
    }
    // What the ledger has kept of a site's log may have come back into it since.
    if (!entry.orphaned_entry().log_id().empty()) {
      Count(orphan, aside_);
      return;
    }
    // So may what a site has carried over, with an old copy of the ledger: each time it names the
    // place where it first stood, so that it is known as the same. Two branches have different ones
    // at one place.
    Frames one;
    std::string key = Count(orphan, one);
    if (key.empty()) return;
    const bool known = !standing_[{log_id, whole->generation, whole->sequence}].insert(key).second;
    if (!known) ++frames_[key];
  }

 private:
  // Returns the frame's key; empty if it is none that is counted.
  static std::string Count(const v1::Entry& entry, Frames& frames) {
    if (!entry.has_frame_recorded()) return "";
    const v1::FrameRecorded& frame = entry.frame_recorded();
    // What names a frame is in its first part.
    if (frame.direction() != v1::DIRECTION_RECEIVED || frame.part_index() > 0) return "";
    std::string key = FrameKey(frame.charge_point_id(), frame.payload());
    if (!key.empty()) ++frames[key];
    return key;
  }

  Frames& frames_;
  Frames& aside_;
  core::OrphanReader orphans_;
  std::map<std::tuple<core::LogId, uint32_t, uint64_t>, std::set<std::string>> standing_;
};

}  // namespace

std::string FrameKey(absl::string_view charge_point_id, absl::string_view frame) {
  constexpr absl::string_view kCall = "[2,\"";
  if (!absl::StartsWith(frame, kCall)) return "";
  const size_t end = frame.find('"', kCall.size());
  if (end == frame.npos) return "";
  return absl::StrCat(charge_point_id, "|", frame.substr(kCall.size(), end - kCall.size()));
}

void Judge::Violate(const std::string& checker, const std::string& detail) {
  if (violation_.has_value()) return;
  violation_ = Violation{checker, detail, world_.now_us()};
  world_.Tell("judge", absl::StrCat(checker, ": ", detail));
}

void Judge::OnDelivered(absl::string_view charge_point_id, absl::string_view frame) {
  ++statistics_.frames;
  const std::string key = FrameKey(charge_point_id, frame);
  if (key.empty()) return;
  Counts& counts = frames_[key];
  if (counts.delivered++ == 0) counts.first_us = world_.now_us();
}

void Judge::OnAnswered(absl::string_view charge_point_id, absl::string_view frame) {
  ++statistics_.answers;
  Counts& counts = frames_[FrameKey(charge_point_id, frame)];
  ++counts.answered;
}

void Judge::OnCosigned(const std::string& note) {
  auto parsed = log::tlog::Note::Parse(note);
  if (!parsed.ok()) return Violate("cosigned", "what was cosigned is no note");
  auto checkpoint = log::tlog::Checkpoint::Parse(parsed->text);
  if (!checkpoint.ok()) return Violate("cosigned", "what was cosigned is no checkpoint");
  const std::string root(checkpoint->head.root.bytes());
  auto [known, is_new] = cosigned_.try_emplace({checkpoint->origin, checkpoint->head.size}, root);
  if (is_new || known->second == root) return;
  Violate("cosigned",
          absl::StrCat(checkpoint->origin, ": two roots were cosigned for size ",
                       checkpoint->head.size, ": ", absl::BytesToHexString(known->second), " and ",
                       absl::BytesToHexString(root)));
}

void Judge::PersonNeeded(const std::string& machine, const absl::Status& why) {
  ++statistics_.people;
  // Only what is stored and damaged is a person's.
  Expect(was_damaged(machine), "starts",
         absl::StrCat(machine, " does not start, and nothing of it was damaged: ", why.ToString()));
}

void Judge::OnDestroyed(const Frames& before, const Frames& after, const Frames& elsewhere) {
  for (const auto& [key, count] : before) {
    auto is_in = [&](const Frames& frames) {
      auto found = frames.find(key);
      return found != frames.end() && found->second >= count;
    };
    if (is_in(after)) continue;
    destroyed_.insert(key);
    if (is_in(elsewhere)) continue;
    if (endangered_.insert(key).second) ++statistics_.endangered;
  }
}

void Judge::CheckFrames(const log::SimulatedDisk& disk,
                        const std::map<std::string, const log::SimulatedDisk*>& others) {
  Frames central;
  std::set<std::string> aside;
  CollectFrames(disk, log::SimulatedDisk::Sight::kReadable, central, &aside);
  // Where both sides were damaged before either had noticed, one may have given up what the other
  // could not give back (docs/failure_model.md).
  if (damaged_.count("ledger") > 0 && damaged_.size() > 1) {
    endangered_.insert(destroyed_.begin(), destroyed_.end());
  }
  // What is only kept as evidence, the books do not know.
  endangered_.insert(aside.begin(), aside.end());
  for (const auto& [key, counts] : frames_) {
    auto found = central.find(key);
    const int recorded = found == central.end() ? 0 : found->second;
    if (recorded > counts.delivered) {
      return Violate("exactly once",
                     absl::StrCat("frame ", key, " is in the central ledger ", recorded,
                                  " times, and was delivered ", counts.delivered,
                                  " times: ", PlacesOf(key, disk)));
    }
    if (recorded >= counts.answered) continue;
    ++statistics_.lost;
    if (endangered(key)) continue;
    std::string known;
    for (const auto& [name, other] : others) {
      const std::string places = PlacesOf(key, *other);
      if (!places.empty()) absl::StrAppend(&known, "; ", name, " has it at ", places);
    }
    return Violate("exactly once",
                   absl::StrCat("frame ", key, " was answered ", counts.answered,
                                " times, first delivered in second ", counts.first_us / kSecond,
                                ", and is in the central ledger ", recorded,
                                " times; no fault has destroyed it", known));
  }
}

namespace {

// Every entry that can be read of every generation of every log.
void VisitLogs(
    const log::SimulatedDisk& disk, log::SimulatedDisk::Sight sight,
    absl::FunctionRef<void(const core::LogId&, uint32_t, uint64_t, absl::string_view)> visit) {
  auto store = disk.Look(log::Archive::kStoreName, sight);
  // Which logs there are, is asked of all that is there.
  auto all = disk.Look(log::Archive::kStoreName, log::SimulatedDisk::Sight::kBehindDamage);
  if (store == nullptr) return;
  std::vector<v1::StoredLog> logs;
  for (char kind : log::Archive::kRecordKinds) {
    const std::string prefix(1, kind);
    (void)all->Scan(prefix, log::AfterPrefix(prefix), [&](absl::string_view, absl::string_view v) {
      logs.emplace_back().ParseFromArray(v.data(), static_cast<int>(v.size()));
      return true;
    });
  }
  for (const v1::StoredLog& stored : logs) {
    auto log_id = core::LogId::FromBytes(stored.log_id());
    if (!log_id.ok()) continue;
    for (uint32_t generation = 1; generation <= stored.generation(); ++generation) {
      (void)log::VisitReadable(*store, *log_id, core::Generation(generation), 0, 0,
                               [&](uint64_t sequence, absl::string_view bytes) {
                                 visit(*log_id, generation, sequence, bytes);
                               });
    }
  }
}

}  // namespace

void CollectFrames(const log::SimulatedDisk& disk, log::SimulatedDisk::Sight sight, Frames& frames,
                   std::set<std::string>* only_aside) {
  Frames aside;
  FrameCounter counter(frames, aside);
  VisitLogs(disk, sight,
            [&](const core::LogId& log_id, uint32_t generation, uint64_t sequence,
                absl::string_view bytes) { counter.Add(log_id, generation, sequence, bytes); });
  for (const auto& [key, times] : aside) {
    // Kept twice by a ledger that was cut off in between, it is still one.
    if (frames.try_emplace(key, 1).second && only_aside != nullptr) only_aside->insert(key);
  }
}

std::string PlacesOf(const std::string& key, const log::SimulatedDisk& disk) {
  std::string places;
  VisitLogs(disk, log::SimulatedDisk::Sight::kBehindDamage,
            [&](const core::LogId& log_id, uint32_t generation, uint64_t sequence,
                absl::string_view bytes) {
              Frames here, aside;
              FrameCounter(here, aside).Add(log_id, generation, sequence, bytes);
              if (here.count(key) + aside.count(key) == 0) return;
              v1::Entry entry;
              entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
              absl::StrAppend(&places, places.empty() ? "" : ", ", log_id.ToHex().substr(0, 12),
                              " generation ", generation, " entry ", sequence);
              if (!entry.has_orphaned_entry()) return;
              absl::StrAppend(&places, " (from generation ", entry.orphaned_entry().generation(),
                              " entry ", entry.orphaned_entry().sequence(), ")");
            });
  return places;
}

}  // namespace chargeledger::simulation
