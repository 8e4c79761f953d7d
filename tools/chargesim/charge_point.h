// One simulated OCPP 1.6 charge point as a state machine without I/O: time, connections and
// messages come in, frames and dropped connections come out. Same seed and same inputs, same
// outputs. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/chargesim/outbox.h"
#include "tools/chargesim/profile.h"
#include "tools/chargesim/random.h"
#include "tools/chargesim/speaker.h"

namespace chargeledger::chargesim {

struct Behaviour {
  int connectors = 2;
  int64_t meter_interval_s = 60;
  // Per charge point.
  double arrivals_per_hour = 1.5;
  double faults_per_hour = 0.05;
  double drops_per_hour = 0.3;
  // Faults of its firmware, one in so many; 0: none. Transactions whose StopTransaction is never
  // sent; samples before which the register begins at 0 again; messages of a transaction that
  // overtake the one before.
  int64_t stop_forgotten_one_in = 0;
  int64_t register_reset_one_in = 0;
  int64_t swapped_one_in = 0;
};

class ChargePoint final : public Speaker {
 public:
  ChargePoint(std::string id, int number, uint64_t seed, const Behaviour& behaviour,
              int64_t start_us);

  const std::string& id() const override { return id_; }
  const char* subprotocol() const override { return "ocpp1.6"; }
  const std::vector<Transaction>& transactions() const override { return transactions_; }
  const Counts& counts() const override { return counts_; }
  size_t lost_messages() const override { return outbox_.lost(); }
  size_t queued_messages() const { return outbox_.size(); }

  void Advance(int64_t now_us) override;
  // When something happens next.
  int64_t next_event_us() const;

  void OnConnected() override;
  void OnDisconnected() override;
  void OnMessage(const std::string& text) override;
  std::optional<std::string> NextFrame() override;
  bool TakeDrop() override;

  void Finish() override;
  bool Settled() const override { return outbox_.empty(); }

 private:
  enum class Phase { kAvailable, kPreparing, kCharging, kFull, kFinishing, kFaulted };

  struct Connector {
    int number = 1;
    Phase phase = Phase::kAvailable;
    int64_t next_us = 0;
    int64_t register_mwh = 0;
    // Where the register began: with the transaction, or after it was reset.
    int64_t begun_wh = 0;
    // The register as it was told last.
    int64_t told_wh = 0;
    int transaction = -1;
    std::string id_tag;
    int64_t battery_mwh = 0;
    int64_t charged_mwh = 0;
    int64_t last_sample_us = 0;
    int64_t soc_start_permille = 0;
    int64_t capacity_mwh = 0;
  };

  void Happen(Connector& connector);
  void PlugIn(Connector& connector);
  void Start(Connector& connector);
  void Sample(Connector& connector);
  void Stop(Connector& connector, const std::string& reason);
  void Fault(Connector& connector);
  void BecomeAvailable(Connector& connector);
  void Charge(Connector& connector);
  int64_t PowerMw(const Connector& connector) const;
  nlohmann::json MeterValue(const Connector& connector, const std::string& context) const;
  void Status(const Connector& connector, const std::string& status,
              const std::string& error = "NoError", const std::string& vendor_error = "");
  void Send(const std::string& action, nlohmann::json payload, int transaction = -1);
  std::string Time() const;
  std::string NewMessageId();

  const std::string id_;
  const Profile& profile_;
  const Behaviour behaviour_;
  Random random_;
  int64_t now_us_;
  std::vector<Connector> connectors_;
  std::vector<Transaction> transactions_;
  Outbox outbox_;
  std::vector<std::string> answers_;
  Counts counts_;
  bool connected_ = false;
  bool drop_ = false;
  bool finishing_ = false;
  int64_t next_drop_us_ = 0;
  int64_t next_fault_us_ = 0;
  int64_t next_heartbeat_us_ = 0;
  int64_t heartbeat_us_;
  uint64_t message_count_ = 0;
};

}  // namespace chargeledger::chargesim
