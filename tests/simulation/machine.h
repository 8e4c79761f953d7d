// A machine with a disk and a clock, and the process that runs on it life after life. Whatever
// happens in the process is one event, after which it may be found dead.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "log/simulated_disk.h"
#include "tests/simulation/judge.h"
#include "tests/simulation/world.h"

namespace chargeledger::simulation {

class Machine {
 public:
  Machine(World& world, Judge& judge, std::string name);
  virtual ~Machine() = default;

  const std::string& name() const { return name_; }
  bool up() const { return directory_ != nullptr; }
  const log::SimulatedDisk& disk() const { return *disk_; }
  MachineClock& clock() { return clock_; }

  // Begins the first life.
  void Boot();

  // Faults. The process ends at the n-th change of what is stored from now on; so does its device
  // fail.
  void CrashAtOperation(uint64_t n) { crash_in_ = n; }
  void FailAtOperation(uint64_t n) { fail_in_ = n; }
  void FillDisk(uint64_t us);
  void SlowDisk(uint64_t us) { slow_until_us_ = world_.now_us() + us; }
  void LosePower();
  // kill -9.
  void Kill();
  // Damages a block of a store; its number of keys.
  size_t DamageDisk(const std::string& store);
  void Compact();
  std::unique_ptr<log::SimulatedDisk> Image() const { return disk_->Image(); }
  // The process is killed and finds another disk when it starts again. `keep`: a file that stays.
  void SwapDisk(std::unique_ptr<log::SimulatedDisk> disk, const std::string& keep,
                const std::string& why);
  // No more faults; what is down comes up.
  void Heal();

 protected:
  // Begins a life on directory(). An error ends it.
  virtual absl::Status Start() = 0;
  // The process is gone: so is all that belongs to this life.
  virtual void Drop() = 0;
  // What a person does who finds the process unable to start: another disk.
  virtual void Replace() = 0;

  log::Directory& directory() { return *directory_; }
  // Something happens in the process.
  void Run(const std::function<void()>& what);
  // It happens later, if this life goes on so long.
  void After(uint64_t us, std::function<void()> what);
  // The process asks for its end.
  void Fail(const absl::Status& why);
  uint64_t DiskDelayUs();
  uint64_t life() const { return life_; }
  // What leaves the process now leaves it.
  bool alive() const { return up() && !crashed_; }

  World& world_;
  Judge& judge_;

 private:
  log::SimulatedDisk::Outcome Decide(absl::string_view kind, absl::string_view name);
  void End(const std::string& why, uint64_t again_us);
  void Restart();
  void LookWhetherOver();

  const std::string name_;
  MachineClock clock_;
  std::unique_ptr<log::SimulatedDisk> disk_;
  std::unique_ptr<log::Directory> directory_;
  uint64_t life_ = 0;
  bool running_ = false;
  bool crashed_ = false;
  absl::Status ending_;
  int failed_starts_ = 0;
  int begun_again_ = 0;
  bool waits_for_space_ = false;
  uint64_t crash_in_ = 0;
  uint64_t fail_in_ = 0;
  uint64_t full_until_us_ = 0;
  uint64_t slow_until_us_ = 0;
};

}  // namespace chargeledger::simulation
