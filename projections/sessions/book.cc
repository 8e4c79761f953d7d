#include "projections/sessions/book.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "projections/keys.h"
#include "projections/sessions/ratings.h"
#include "projections/sessions/times.h"

namespace chargeledger::projections {
namespace {

using Point = v1::StoredSession::Point;

constexpr char kStoredKind = 'w';
constexpr char kChargePointKind = 'm';
constexpr int64_t kHourUs = int64_t{3600} * 1'000'000;
// How much is remembered of one charge point.
constexpr int kMostOpen = 64;
constexpr int kMostKept = 8;
constexpr int kMostLoose = 32;
// A tag is good for this long.
constexpr int64_t kAuthorizedUs = kHourUs / 2;
// A transaction of which only the stop names no id is looked for this far back.
constexpr int64_t kLongestUs = 7 * 24 * kHourUs;

std::string StoredKey(const std::string& key) {
  std::string stored = key;
  stored[0] = kStoredKind;
  return stored;
}

std::string TransactionKey(absl::string_view charge_point_id, int64_t id) {
  return ChargePointKey('t', charge_point_id, static_cast<uint64_t>(id));
}

std::string TransactionKey(absl::string_view charge_point_id, absl::string_view id) {
  // Longer than a number's key: the two never meet.
  return absl::StrCat(ChargePointKey('t', charge_point_id), "/", id.substr(0, 255), "/uuid");
}

// Two messages of one charge point that tell the same start.
bool SameStart(const SessionRecord& record, const StartFact& start) {
  const v1::Session& session = *record.session;
  if (session.connector_id() != start.connector_id ||
      absl::string_view(session.id_tag()) != start.id_tag) {
    return false;
  }
  if (record.stored == nullptr) {
    return session.started_told_us() == start.told_us &&
           session.meter_start_mwh() == start.meter_mwh.value_or(0);
  }
  return record.stored->start().told_us() == start.told_us &&
         record.stored->meter_start_mwh() == start.meter_mwh.value_or(0);
}

template <typename List>
void KeepLast(List& list, int most) {
  if (list.size() > most) list.DeleteSubrange(0, list.size() - most);
}

template <typename List>
void RemoveValue(List& list, const std::string& value) {
  for (int i = 0; i < list.size(); ++i) {
    if (list.Get(i) == value) return list.DeleteSubrange(i, 1);
  }
}

bool Inferred(const v1::Session& session) {
  return session.state() == v1::SESSION_STATE_CLOSED && session.end() != v1::SESSION_END_STOP;
}

}  // namespace

std::string SessionBook::LastOnConnectorKey(absl::string_view charge_point_id,
                                            uint32_t connector_id) {
  return ChargePointKey('o', charge_point_id, connector_id);
}

void SessionBook::Begin(const Event& event, State& state) {
  event_ = &event;
  state_ = &state;
  charge_point_ = nullptr;
  said_.clear();
  reopened_.clear();
  auto* silence = state.Find<v1::StoredSession::Clock>(kSilenceKey);
  if (silence != nullptr && event.received_at_us >= silence->told_us()) CloseSilent();
}

v1::StoredChargePoint& SessionBook::charge_point() {
  if (charge_point_ == nullptr) {
    charge_point_ = &state_->FindOrCreate<v1::StoredChargePoint>(
        ChargePointKey(kChargePointKind, event_->charge_point_id));
    const auto* steps = state_->Find<v1::StoredSteps>(kStepsKey);
    if (steps != nullptr && steps->count() != charge_point_->step_count()) CatchUp(*steps);
  }
  return *charge_point_;
}

SessionRecord SessionBook::Load(const std::string& key) {
  SessionRecord record{key, state_->Find<v1::Session>(key), nullptr};
  if (record) record.stored = state_->Find<v1::StoredSession>(StoredKey(key));
  return record;
}

SessionRecord SessionBook::FindTransaction(int64_t id) {
  if (id <= 0) return SessionRecord();
  for (const v1::StoredChargePoint::Open& open : charge_point().open()) {
    if (open.transaction_id() == id && open.transaction().empty()) return Load(open.key());
  }
  auto key = state_->Get(TransactionKey(event_->charge_point_id, id));
  return key.has_value() ? Load(*key) : SessionRecord();
}

SessionRecord SessionBook::FindTransaction(absl::string_view id) {
  for (const v1::StoredChargePoint::Open& open : charge_point().open()) {
    if (absl::string_view(open.transaction()) == id) return Load(open.key());
  }
  auto key = state_->Get(TransactionKey(event_->charge_point_id, id));
  return key.has_value() ? Load(*key) : SessionRecord();
}

SessionRecord SessionBook::FindOpen(uint32_t connector_id) {
  const auto& open = charge_point().open();
  for (int i = open.size() - 1; i >= 0; --i) {
    if (open.Get(i).connector_id() == connector_id) return Load(open.Get(i).key());
  }
  return SessionRecord();
}

SessionRecord SessionBook::FindAt(uint32_t connector_id, int64_t told_us) {
  SessionRecord found;
  int64_t found_start = 0;
  for (const std::string& key : charge_point().kept()) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr || record.session->connector_id() != connector_id ||
        HasCause(*record.stored, v1::SESSION_FLAG_MISSING_START)) {
      continue;
    }
    const v1::StoredSession& stored = *record.stored;
    const int64_t at = TimeOf(record, told_us);
    const int64_t start = TimeOf(record, stored.start().told_us());
    const bool over = record.session->end() == v1::SESSION_END_STOP &&
                      at > TimeOf(record, stored.stop().told_us());
    if (at < start || over || (found && start < found_start)) continue;
    found = record;
    found_start = start;
  }
  return found;
}

SessionRecord SessionBook::Create(absl::string_view transaction, int64_t transaction_id) {
  SessionRecord record;
  record.key = EntryKey(kSessionKind, event_->generation, event_->sequence);
  record.session = &state_->FindOrCreate<v1::Session>(record.key);
  record.stored = &state_->FindOrCreate<v1::StoredSession>(StoredKey(record.key));
  v1::Session& session = *record.session;
  session.set_id(PublicId(event_->log_id, event_->generation, event_->sequence));
  session.set_site(std::string(event_->site));
  session.set_charge_point_id(std::string(event_->charge_point_id));
  session.set_subprotocol(event_->subprotocol);
  session.set_generation(event_->generation.value());
  session.set_start_sequence(event_->sequence.value());
  session.set_state(v1::SESSION_STATE_OPEN);
  session.set_soc_first_percent(-1);
  session.set_soc_last_percent(-1);
  session.mutable_sources()->set_first(event_->sequence.value());
  record.stored->set_interval_s(charge_point().interval_s());
  SetTransaction(record, transaction, transaction_id);
  Keep(record);
  return record;
}

void SessionBook::SetTransaction(SessionRecord& record, absl::string_view transaction, int64_t id) {
  record.session->set_transaction(std::string(transaction));
  record.session->set_transaction_id(id);
  // 0 and -1 are no ids: a charge point that has none says so.
  if (transaction.empty() && id <= 0) return;
  state_->Put(transaction.empty() ? TransactionKey(event_->charge_point_id, id)
                                  : TransactionKey(event_->charge_point_id, transaction),
              record.key);
}

void SessionBook::Touch(SessionRecord& record) {
  v1::SessionSources& sources = *record.session->mutable_sources();
  sources.set_last(event_->sequence.value());
  sources.set_last_generation(event_->generation.value());
  if (record.stored != nullptr) record.stored->set_heard_at_us(event_->received_at_us);
  if (touched_.empty() || touched_.back() != record.key) touched_.push_back(record.key);
  if (said_.empty() || said_.back() != record.key) said_.push_back(record.key);
}

void SessionBook::Flag(SessionRecord& record, v1::SessionFlag flag) {
  if (record.stored != nullptr) {
    AddCause(flag, event_->generation.value(), event_->sequence.value(), *record.stored);
    return;
  }
  // Nothing is reckoned any more, but the flag stands.
  auto& flags = *record.session->mutable_flags();
  if (HasFlag(*record.session, flag)) return;
  flags.Add(flag);
  std::sort(flags.begin(), flags.end());
  v1::FlagCause& cause = *record.session->add_causes();
  cause.set_flag(flag);
  cause.set_generation(event_->generation.value());
  cause.set_sequence(event_->sequence.value());
  std::sort(record.session->mutable_causes()->begin(), record.session->mutable_causes()->end(),
            [](const auto& a, const auto& b) { return a.flag() < b.flag(); });
}

// Sessions of which everything may still be heard are kept whole; of the others, the last few.
void SessionBook::Keep(const SessionRecord& record) {
  auto& kept = *charge_point().mutable_kept();
  RemoveValue(kept, record.key);
  *kept.Add() = record.key;
  for (int i = 0; kept.size() > kMostKept && i < kept.size();) {
    SessionRecord old = Load(kept.Get(i));
    const bool open = old && old.session->state() == v1::SESSION_STATE_OPEN;
    if (open || old.key == record.key) {
      ++i;
      continue;
    }
    if (old && old.stored != nullptr) Settle(*old.stored, *old.session);
    state_->Delete(StoredKey(kept.Get(i)));
    RemoveValue(*charge_point().mutable_stopped_first(), kept.Get(i));
    kept.DeleteSubrange(i, 1);
  }
}

void SessionBook::Open(SessionRecord& record) {
  v1::StoredChargePoint& memory = charge_point();
  Unlist(record);
  v1::StoredChargePoint::Open& open = *memory.add_open();
  open.set_connector_id(record.session->connector_id());
  open.set_transaction_id(record.session->transaction_id());
  open.set_transaction(record.session->transaction());
  open.set_key(record.key);
  state_->Put(LastOnConnectorKey(event_->charge_point_id, record.session->connector_id()),
              record.key);
  auto& silence = state_->FindOrCreate<v1::StoredSession::Clock>(kSilenceKey);
  if (silence.told_us() == 0) silence.set_told_us(event_->received_at_us + kSilenceUs);
  if (memory.open_size() > kMostOpen) {
    SessionRecord oldest = Load(memory.open(0).key());
    if (oldest) Infer(oldest, v1::SESSION_END_NEXT_START, event_->received_at_us);
  }
}

void SessionBook::Unlist(const SessionRecord& record) {
  auto& open = *charge_point().mutable_open();
  for (int i = 0; i < open.size(); ++i) {
    if (open.Get(i).key() == record.key) return open.DeleteSubrange(i, 1);
  }
}

void SessionBook::AddPoint(SessionRecord& record, Point point) {
  point.set_sequence(event_->sequence.value());
  point.set_generation(event_->generation.value());
  const bool start_missing = HasCause(*record.stored, v1::SESSION_FLAG_MISSING_START);
  if (!projections::AddPoint(point, start_missing, *record.stored)) {
    Flag(record, v1::SESSION_FLAG_LATE_METER_VALUE);
  }
}

// A clock that was wrong at the start is taken to run on as it was: the distances are right.
int64_t SessionBook::TimeOf(const SessionRecord& record, int64_t told_us) const {
  const int64_t shifted = told_us == 0 ? 0 : told_us - record.stored->clock_offset_us();
  return PointTime(Credible(shifted, event_->received_at_us) ? shifted : told_us,
                   event_->received_at_us);
}

SessionRecord SessionBook::FindSameStart(const StartFact& start) {
  std::vector<std::string> keys;
  state_->Scan(ChargePointKey('t', event_->charge_point_id),
               [&](absl::string_view, absl::string_view key) {
                 keys.emplace_back(key);
                 return true;
               });
  for (const std::string& key : keys) {
    SessionRecord record = Load(key);
    if (record && SameStart(record, start)) return record;
  }
  return SessionRecord();
}

// A stop that named no id that was given and can have ended what begins now.
SessionRecord SessionBook::FindStoppedFirst(const StartFact& start) {
  for (const std::string& key : charge_point().stopped_first()) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr) continue;
    const v1::StoredSession& stored = *record.stored;
    const int64_t length = stored.stop().told_us() - start.told_us;
    const bool same_tag = record.session->id_tag().empty() ||
                          absl::string_view(record.session->id_tag()) == start.id_tag;
    const bool grows = !stored.has_meter_stop_mwh() || !start.meter_mwh.has_value() ||
                       stored.meter_stop_mwh() >= *start.meter_mwh;
    if (same_tag && grows && length >= 0 && length <= kLongestUs &&
        record.session->transaction_id() <= 0) {
      return record;
    }
  }
  return SessionRecord();
}

SessionRecord SessionBook::StartAnswered(const StartFact& start, int64_t transaction_id) {
  SessionRecord known = FindTransaction(transaction_id);
  SessionRecord same;
  if (event_->orphan) {
    // Out of a branch that was given up: what the charge point said in the other branch too is one
    // session, whatever id it was given there.
    same = FindSameStart(start);
  } else if (known && SameStart(known, start)) {
    same = known;
  }
  SessionRecord stopped;
  if (known && known.stored != nullptr && HasCause(*known.stored, v1::SESSION_FLAG_MISSING_START)) {
    stopped = known;
  } else if (!same) {
    stopped = FindStoppedFirst(start);
  }
  if (known && known.key != same.key && known.key != stopped.key) {
    // An agent that was restored from an old copy gave the id again: two sessions, never one.
    Flag(known, v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID);
    Touch(known);
  }
  if (same) {
    Flag(same, v1::SESSION_FLAG_DUPLICATE_START);
    Touch(same);
    state_->Put(TransactionKey(event_->charge_point_id, transaction_id), same.key);
    return SessionRecord();
  }
  SessionRecord record;
  if (stopped) {
    record = stopped;
    SetTransaction(record, "", transaction_id);
    Flag(record, v1::SESSION_FLAG_STOP_BEFORE_START);
  } else {
    // It is named after its start, which came before the answer.
    Event began = *event_;
    began.sequence = core::Sequence(start.sequence);
    const Event* answered = std::exchange(event_, &began);
    record = Create("", transaction_id);
    event_ = answered;
    if (known) Flag(record, v1::SESSION_FLAG_CONFLICTING_TRANSACTION_ID);
  }
  Start(record, start);
  return record;
}

void SessionBook::Start(SessionRecord& record, const StartFact& start) {
  v1::Session& session = *record.session;
  v1::StoredSession& stored = *record.stored;
  RemoveCause(v1::SESSION_FLAG_MISSING_START, stored);
  RemoveValue(*charge_point().mutable_stopped_first(), record.key);
  session.set_connector_id(start.connector_id);
  session.set_evse_connector_id(start.evse_connector_id);
  if (!start.id_tag.empty()) session.set_id_tag(start.id_tag);
  session.set_start_received_at_us(start.received_us);
  session.set_start_sequence(start.sequence);
  stored.mutable_start()->set_told_us(start.told_us);
  stored.mutable_start()->set_received_us(start.received_us);
  if (start.told_us != 0 && !Credible(start.told_us, start.received_us)) {
    stored.set_clock_offset_us(start.told_us - start.received_us);
  }
  if (charge_point().has_skew_us()) stored.set_start_skew_us(charge_point().skew_us());
  stored.set_rated_power_w(RatedPowerW(session.charge_point_id(), start.connector_id, *state_));
  if (start.bad_time) Flag(record, v1::SESSION_FLAG_TIME_IMPLAUSIBLE);
  if (start.bad_meter) Flag(record, v1::SESSION_FLAG_UNREADABLE_METER_VALUE);
  Point point;
  point.set_kind(Point::KIND_START);
  point.set_at_us(PointTime(start.told_us, start.received_us));
  point.set_state(start.state);
  if (start.meter_mwh.has_value()) {
    stored.set_meter_start_mwh(*start.meter_mwh);
    point.set_register_mwh(*start.meter_mwh);
  }
  point.set_sequence(start.sequence);
  point.set_generation(start.generation);
  if (!projections::AddPoint(point, false, stored)) {
    Flag(record, v1::SESSION_FLAG_LATE_METER_VALUE);
  }
  JoinTag(record, start);
  Touch(record);
  if (session.state() == v1::SESSION_STATE_OPEN) {
    InferOthers(record, start);
    Open(record);
    AdoptLoose(record);
  } else {
    AdoptLoose(record);
  }
}

void SessionBook::JoinTag(SessionRecord& record, const StartFact& start) {
  v1::Session& session = *record.session;
  v1::SessionSources& sources = *session.mutable_sources();
  const v1::StoredChargePoint& memory = charge_point();
  const auto near = [&](const v1::StoredChargePoint::Tag& tag) {
    return tag.at_us() <= start.received_us && tag.at_us() >= start.received_us - kAuthorizedUs;
  };
  for (const auto& tag : memory.authorized()) {
    if (!near(tag) || tag.id_tag() != session.id_tag()) continue;
    sources.set_authorize(tag.sequence());
    if (session.authorization().empty()) session.set_authorization(tag.status());
  }
  for (const auto& tag : memory.remote_starts()) {
    const bool named = start.remote_start_id.has_value();
    const bool fits =
        named ? tag.number() == *start.remote_start_id
              : near(tag) && tag.id_tag() == session.id_tag() &&
                    (tag.connector_id() == 0 || tag.connector_id() == session.connector_id());
    if (fits) sources.set_remote_start(tag.sequence());
  }
  if (!start.reservation_id.has_value()) return;
  session.set_reservation_id(*start.reservation_id);
  for (const auto& tag : memory.reservations()) {
    if (tag.number() == *start.reservation_id) sources.set_reserve_now(tag.sequence());
  }
}

void SessionBook::SetAuthorization(SessionRecord& record, absl::string_view status) {
  if (status.empty()) return;
  record.session->set_authorization(std::string(status));
  if (status != "Accepted") Flag(record, v1::SESSION_FLAG_NOT_AUTHORIZED);
}

// What was measured on the connector before the start was known.
void SessionBook::AdoptLoose(SessionRecord& record) {
  auto& loose = *charge_point().mutable_loose();
  const int64_t from =
      PointTime(record.stored->start().told_us(), record.stored->start().received_us());
  for (int i = 0; i < loose.size();) {
    const auto& value = loose.Get(i);
    if (value.connector_id() != record.session->connector_id() || value.point().at_us() < from) {
      ++i;
      continue;
    }
    if (!projections::AddPoint(value.point(), false, *record.stored)) {
      Flag(record, v1::SESSION_FLAG_LATE_METER_VALUE);
    }
    record.stored->set_meter_value_count(record.stored->meter_value_count() + 1);
    loose.DeleteSubrange(i, 1);
  }
}

void SessionBook::InferOthers(const SessionRecord& record, const StartFact& start) {
  std::vector<std::string> keys;
  for (const auto& open : charge_point().open()) {
    if (open.connector_id() == start.connector_id && open.key() != record.key) {
      keys.push_back(open.key());
    }
  }
  for (const std::string& key : keys) {
    SessionRecord other = Load(key);
    if (!other || other.stored == nullptr || other.stored->start().told_us() > start.told_us) {
      continue;
    }
    Infer(other, v1::SESSION_END_NEXT_START, PointTime(start.told_us, start.received_us));
  }
}

void SessionBook::Infer(SessionRecord& record, v1::SessionEnd end, int64_t at_us) {
  // Only a disk that fails to read keeps less of an open session; what is folded then is thrown
  // away.
  if (record.stored == nullptr) return Unlist(record);
  v1::Session& session = *record.session;
  session.set_state(v1::SESSION_STATE_CLOSED);
  session.set_end(end);
  session.set_stop_sequence(event_->sequence.value());
  session.set_stop_received_at_us(event_->received_at_us);
  record.stored->set_inferred_at_us(at_us);
  record.stored->set_inferred_sequence(event_->sequence.value());
  Flag(record, v1::SESSION_FLAG_MISSING_STOP);
  Flag(record, v1::SESSION_FLAG_INFERRED_END);
  Unlist(record);
  // Not heard of it: the entry says something of it all the same.
  const int64_t heard = record.stored->heard_at_us();
  Touch(record);
  record.stored->set_heard_at_us(heard);
}

void SessionBook::Reopen(SessionRecord& record) {
  v1::Session& session = *record.session;
  reopened_.push_back(record.key);
  RemoveCause(v1::SESSION_FLAG_MISSING_STOP, *record.stored);
  RemoveCause(v1::SESSION_FLAG_INFERRED_END, *record.stored);
  Flag(record, v1::SESSION_FLAG_RESUMED);
  if (session.end() == v1::SESSION_END_NEXT_START) {
    Flag(record, v1::SESSION_FLAG_OVERLAPPING);
    SessionRecord other = FindOpen(session.connector_id());
    if (other) {
      Flag(other, v1::SESSION_FLAG_OVERLAPPING);
      Touch(other);
    }
  }
  session.set_state(v1::SESSION_STATE_OPEN);
  session.set_end(v1::SESSION_END_UNSPECIFIED);
  session.clear_stop_sequence();
  session.clear_stop_received_at_us();
  const bool newer = static_cast<bool>(FindOpen(session.connector_id()));
  const std::string last = LastOnConnectorKey(event_->charge_point_id, session.connector_id());
  const std::optional<std::string> shown = state_->Get(last);
  Open(record);
  if (newer && shown.has_value()) state_->Put(last, *shown);
}

void SessionBook::Stop(SessionRecord& record, const StopFact& stop) {
  v1::Session& session = *record.session;
  v1::StoredSession& stored = *record.stored;
  if (Inferred(session)) {
    RemoveCause(v1::SESSION_FLAG_MISSING_STOP, stored);
    RemoveCause(v1::SESSION_FLAG_INFERRED_END, stored);
    Flag(record, v1::SESSION_FLAG_LATE_STOP);
  }
  session.set_state(v1::SESSION_STATE_CLOSED);
  session.set_end(v1::SESSION_END_STOP);
  session.set_stop_sequence(event_->sequence.value());
  session.set_stop_received_at_us(event_->received_at_us);
  session.set_stop_reason(stop.reason);
  if (!stop.id_tag.empty() && !session.id_tag().empty() && stop.id_tag != session.id_tag()) {
    session.set_stop_id_tag(stop.id_tag);
    Flag(record, v1::SESSION_FLAG_OTHER_TAG_AT_STOP);
  }
  if (session.id_tag().empty()) session.set_id_tag(stop.id_tag);
  stored.mutable_stop()->set_told_us(stop.told_us);
  stored.mutable_stop()->set_received_us(event_->received_at_us);
  if (charge_point().has_skew_us()) stored.set_stop_skew_us(charge_point().skew_us());
  if (stop.bad_time) Flag(record, v1::SESSION_FLAG_TIME_IMPLAUSIBLE);
  if (stop.bad_meter) Flag(record, v1::SESSION_FLAG_UNREADABLE_METER_VALUE);
  Point point;
  point.set_kind(Point::KIND_STOP);
  point.set_at_us(TimeOf(record, stop.told_us));
  if (stop.meter_mwh.has_value()) {
    stored.set_meter_stop_mwh(*stop.meter_mwh);
    point.set_register_mwh(*stop.meter_mwh);
  }
  AddPoint(record, point);
  Unlist(record);
  Keep(record);
  Touch(record);
}

SessionRecord SessionBook::FindForStop(int64_t transaction_id, const StopFact& stop) {
  SessionRecord known = FindTransaction(transaction_id);
  if (known) return known;
  SessionRecord found;
  for (const std::string& key : charge_point().kept()) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr) continue;
    const v1::StoredSession& stored = *record.stored;
    const bool same_tag = absl::string_view(record.session->id_tag()) == stop.id_tag ||
                          (stop.id_tag.empty() && transaction_id <= 0);
    const bool grows = !stop.meter_mwh.has_value() || !stored.has_meter_start_mwh() ||
                       *stop.meter_mwh >= stored.meter_start_mwh();
    const int64_t length = stop.told_us - stored.start().told_us();
    const bool ended = record.session->end() == v1::SESSION_END_STOP;
    // Its own stop, sent again.
    const bool again = ended && stored.stop().told_us() == stop.told_us &&
                       stored.meter_stop_mwh() == stop.meter_mwh.value_or(0);
    if (HasCause(stored, v1::SESSION_FLAG_MISSING_START) && again) return record;
    if (!same_tag || !grows || length < 0 || length > kLongestUs || (ended && !again)) continue;
    // More than one may be meant: then none is.
    if (found) return SessionRecord();
    found = record;
  }
  if (found) Flag(found, v1::SESSION_FLAG_UNKNOWN_TRANSACTION_ID);
  return found;
}

void SessionBook::AddSample(SessionRecord& record, const Sample& sample) {
  if (record.stored == nullptr) return;
  v1::StoredSession& stored = *record.stored;
  const int64_t told = sample.at_us.value_or(0);
  if (sample.bad_time) Flag(record, v1::SESSION_FLAG_TIME_IMPLAUSIBLE);
  if (sample.bad_value) Flag(record, v1::SESSION_FLAG_UNREADABLE_METER_VALUE);
  Point point;
  point.set_kind(Point::KIND_SAMPLE);
  point.set_at_us(TimeOf(record, told));
  if (sample.register_mwh.has_value()) point.set_register_mwh(*sample.register_mwh);
  if (sample.interval_mwh.has_value()) point.set_interval_mwh(*sample.interval_mwh);
  if (sample.export_mwh.has_value()) point.set_export_mwh(*sample.export_mwh);
  if (sample.power_mw.has_value()) point.set_power_mw(*sample.power_mw);
  if (sample.soc_percent.has_value()) point.set_soc_percent(*sample.soc_percent);
  point.set_periodic(sample.periodic);
  const int64_t at_us = point.at_us();
  AddPoint(record, std::move(point));
  stored.set_meter_value_count(stored.meter_value_count() + 1);
  if (told != 0) {
    v1::StoredSession::Clock& clock =
        *(stored.has_first() ? stored.mutable_last() : stored.mutable_first());
    clock.set_told_us(told);
    clock.set_received_us(event_->received_at_us);
  }
  if (Inferred(*record.session) && at_us > stored.inferred_at_us()) Reopen(record);
  Touch(record);
}

void SessionBook::AddState(SessionRecord& record, v1::ChargingState state, int64_t told_us) {
  if (record.stored == nullptr || state == v1::CHARGING_STATE_UNSPECIFIED) return;
  Point point;
  point.set_kind(Point::KIND_STATE);
  point.set_at_us(TimeOf(record, told_us));
  point.set_state(state);
  AddPoint(record, std::move(point));
  Touch(record);
}

void SessionBook::KeepLoose(uint32_t connector_id, const Sample& sample) {
  if (!sample.register_mwh.has_value() && !sample.interval_mwh.has_value()) return;
  v1::StoredChargePoint::Loose& loose = *charge_point().add_loose();
  loose.set_connector_id(connector_id);
  loose.set_received_us(event_->received_at_us);
  Point& point = *loose.mutable_point();
  point.set_kind(Point::KIND_SAMPLE);
  point.set_at_us(PointTime(sample.at_us.value_or(0), event_->received_at_us));
  if (sample.register_mwh.has_value()) point.set_register_mwh(*sample.register_mwh);
  if (sample.interval_mwh.has_value()) point.set_interval_mwh(*sample.interval_mwh);
  if (sample.export_mwh.has_value()) point.set_export_mwh(*sample.export_mwh);
  if (sample.power_mw.has_value()) point.set_power_mw(*sample.power_mw);
  if (sample.soc_percent.has_value()) point.set_soc_percent(*sample.soc_percent);
  point.set_periodic(sample.periodic);
  point.set_sequence(event_->sequence.value());
  point.set_generation(event_->generation.value());
  KeepLast(*charge_point().mutable_loose(), kMostLoose);
}

void SessionBook::OnAvailable(uint32_t connector_id, int64_t told_us) {
  const int64_t at = PointTime(told_us, event_->received_at_us);
  std::vector<std::string> keys;
  for (const auto& open : charge_point().open()) {
    if (open.connector_id() == connector_id) keys.push_back(open.key());
  }
  for (const std::string& key : keys) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr) continue;
    const auto& start = record.stored->start();
    if (PointTime(start.told_us(), start.received_us()) > at) continue;
    Infer(record, v1::SESSION_END_AVAILABLE, at);
  }
}

void SessionBook::OnBoot(absl::string_view meter_serial) {
  v1::StoredChargePoint& memory = charge_point();
  memory.clear_skew_us();
  memory.clear_last_status();
  const bool changed = !meter_serial.empty() && !memory.meter_serial().empty() &&
                       absl::string_view(memory.meter_serial()) != meter_serial;
  if (!meter_serial.empty()) memory.set_meter_serial(std::string(meter_serial));
  std::vector<std::string> keys;
  for (const auto& open : memory.open()) keys.push_back(open.key());
  for (const std::string& key : keys) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr) continue;
    if (changed) {
      Point point;
      point.set_kind(Point::KIND_METER_CHANGED);
      point.set_at_us(event_->received_at_us);
      AddPoint(record, std::move(point));
    }
    Infer(record, v1::SESSION_END_BOOT, event_->received_at_us);
  }
}

void SessionBook::OnLiveTime(int64_t told_us) {
  if (told_us == 0) return;
  v1::StoredChargePoint& memory = charge_point();
  const int64_t received_us = event_->received_at_us;
  if (memory.has_last_status()) {
    const v1::StoredSession::Clock& last = memory.last_status();
    if (received_us - last.received_us() < kApartUs) return;
    if (SaidLive(last.told_us(), last.received_us(), told_us, received_us)) {
      memory.set_skew_us(std::max(told_us - received_us, last.told_us() - last.received_us()));
    }
  }
  memory.mutable_last_status()->set_told_us(told_us);
  memory.mutable_last_status()->set_received_us(received_us);
  if (!memory.has_skew_us()) return;
  // Those that began before anything was known of the clock.
  for (const auto& open : memory.open()) {
    SessionRecord record = Load(open.key());
    if (!record || record.stored == nullptr || record.stored->has_start_skew_us()) continue;
    record.stored->set_start_skew_us(memory.skew_us());
    Touch(record);
  }
}

void SessionBook::CloseSilent() {
  std::vector<std::pair<std::string, std::string>> silent;
  bool any = false;
  const std::string prefix(1, kChargePointKind);
  state_->Scan(prefix, [&](absl::string_view key, absl::string_view value) {
    v1::StoredChargePoint memory;
    if (!memory.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
    const absl::string_view id = key.substr(1, key.size() - 2);
    for (const auto& open : memory.open()) silent.emplace_back(std::string(id), open.key());
    return true;
  });
  const bool stepped = state_->Find<v1::StoredSteps>(kStepsKey) != nullptr;
  for (const auto& [charge_point_id, key] : silent) {
    // The session's charge point is another one than the event's.
    Event about = *event_;
    about.charge_point_id = charge_point_id;
    const Event* said = std::exchange(event_, &about);
    charge_point_ = nullptr;
    if (stepped) (void)charge_point();
    SessionRecord record = Load(key);
    if (record && record.stored != nullptr) {
      if (record.stored->heard_at_us() + kSilenceUs > event_->received_at_us) {
        any = true;
      } else {
        Infer(record, v1::SESSION_END_TIMEOUT, record.stored->heard_at_us());
      }
    }
    event_ = said;
    charge_point_ = nullptr;
  }
  // Nobody needs to look again within the hour.
  auto& silence = state_->FindOrCreate<v1::StoredSession::Clock>(kSilenceKey);
  silence.set_told_us(any ? event_->received_at_us + kHourUs : 0);
  if (!any) state_->Delete(kSilenceKey);
}

void SessionBook::Finish(State& state) {
  state_ = &state;
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  for (const std::string& key : touched_) {
    SessionRecord record = Load(key);
    if (record && record.stored != nullptr) Settle(*record.stored, *record.session);
  }
  touched_.clear();
}

std::vector<ChangedSession> SessionBook::TakeChanged() {
  std::vector<ChangedSession> changed;
  std::sort(said_.begin(), said_.end());
  said_.erase(std::unique(said_.begin(), said_.end()), said_.end());
  for (const std::string& key : said_) {
    SessionRecord record = Load(key);
    if (!record || record.stored == nullptr) continue;
    const bool reopened = std::find(reopened_.begin(), reopened_.end(), key) != reopened_.end();
    if (record.session->state() != v1::SESSION_STATE_CLOSED && !reopened) continue;
    Settle(*record.stored, *record.session);
    changed.push_back({key, record.session, record.stored});
  }
  said_.clear();
  reopened_.clear();
  return changed;
}

}  // namespace chargeledger::projections
