// The central ledger's machine with the real ledger (server/ledger_core.h): streams of sites and of
// followers, commits, folding and an operator, all as events.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/scrubber.h"
#include "server/ledger_core.h"
#include "tests/simulation/accountant.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/wire.h"

namespace chargeledger::simulation {

class LedgerNode final : public Machine {
 public:
  enum class Call { kReplicate, kFollow };

  LedgerNode(World& world, Judge& judge, uint64_t seed);
  ~LedgerNode() override;

  // A site calls; the wire breaks if nobody answers.
  void Accept(const std::shared_ptr<Wire>& wire, Call call, const std::string& peer);

  // Null while the process is down.
  server::LedgerCore* core() { return core_.get(); }
  // What waits to be committed, folded or recorded; "" if nothing does.
  std::string Busy() const;
  // The billing team decides nothing any more.
  void CloseOffice() { office_open_ = false; }
  // The disk as it was when a backup was last taken; null before the first.
  void TakeBackup() { backup_ = Image(); }
  std::unique_ptr<log::SimulatedDisk> backup() const {
    return backup_ == nullptr ? nullptr : backup_->Image();
  }

 private:
  class SiteStream;
  class FollowerStream;
  struct Restoring {
    core::LogId log_id;
    uint32_t generation;
    uint64_t comparison;
  };

  absl::Status Start() override;
  void Drop() override;
  void Replace() override;
  void Touch();
  void Drive();
  void TouchFold();
  void PumpFollowers();
  // Looks after what is for a person: copies that contradict what was signed.
  void Operate();
  void KeepBooks();
  void Scrub();
  void FinishRestoring();

  std::unique_ptr<log::SimulatedDisk> backup_;
  std::optional<log::RecorderOptions::Begin> next_;
  std::unique_ptr<server::LedgerCore> core_;
  std::unique_ptr<log::Scrubber> scrubber_;
  std::map<uint64_t, std::shared_ptr<SiteStream>> sites_;
  std::map<uint64_t, std::shared_ptr<FollowerStream>> followers_;
  uint64_t streams_ = 0;
  std::optional<Restoring> restoring_;
  Accountant accountant_;
  bool office_open_ = true;
  bool driven_ = false;
  bool folding_ = false;
};

}  // namespace chargeledger::simulation
