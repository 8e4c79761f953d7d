#include "tests/simulation/machine.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace chargeledger::simulation {
namespace {

// After so many failed starts a person comes.
constexpr int kPatience = 4;
constexpr uint64_t kSupervisorUs = 2 * kSecond;
// New lives that follow each other for other reasons than a fault.
constexpr int kMostAtOnce = 20;
constexpr uint64_t kLookForSpaceUs = 500 * kMillisecond;

}  // namespace

using Outcome = log::SimulatedDisk::Outcome;

Machine::Machine(World& world, Judge& judge, std::string name)
    : world_(world),
      judge_(judge),
      name_(std::move(name)),
      clock_(world),
      disk_(std::make_unique<log::SimulatedDisk>()) {}

Outcome Machine::Decide(absl::string_view kind, absl::string_view name) {
  world_.Mix(kind);
  judge_.CountOperation();
  if (crash_in_ > 0 && --crash_in_ == 0) {
    const bool before = world_.random().OneIn(2);
    world_.Tell(name_, absl::StrCat("crashes ", before ? "before" : "after", " ", kind, " ", name));
    crashed_ = true;
    return before ? Outcome::kCrashBefore : Outcome::kCrashAfter;
  }
  if (fail_in_ > 0 && --fail_in_ == 0) {
    world_.Tell(name_, absl::StrCat("its device fails at ", kind, " ", name));
    return world_.random().OneIn(2) ? Outcome::kFailedDone : Outcome::kFailedUndone;
  }
  // What only overwrites takes no space.
  const bool takes_space = kind != "overwrite" && kind != "sync" && kind != "remove";
  return takes_space && full_until_us_ > world_.now_us() ? Outcome::kFull : Outcome::kDone;
}

void Machine::Boot() { Restart(); }

void Machine::Restart() {
  if (up()) return;
  if (waits_for_space_ && full_until_us_ > world_.now_us()) {
    world_.After(kLookForSpaceUs, [this, life = life_] {
      if (life == life_) Restart();
    });
    return;
  }
  waits_for_space_ = false;
  ++life_;
  crashed_ = false;
  ending_ = absl::OkStatus();
  directory_ = disk_->Mount([this](auto kind, auto name) { return Decide(kind, name); });
  Run([this] {
    absl::Status status = Start();
    if (status.ok()) {
      failed_starts_ = 0;
      return;
    }
    if (!crashed_ && status.code() != absl::StatusCode::kResourceExhausted &&
        status.code() != absl::StatusCode::kAborted) {
      ++failed_starts_;
    }
    Fail(status);
  });
}

void Machine::Run(const std::function<void()>& what) {
  if (!up()) return;
  if (std::exchange(running_, true)) return what();
  what();
  running_ = false;
  LookWhetherOver();
}

void Machine::After(uint64_t us, std::function<void()> what) {
  world_.After(us, [this, life = life_, what = std::move(what)] {
    if (life == life_ && up()) Run(what);
  });
}

void Machine::Fail(const absl::Status& why) {
  if (ending_.ok()) ending_ = why;
}

void Machine::LookWhetherOver() {
  if (!up()) return;
  if (crashed_) return End("crashed", world_.Between(kSecond / 10, 10 * kSecond));
  if (ending_.ok()) return;
  if (failed_starts_ >= kPatience) {
    End(ending_.ToString(), kSupervisorUs);
    failed_starts_ = 0;
    judge_.PersonNeeded(name_, ending_);
    world_.Tell(name_, "a person gives it another disk");
    return Replace();
  }
  const bool full = ending_.code() == absl::StatusCode::kResourceExhausted;
  const bool again = ending_.code() == absl::StatusCode::kAborted;
  begun_again_ = again ? begun_again_ + 1 : 0;
  judge_.Expect(begun_again_ < kMostAtOnce, "liveness",
                absl::StrCat(name_, " begins again and again: ", ending_.ToString()));
  waits_for_space_ = full;
  End(ending_.ToString(), full ? kLookForSpaceUs : again ? 10 * kMillisecond : kSupervisorUs);
}

void Machine::End(const std::string& why, uint64_t again_us) {
  world_.Tell(name_, absl::StrCat("ends: ", why));
  // Its last words still reach the disk, unless it is dead already.
  running_ = true;
  Drop();
  running_ = false;
  disk_->Unmount();
  directory_.reset();
  world_.After(again_us, [this, life = life_] {
    if (life == life_) Restart();
  });
}

void Machine::Kill() {
  if (!up()) return;
  disk_->Unmount();
  End("is killed", world_.Between(kSecond / 10, 20 * kSecond));
}

void Machine::LosePower() {
  const bool was_up = up();
  disk_->LosePower([this] { return world_.random().Bits(); });
  if (was_up) End("loses power", world_.Between(kSecond, 5 * kMinute));
}

void Machine::FillDisk(uint64_t us) {
  full_until_us_ = world_.now_us() + us;
  world_.Tell(name_, absl::StrCat("its disk is full for ", us / kSecond, " s"));
}

size_t Machine::DamageDisk(const std::string& store) {
  const auto keys = disk_->Damage(store, [this] { return world_.random().Bits(); });
  world_.Tell(
      name_, absl::StrCat("a block of ", keys.size(), " keys of its store ", store, " is damaged"));
  judge_.Damaged(name_);
  return keys.size();
}

void Machine::Compact() {
  for (const char* store : {"log", "state", "books"}) disk_->Compact(store);
}

void Machine::SwapDisk(std::unique_ptr<log::SimulatedDisk> disk, const std::string& keep,
                       const std::string& why) {
  judge_.SwappedDisk(name_);
  disk_->Unmount();
  if (up()) End(why, world_.Between(kSecond, kMinute));
  if (!keep.empty()) disk->TakeFile(*disk_, keep);
  disk_ = std::move(disk);
}

void Machine::Heal() {
  crash_in_ = 0;
  fail_in_ = 0;
  full_until_us_ = 0;
  slow_until_us_ = 0;
  clock_.Drift(0);
}

uint64_t Machine::DiskDelayUs() {
  if (slow_until_us_ > world_.now_us()) return world_.Between(50 * kMillisecond, 3 * kSecond);
  return world_.Between(200, 4 * kMillisecond);
}

}  // namespace chargeledger::simulation
