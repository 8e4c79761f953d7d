// A site's machine with the real agent (edge-agent/agent_core.h): its starts, its streams to the
// ledger, and its charge points' connections, all as events.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "edge-agent/agent_core.h"
#include "log/scrubber.h"
#include "tests/simulation/machine.h"
#include "tests/simulation/wire.h"

namespace chargeledger::simulation {

class LedgerNode;

class SiteNode final : public Machine {
 public:
  struct Options {
    std::string name;
    int64_t keep_s = 0;
    bool signs = true;
  };

  SiteNode(World& world, Judge& judge, LedgerNode& ledger, const Options& options);
  ~SiteNode() override;

  // Between it and the ledger.
  Line& line() { return line_; }
  // A charge point calls; the wire breaks if nobody answers.
  void Accept(const std::shared_ptr<Wire>& wire, const std::string& charge_point_id);
  // Its streams break.
  void ResetStreams();
  // An empty machine takes its place.
  std::unique_ptr<log::SimulatedDisk> NewMachine();

  // Null while the process is down, or not so far yet.
  edge_agent::AgentCore* core() { return core_.get(); }
  bool serving() const { return phase_ == Phase::kServing; }
  // Whether everything of the newest generation is held by the ledger, and nothing waits to be
  // recorded.
  bool level() const;

 private:
  enum class Phase { kDown, kAsking, kFolding, kWaitingForPast, kServing };
  class ChargerLink;

  absl::Status Start() override;
  void Drop() override;
  void Replace() override;

  void Ask();
  void OnAnswer(const std::string& bytes);
  void BeginLog();
  void Fold();
  void Serve();
  void KeepBooks();
  void Scrub();

  void StartReplicating();
  void CallLedger();
  void OnLedger(const std::string& bytes);
  void Pump();
  void EndStream(uint64_t pause_us);
  void Follow();
  void OnControl(const std::string& bytes);
  void EndFollow();

  // Does what the agent's threads would do, some time after something happened.
  void Touch();
  void Drive();

  Wire::Side Hear(void (SiteNode::*heard)(const std::string&), void (SiteNode::*closed)(),
                  const std::shared_ptr<Wire>& wire, std::shared_ptr<Wire> SiteNode::*place);
  void OnStreamClosed() { EndStream(0); }
  void OnAskClosed() { BeginLog(); }

  LedgerNode& ledger_;
  const Options options_;
  Line line_;
  // Of machines that stood here.
  uint64_t machine_ = 0;
  std::optional<log::RecorderOptions::Begin> next_;

  // Of this life.
  Phase phase_ = Phase::kDown;
  std::unique_ptr<edge_agent::AgentCore> core_;
  std::unique_ptr<log::Scrubber> scrubber_;
  std::unique_ptr<log::replication::AuthorStream> question_;
  std::shared_ptr<Wire> ask_wire_;
  std::optional<log::RecorderOptions::Begin> begin_;
  uint64_t deadline_us_ = 0;
  bool replicating_ = false;
  std::shared_ptr<Wire> wire_;
  std::unique_ptr<log::replication::AuthorSession> session_;
  uint64_t pause_us_ = 0;
  std::shared_ptr<Wire> control_wire_;
  bool driven_ = false;
  bool syncing_ = false;
  std::vector<std::weak_ptr<ChargerLink>> links_;
};

}  // namespace chargeledger::simulation
