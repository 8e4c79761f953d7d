// What the edge agent answers to its charge points (OCPP 1.6 §4, the central system's part; OCPP
// 2.0.1, the CSMS's), without I/O: a frame in, the entries that record it and its answer out. The
// caller makes the entries durable and only then sends the answer.
//
//  1. Every frame gives at least one entry, also one that cannot be understood.
//  2. Whatever is a CALL is answered exactly once; nothing else is ever answered, so no loop can
//  begin.
//  3. Messages that a charge point repeats until they are accepted (StartTransaction,
//  StopTransaction, MeterValues, TransactionEvent) are
//     accepted whenever they can be: what makes no sense is stored, and found by the projections.
//  4. A transaction id is given once; a StartTransaction sent again gets the id it was given
//  (projections/transactions.h).
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"
#include "edge-agent/central_system/frames.h"
#include "ocpp/frame.h"
#include "ocpp/payload_reader.h"
#include "projections/state.h"

namespace chargeledger::edge_agent {

struct Handled {
  // The frame, then the answer if there is one: to be recorded together.
  std::vector<v1::Entry> entries;
  std::optional<std::string> answer;
};

class CentralSystem {
 public:
  // `transactions` is the state of projections::Transactions up to now; it outlives this object,
  // which changes it with every id it gives. `heartbeat_interval_s` is told in
  // BootNotification.conf. New ids are larger than `ids_after`.
  CentralSystem(projections::State& transactions, int64_t heartbeat_interval_s,
                int64_t ids_after = 0)
      : transactions_(transactions),
        heartbeat_interval_s_(heartbeat_interval_s),
        ids_after_(ids_after) {}

  // While true, nobody may begin to charge: Authorize and StartTransaction are answered with status
  // Blocked. What has begun is taken as ever.
  void RefuseNewTransactions(bool refuse) { refuse_new_ = refuse; }

  // `now_us` is the wall clock: it is told to the charge point, and decides whether its clock is
  // credible.
  Handled OnFrame(const Peer& peer, absl::string_view bytes, bool binary, int64_t now_us);

 private:
  // A CALLRESULT's payload, or why there is none.
  struct Answer {
    std::string payload;
    std::optional<ocpp::ErrorCode> error;
    std::string description;
  };

  static Answer Unknown(absl::string_view action);
  std::string AnswerCall(const Peer& peer, const ocpp::Frame& call, int64_t now_us);
  // What is answered in either protocol alike; absent for the rest.
  std::optional<Answer> DispatchCommon(const ocpp::Frame& call, int64_t now_us);
  Answer Dispatch16(const Peer& peer, const ocpp::Frame& call, int64_t now_us);
  Answer Dispatch201(const ocpp::Frame& call);
  Answer OnStartTransaction(const Peer& peer, absl::string_view payload, int64_t now_us);
  Answer OnStopTransaction(const Peer& peer, absl::string_view payload);
  Answer OnMeterValues(const Peer& peer, absl::string_view payload);
  Answer OnAuthorize(absl::string_view payload);
  Answer OnStatusNotification(absl::string_view payload);
  Answer OnAuthorize201(absl::string_view payload);
  Answer OnTransactionEvent(absl::string_view payload);

  projections::State& transactions_;
  const int64_t heartbeat_interval_s_;
  const int64_t ids_after_;
  bool refuse_new_ = false;
  ocpp::FrameReader frames_;
  ocpp::PayloadReader payloads_;
};

}  // namespace chargeledger::edge_agent
