#include "projections/sessions.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/decimal.h"
#include "core/timestamp.h"
#include "core/units.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;

// 10^9 kWh: no meter reaches it, and differences below it cannot overflow.
constexpr int64_t kMaxRegisterMwh = 1'000'000'000'000'000;

void Flag(v1::Session& session, v1::SessionFlag flag) {
  auto& flags = *session.mutable_flags();
  auto at = std::lower_bound(flags.begin(), flags.end(), flag);
  if (at != flags.end() && *at == flag) return;
  const auto index = at - flags.begin();
  flags.Add(flag);
  std::rotate(flags.begin() + index, flags.end() - 1, flags.end());
}

bool HasFlag(const v1::Session& session, v1::SessionFlag flag) {
  return std::find(session.flags().begin(), session.flags().end(), flag) != session.flags().end();
}

std::string TransactionKey(absl::string_view charge_point_id, int64_t transaction_id) {
  return ChargePointKey('t', charge_point_id, static_cast<uint64_t>(transaction_id));
}

uint32_t ToConnector(std::optional<int64_t> id) {
  return id.has_value() && *id >= 0 && *id <= std::numeric_limits<int32_t>::max()
             ? static_cast<uint32_t>(*id)
             : 0;
}

// The time told, or the time received with a flag where none can be read.
int64_t TimeOf(std::optional<absl::string_view> told, int64_t received_at_us,
               v1::Session& session) {
  if (told.has_value()) {
    auto time = core::ParseTimestamp(*told);
    if (time.ok()) return *time;
  }
  Flag(session, v1::SESSION_FLAG_TIME_IMPLAUSIBLE);
  return received_at_us;
}

std::optional<int64_t> EnergyOf(v16::DecimalText value, absl::string_view unit,
                                v1::Session& session) {
  if (value.has_value()) {
    auto energy = core::ParseEnergy(*value, unit);
    if (energy.ok() && std::abs(energy->value()) <= kMaxRegisterMwh) return energy->value();
  }
  Flag(session, v1::SESSION_FLAG_UNREADABLE_METER_VALUE);
  return std::nullopt;
}

void SetEnergy(v1::Session& session) {
  session.set_energy_mwh(
      std::max<int64_t>(0, session.meter_last_mwh() - session.meter_start_mwh()));
}

void AddSoc(const v16::SampledValue& sample, v1::Session& session) {
  auto soc = core::ParseDecimal(sample.value.value_or(""), 0, core::Excess::kRoundHalfAwayFromZero);
  if (!soc.ok() || *soc < 0 || *soc > 100) return;
  if (session.soc_first_percent() < 0) session.set_soc_first_percent(static_cast<int32_t>(*soc));
  session.set_soc_last_percent(static_cast<int32_t>(*soc));
}

// One sample; the register only while the session is open, and never back to an older reading.
void AddSample(const v16::SampledValue& sample, bool newest, v1::Session& session) {
  if (!sample.phase.empty() || sample.format == "SignedData") return;
  if (sample.measurand == "Energy.Active.Import.Register") {
    std::optional<int64_t> register_mwh = EnergyOf(sample.value, sample.unit, session);
    if (!register_mwh.has_value() || !newest || session.state() != v1::SESSION_STATE_OPEN) return;
    session.set_meter_last_mwh(*register_mwh);
    SetEnergy(session);
  } else if (sample.measurand == "Power.Active.Import") {
    auto power = core::ParsePower(sample.value.value_or(""), sample.unit);
    if (power.ok()) session.set_max_power_mw(std::max(session.max_power_mw(), power->value()));
  } else if (sample.measurand == "SoC" && newest) {
    AddSoc(sample, session);
  }
}

void AddMeterValues(const std::vector<v16::MeterValue>& values, v1::Session& session) {
  for (const v16::MeterValue& value : values) {
    session.set_meter_value_count(session.meter_value_count() + 1);
    bool newest = true;
    if (value.timestamp.has_value()) {
      auto told = core::ParseTimestamp(*value.timestamp);
      if (told.ok()) {
        newest = *told >= session.last_sample_at_us();
        if (newest) session.set_last_sample_at_us(*told);
      } else {
        Flag(session, v1::SESSION_FLAG_TIME_IMPLAUSIBLE);
      }
    }
    for (const v16::SampledValue& sample : value.samples) AddSample(sample, newest, session);
  }
}

v1::Session NewSession(const Event& event) {
  v1::Session session;
  session.set_id(PublicId(event.log_id, event.generation, event.sequence));
  session.set_site(std::string(event.site));
  session.set_charge_point_id(std::string(event.charge_point_id));
  session.set_generation(event.generation.value());
  session.set_start_sequence(event.sequence.value());
  session.set_state(v1::SESSION_STATE_OPEN);
  session.set_soc_first_percent(-1);
  session.set_soc_last_percent(-1);
  return session;
}

void Close(const Event& event, const v16::StopTransaction& stop, v1::Session& session) {
  session.set_stop_sequence(event.sequence.value());
  session.set_stop_received_at_us(event.received_at_us);
  session.set_stopped_at_us(TimeOf(stop.timestamp, event.received_at_us, session));
  session.set_stop_reason(std::string(stop.reason.value_or("Local")));
  if (session.stopped_at_us() < session.started_at_us()) {
    Flag(session, v1::SESSION_FLAG_TIME_IMPLAUSIBLE);
  }
  AddMeterValues(stop.transaction_data, session);
  std::optional<int64_t> meter_stop = EnergyOf(stop.meter_stop, "Wh", session);
  if (meter_stop.has_value()) session.set_meter_last_mwh(*meter_stop);
  if (session.meter_last_mwh() < session.meter_start_mwh()) {
    Flag(session, v1::SESSION_FLAG_REGISTER_BACKWARD);
  }
  SetEnergy(session);
  session.set_state(v1::SESSION_STATE_CLOSED);
}

// Whether two starts say the same: one that was sent again, then.
bool SameStart(const v1::Session& a, const v1::Session& b) {
  return a.connector_id() == b.connector_id() && a.id_tag() == b.id_tag() &&
         a.started_at_us() == b.started_at_us() && a.meter_start_mwh() == b.meter_start_mwh();
}

// What a Stop that came again says differently.
bool SameStop(const v16::StopTransaction& stop, const v1::Session& session) {
  auto meter = core::ParseEnergy(stop.meter_stop.value_or(""), "Wh");
  auto time = core::ParseTimestamp(stop.timestamp.value_or(""));
  return (!meter.ok() || meter->value() == session.meter_last_mwh()) &&
         (!time.ok() || *time == session.stopped_at_us());
}

}  // namespace

std::string Sessions::LastOnConnectorKey(absl::string_view charge_point_id, uint32_t connector_id) {
  return ChargePointKey('o', charge_point_id, connector_id);
}

std::optional<v1::Session> Sessions::Apply(const Event& event, State& state) {
  if (event.kind == Event::Kind::kOther && event.entry->has_connection_closed()) {
    OnConnectionClosed(event, state);
  }
  if (event.kind != Event::Kind::kFrame || event.subprotocol != v1::SUBPROTOCOL_OCPP1_6) {
    return std::nullopt;
  }
  if (event.direction == v1::DIRECTION_SENT) {
    if (event.frame.type == ocpp::MessageType::kCallResult) OnStartAnswered(event, state);
    return std::nullopt;
  }
  if (event.frame.type != ocpp::MessageType::kCall) return std::nullopt;
  if (event.frame.action == "StartTransaction") OnStart(event, state);
  if (event.frame.action == "MeterValues") OnMeterValues(event, state);
  if (event.frame.action == "StopTransaction") return OnStop(event, state);
  return std::nullopt;
}

void Sessions::OnStart(const Event& event, State& state) {
  auto start = payload_.Read<v16::StartTransaction>(event.frame.payload);
  if (!start.ok()) return;
  v1::Session session = NewSession(event);
  session.set_connector_id(ToConnector(start->connector_id));
  session.set_id_tag(std::string(start->id_tag.value_or("")));
  session.set_start_received_at_us(event.received_at_us);
  session.set_started_at_us(TimeOf(start->timestamp, event.received_at_us, session));
  session.set_meter_start_mwh(EnergyOf(start->meter_start, "Wh", session).value_or(0));
  session.set_meter_last_mwh(session.meter_start_mwh());
  PutMessage(state, PendingCallKey(event), session);
}

void Sessions::OnStartAnswered(const Event& event, State& state) {
  const std::string pending = PendingCallKey(event);
  v1::Session session;
  if (!GetMessage(state, pending, session)) return;
  state.Delete(pending);
  auto answer = payload_.Read<v16::StartTransactionResult>(event.frame.payload);
  if (!answer.ok() || !answer->transaction_id.has_value()) return;
  session.set_transaction_id(*answer->transaction_id);
  const std::string transaction_key =
      TransactionKey(event.charge_point_id, session.transaction_id());
  if (event.orphan) {
    if (OnOrphanStarted(event, transaction_key, session, state)) return;
  } else if (std::optional<std::string> known = state.Get(transaction_key)) {
    v1::Session earlier;
    if (GetMessage(state, *known, earlier)) {
      const bool same = SameStart(earlier, session);
      // An agent that was restored from an old copy gave the id again: two sessions, never one.
      Flag(earlier,
           same ? v1::SESSION_FLAG_DUPLICATE_START : v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID);
      PutMessage(state, *known, earlier);
      if (same) return;
      Flag(session, v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID);
    }
  }
  const std::string open_key = LastOnConnectorKey(event.charge_point_id, session.connector_id());
  if (std::optional<std::string> before = state.Get(open_key)) {
    v1::Session earlier;
    if (GetMessage(state, *before, earlier) && earlier.state() == v1::SESSION_STATE_OPEN) {
      Flag(earlier, v1::SESSION_FLAG_MISSING_STOP);
      PutMessage(state, *before, earlier);
    }
  }
  const std::string key =
      EntryKey(kSessionKind, event.generation, core::Sequence(session.start_sequence()));
  PutMessage(state, key, session);
  state.Put(transaction_key, key);
  state.Put(open_key, key);
}

// A start out of a branch that was given up. True if the session is known already: the charge point
// said the same in the other branch. Otherwise it is a session of its own, although its id may have
// been given in both branches: then both are flagged, and what comes next with this id belongs to
// the later one.
bool Sessions::OnOrphanStarted(const Event& event, const std::string& transaction_key,
                               v1::Session& session, State& state) {
  std::vector<std::string> keys;
  state.Scan(ChargePointKey('t', event.charge_point_id),
             [&](absl::string_view, absl::string_view key) {
               keys.emplace_back(key);
               return true;
             });
  std::optional<std::string> same;
  for (const std::string& key : keys) {
    v1::Session other;
    if (GetMessage(state, key, other) && SameStart(other, session)) {
      same = key;
      break;
    }
  }
  std::optional<std::string> known = state.Get(transaction_key);
  v1::Session other;
  if (known.has_value() && known != same && GetMessage(state, *known, other)) {
    Flag(other, v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID);
    PutMessage(state, *known, other);
    Flag(session, v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID);
  }
  if (!same.has_value()) return false;
  v1::Session earlier;
  if (GetMessage(state, *same, earlier)) {
    Flag(earlier, v1::SESSION_FLAG_DUPLICATE_START);
    PutMessage(state, *same, earlier);
  }
  state.Put(transaction_key, *same);
  return true;
}

void Sessions::OnMeterValues(const Event& event, State& state) {
  auto message = payload_.Read<v16::MeterValues>(event.frame.payload);
  if (!message.ok() || !message->transaction_id.has_value()) return;
  std::optional<std::string> key =
      state.Get(TransactionKey(event.charge_point_id, *message->transaction_id));
  v1::Session session;
  if (!key.has_value() || !GetMessage(state, *key, session)) return;
  AddMeterValues(message->meter_value, session);
  PutMessage(state, *key, session);
}

std::optional<v1::Session> Sessions::OnStop(const Event& event, State& state) {
  auto stop = payload_.Read<v16::StopTransaction>(event.frame.payload);
  if (!stop.ok()) return std::nullopt;
  const int64_t transaction_id = stop->transaction_id.value_or(0);
  const std::string transaction_key = TransactionKey(event.charge_point_id, transaction_id);
  std::optional<std::string> key = state.Get(transaction_key);
  v1::Session session;
  if (key.has_value() && GetMessage(state, *key, session)) {
    if (session.state() == v1::SESSION_STATE_CLOSED) {
      const bool same = SameStop(*stop, session);
      // Without a start, another stop of the same number is another session that was missed.
      if (same || !HasFlag(session, v1::SESSION_FLAG_MISSING_START)) {
        Flag(session, same ? v1::SESSION_FLAG_DUPLICATE_STOP : v1::SESSION_FLAG_CONFLICTING_STOP);
        PutMessage(state, *key, session);
        return std::nullopt;
      }
      key.reset();
    }
  }
  if (!key.has_value()) {
    session = NewSession(event);
    session.set_transaction_id(transaction_id);
    session.set_id_tag(std::string(stop->id_tag.value_or("")));
    Flag(session, v1::SESSION_FLAG_MISSING_START);
    key = EntryKey(kSessionKind, event.generation, event.sequence);
    session.set_started_at_us(TimeOf(stop->timestamp, event.received_at_us, session));
    session.set_start_received_at_us(event.received_at_us);
  }
  Close(event, *stop, session);
  if (HasFlag(session, v1::SESSION_FLAG_MISSING_START)) {
    // The register at the start is unknown: no energy can be told.
    session.set_meter_start_mwh(session.meter_last_mwh());
    SetEnergy(session);
  }
  PutMessage(state, *key, session);
  state.Put(transaction_key, *key);
  return session;
}

void Sessions::OnConnectionClosed(const Event& event, State& state) {
  const v1::ConnectionClosed& closed = event.entry->connection_closed();
  const std::string prefix = ChargePointKey('p', closed.charge_point_id(), event.connection);
  std::vector<std::string> unanswered;
  state.Scan(prefix, [&](absl::string_view key, absl::string_view) {
    unanswered.emplace_back(key);
    return true;
  });
  for (const std::string& key : unanswered) state.Delete(key);
}

}  // namespace chargeledger::projections
