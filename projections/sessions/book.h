// Which session a fact belongs to, and what becomes of the session by it: the state machine of
// docs/sessions.md, in neither protocol's words. v16.cc and v201.cc say the facts.
//
// State keys: 's' generation sequence -> Session; 'w' likewise -> StoredSession, while more may
// come of it; 't' charge point, transaction -> key of its session; 'o' charge point, connector ->
// key of the session last started there; 'm' charge point -> StoredChargePoint; 'p' charge point,
// connection, message id -> a start that waits for its answer; 'r' -> ratings.h; 'z' -> when to
// look for sessions that nothing was heard of; 'c' -> how the site's clock stepped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "projections/event.h"
#include "projections/sessions/account.h"
#include "projections/sessions/metering.h"
#include "projections/state.h"

namespace chargeledger::projections {

constexpr char kSessionKind = 's';
// Without a word for this long, in recorded time, a session has ended.
constexpr int64_t kSilenceUs = int64_t{24} * 3600 * 1'000'000;

struct StartFact {
  uint32_t connector_id = 0;
  uint32_t evse_connector_id = 0;
  std::string id_tag;
  int64_t told_us = 0;
  int64_t received_us = 0;
  uint64_t sequence = 0;
  uint32_t generation = 0;
  std::optional<int64_t> meter_mwh;
  std::optional<int64_t> reservation_id;
  std::optional<int64_t> remote_start_id;
  v1::ChargingState state = v1::CHARGING_STATE_UNSPECIFIED;
  bool bad_time = false;
  bool bad_meter = false;
};

struct StopFact {
  std::string id_tag;
  std::string reason;
  int64_t told_us = 0;
  std::optional<int64_t> meter_mwh;
  bool bad_time = false;
  bool bad_meter = false;
};

// A session with what is kept beside it; null when nothing more can come of it.
struct SessionRecord {
  std::string key;
  v1::Session* session = nullptr;
  v1::StoredSession* stored = nullptr;

  explicit operator bool() const { return session != nullptr; }
};

// A session that has ended, or that goes on after its end had been inferred. The pointers live
// until the end of the batch.
struct ChangedSession {
  std::string key;
  const v1::Session* session = nullptr;
  const v1::StoredSession* stored = nullptr;
};

class SessionBook {
 public:
  static std::string LastOnConnectorKey(absl::string_view charge_point_id, uint32_t connector_id);

  // The event that the calls below are about.
  void Begin(const Event& event, State& state);
  // The site's clock stepped at this event: what was received before it is read by the clock behind
  // it, a charge point at a time, when something is heard of it.
  void OnClockStep(const Event& event, State& state);
  // Sets what follows from what was said since the last time.
  void Finish(State& state);
  // Sessions of which the event said something and that have ended, in the order of their keys;
  // also those that it let go on.
  std::vector<ChangedSession> TakeChanged();

  const Event& event() const { return *event_; }
  State& state() const { return *state_; }
  v1::StoredChargePoint& charge_point();

  SessionRecord Load(const std::string& key);
  SessionRecord FindTransaction(int64_t id);
  SessionRecord FindTransaction(absl::string_view id);
  // The open session on a connector; the one last begun if there are several.
  SessionRecord FindOpen(uint32_t connector_id);
  // The session on a connector at a time, also one that has ended since.
  SessionRecord FindAt(uint32_t connector_id, int64_t told_us);

  // OCPP 1.6: a start was answered with `transaction_id`. The session it began, or was joined to;
  // none if it said nothing new.
  SessionRecord StartAnswered(const StartFact& start, int64_t transaction_id);
  // A session of which a first message came. `transaction` empty: 1.6, `transaction_id` counts.
  SessionRecord Create(absl::string_view transaction, int64_t transaction_id);
  void Start(SessionRecord& record, const StartFact& start);
  void Stop(SessionRecord& record, const StopFact& stop);
  // OCPP 1.6: by transaction id, or, if it was never given, by what else the stop says.
  SessionRecord FindForStop(int64_t transaction_id, const StopFact& stop);
  void AddSample(SessionRecord& record, const Sample& sample);
  void AddState(SessionRecord& record, v1::ChargingState state, int64_t told_us);
  // A meter value on a connector where no session is: it may belong to one whose start is late.
  void KeepLoose(uint32_t connector_id, const Sample& sample);
  void SetTransaction(SessionRecord& record, absl::string_view transaction, int64_t id);

  // The connector is available; the charge point has booted.
  void OnAvailable(uint32_t connector_id, int64_t told_us);
  void OnBoot(absl::string_view meter_serial);
  // What a live message tells of the clock.
  void OnLiveTime(int64_t told_us);

  void Flag(SessionRecord& record, v1::SessionFlag flag);
  // Of an open session whose start has not come: it is on its connector all the same.
  void List(SessionRecord& record) { Open(record); }
  // This event says something of the session.
  void Touch(SessionRecord& record);
  // Joins who authorized, remote start and reservation.
  void JoinTag(SessionRecord& record, const StartFact& start);
  void SetAuthorization(SessionRecord& record, absl::string_view status);

 private:
  SessionRecord FindSameStart(const StartFact& start);
  SessionRecord FindStoppedFirst(const StartFact& start);
  void AddPoint(SessionRecord& record, v1::StoredSession::Point point);
  int64_t TimeOf(const SessionRecord& record, int64_t told_us) const;
  void AdoptLoose(SessionRecord& record);
  void InferOthers(const SessionRecord& record, const StartFact& start);
  void Infer(SessionRecord& record, v1::SessionEnd end, int64_t at_us);
  void Reopen(SessionRecord& record);
  void Open(SessionRecord& record);
  void Unlist(const SessionRecord& record);
  void Keep(const SessionRecord& record);
  void CloseSilent();
  void CatchUp(const v1::StoredSteps& steps);

  static constexpr absl::string_view kSilenceKey = "z";
  static constexpr absl::string_view kStepsKey = "c";

  const Event* event_ = nullptr;
  State* state_ = nullptr;
  v1::StoredChargePoint* charge_point_ = nullptr;
  std::vector<std::string> touched_;
  // Of this event alone.
  std::vector<std::string> said_;
  std::vector<std::string> reopened_;
};

}  // namespace chargeledger::projections
