// What a run is judged by: what charge points were told, what was signed, and which losses the
// faults explain. The first violation is kept.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "log/simulated_disk.h"
#include "log/tlog/note.h"
#include "tests/simulation/world.h"

namespace chargeledger::simulation {

// "charge point|message id" of a CALL; empty for what is no CALL of a charge point.
std::string FrameKey(absl::string_view charge_point_id, absl::string_view frame);

// How often each CALL of a charge point is recorded.
using Frames = std::map<std::string, int>;

struct Violation {
  std::string checker;
  std::string detail;
  uint64_t at_us = 0;
};

struct Statistics {
  uint64_t frames = 0;
  uint64_t answers = 0;
  uint64_t operations = 0;
  uint64_t endangered = 0;
  uint64_t lost = 0;
  uint64_t sessions = 0;
  uint64_t sessions_compared = 0;
  uint64_t people = 0;
};

class Judge {
 public:
  explicit Judge(World& world) : world_(world) {}

  void Violate(const std::string& checker, const std::string& detail);
  const std::optional<Violation>& violation() const { return violation_; }
  // Not a violation by itself if it holds.
  void Expect(bool holds, const std::string& checker, const std::string& detail) {
    if (!holds) Violate(checker, detail);
  }

  // A site's process has taken a frame; a charge point has been answered one.
  void OnDelivered(absl::string_view charge_point_id, absl::string_view frame);
  void OnAnswered(absl::string_view charge_point_id, absl::string_view frame);
  // The ledger has sent a cosigned checkpoint.
  void OnCosigned(const std::string& note);
  void CountOperation() { ++statistics_.operations; }
  void Damaged(const std::string& machine) { damaged_.insert(machine); }
  // The machine came up with another disk: what it had begun it may not know.
  void SwappedDisk(const std::string& machine) { swapped_.insert(machine); }
  // Entries of the site's log may have been carried over, out of their order.
  bool disturbed(const std::string& site) const {
    return swapped_.count(site) + damaged_.count(site) + damaged_.count("ledger") > 0;
  }
  bool was_damaged(const std::string& machine) const { return damaged_.count(machine) > 0; }
  // A process could not start, again and again.
  void PersonNeeded(const std::string& machine, const absl::Status& why);

  // A fault has destroyed a copy of what was `before` and not `after`; `elsewhere` has what else
  // there is. What is nowhere any more may be missing in the end.
  void OnDestroyed(const Frames& before, const Frames& after, const Frames& elsewhere);
  bool endangered(const std::string& key) const { return endangered_.count(key) > 0; }
  bool anything_endangered() const { return !endangered_.empty(); }
  // Some of what this charge point said is nowhere any more.
  bool excused(const std::string& charge_point_id) const {
    auto at = endangered_.lower_bound(charge_point_id + "|");
    return at != endangered_.end() && at->compare(0, charge_point_id.size(), charge_point_id) == 0;
  }

  // Every answered frame is there, none more often than it was delivered.
  // `others` may know of what is missing.
  void CheckFrames(const log::SimulatedDisk& central,
                   const std::map<std::string, const log::SimulatedDisk*>& others);

  // The roots that were cosigned, by the log's origin and size.
  const std::map<std::pair<std::string, uint64_t>, std::string>& cosigned() const {
    return cosigned_;
  }
  Statistics& statistics() { return statistics_; }

 private:
  struct Counts {
    int delivered = 0;
    int answered = 0;
    uint64_t first_us = 0;
  };

  World& world_;
  std::optional<Violation> violation_;
  std::map<std::string, Counts> frames_;
  std::set<std::string> endangered_;
  // Of which one copy was destroyed.
  std::set<std::string> destroyed_;
  std::set<std::string> damaged_;
  std::set<std::string> swapped_;
  std::map<std::pair<std::string, uint64_t>, std::string> cosigned_;
  Statistics statistics_;
};

// Adds what the archive on `disk` has recorded of frames, in every generation of every log.
// Those that only the ledger's own log has kept of another log are told apart as well.
void CollectFrames(const log::SimulatedDisk& disk, log::SimulatedDisk::Sight sight, Frames& frames,
                   std::set<std::string>* only_aside = nullptr);
// Where it has recorded one of them, in words.
std::string PlacesOf(const std::string& key, const log::SimulatedDisk& disk);

}  // namespace chargeledger::simulation
