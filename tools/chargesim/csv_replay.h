// Recorded sessions of a data set, said as an OCPP charge point would have said them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/chargesim/outbox.h"
#include "tools/chargesim/speaker.h"

namespace chargeledger::chargesim {

// One row: energy in mWh, power in W (0: unknown), state of charge in percent (-1: unknown).
struct RecordedSession {
  std::string plug;
  int64_t arrival_us = 0;
  int64_t length_us = 0;
  int64_t energy_mwh = 0;
  int64_t most_power_w = 0;
  int soc_arrival = -1;
  int soc_departure = -1;
  // As a register shows it: whole watt-hours, what was cut off carried to the next, so that all of
  // them add up to all energy.
  int64_t energy_wh = 0;
};

// Rows of a CSV file (RFC 4180) with the columns CCS, Arrival, Departure, Stay (min), Energy (Wh),
// and, if there are such, Pmax (W), SOC arrival, SOC departure: those of the EPFL Level 3 data set.
// Ascending by arrival. INVALID_ARGUMENT names the line and the column.
absl::StatusOr<std::vector<RecordedSession>> ParseSessionsCsv(absl::string_view text);

// One plug's sessions, one after the other with a minute between, so that the last ends at
// `end_us`: days without a car are left out, since no queue of a charge point is as old as a data
// set. It says what it has as fast as it is answered.
class CsvReplay final : public Speaker {
 public:
  enum class Protocol { k16, k201 };

  CsvReplay(std::string id, Protocol protocol, std::vector<RecordedSession> sessions,
            int64_t meter_interval_s, int64_t end_us);

  const std::string& id() const override { return id_; }
  const char* subprotocol() const override {
    return protocol_ == Protocol::k16 ? "ocpp1.6" : "ocpp2.0.1";
  }
  const std::vector<Transaction>& transactions() const override { return transactions_; }
  const Counts& counts() const override { return counts_; }
  size_t lost_messages() const override { return 0; }

  void Advance(int64_t) override {}
  void OnConnected() override;
  void OnDisconnected() override;
  void OnMessage(const std::string& text) override;
  std::optional<std::string> NextFrame() override;
  bool TakeDrop() override { return false; }
  void Finish() override {}
  bool Settled() const override { return next_ == sessions_.size() && outbox_.empty(); }

 private:
  void Say(const RecordedSession& session);
  void Say16(const RecordedSession& session, const Transaction& transaction);
  void Say201(const RecordedSession& session, const Transaction& transaction);
  nlohmann::json Sample(const RecordedSession& session, const Transaction& transaction,
                        int64_t at_us, const char* context) const;
  void Send(const char* action, nlohmann::json payload);

  const std::string id_;
  const Protocol protocol_;
  const std::vector<RecordedSession> sessions_;
  const int64_t meter_interval_us_;
  size_t next_ = 0;
  int64_t now_us_;
  int64_t register_wh_ = 0;
  std::vector<Transaction> transactions_;
  Outbox outbox_;
  std::vector<std::string> answers_;
  Counts counts_;
  bool connected_ = false;
  uint64_t message_count_ = 0;
};

}  // namespace chargeledger::chargesim
