// What a session's points come to: energy, power, states, times, completeness, flags. The rules are
// in docs/sessions.md.
//
// A session is a function of what was said, not of the order in which it arrived: points are kept
// in the order of their times, the newest kMostPoints of them, and what is older is added up for
// good.
#pragma once

#include <cstdint>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"

namespace chargeledger::projections {

// Beyond twice as many, the oldest are added up.
constexpr int kKeptPoints = 32;
// Charging power that no connector exceeds, where its rated power is not known; a step of the
// register beyond either, and a tenth more, is no energy.
constexpr int64_t kMostPowerMw = 400'000'000;
// Sessions above this are looked at, not disbelieved.
constexpr int64_t kMuchEnergyMwh = 250'000'000;
// Told and received this near to each other are the same time.
constexpr int64_t kNearUs = int64_t{5} * 60 * 1'000'000;
// A charge point's queue may be this late.
constexpr int64_t kMostLateUs = int64_t{60} * 24 * 3600 * 1'000'000;

// Whether a clock that is anything near right may tell this: not 60 days late, nor a day early.
bool Credible(int64_t told_us, int64_t received_us);
// The time at which a point that was told and received then is kept: as told, or as received if
// nothing credible was told (0: nothing).
int64_t PointTime(int64_t told_us, int64_t received_us);

// Two messages of one clock tell its error only this far apart.
constexpr int64_t kApartUs = int64_t{30} * 1'000'000;
// Whether two messages were said as they came: their distance is the same as told and as received.
bool SaidLive(int64_t told_us, int64_t received_us, int64_t later_told_us,
              int64_t later_received_us);

// Keeps `point`, once: a meter value that is sent again says nothing new. False if it came so late
// that newer ones were added up already.
bool AddPoint(const v1::StoredSession::Point& point, bool start_missing, v1::StoredSession& stored);

void AddCause(v1::SessionFlag flag, uint32_t generation, uint64_t sequence,
              v1::StoredSession& stored);
void RemoveCause(v1::SessionFlag flag, v1::StoredSession& stored);
bool HasCause(const v1::StoredSession& stored, v1::SessionFlag flag);
bool HasFlag(const v1::Session& session, v1::SessionFlag flag);

// OCPP 2.x: event number `seq` came, with this entry. Whether it had come before.
bool SeqSeen(int64_t seq, uint32_t generation, uint64_t sequence, v1::StoredSession& stored);

// Flags that a person must look at before anything is billed, unless a billing policy says
// otherwise.
bool HoldsByDefault(v1::SessionFlag flag);

// What a session that has ended is priced from: its energy and the time in which the vehicle asked
// for nothing, from point to point. Of what is no longer kept, the points around each quarter of an
// hour.
v1::PricingInput PricingInputOf(const v1::StoredSession& stored, const v1::Session& session);

// Sets what follows from `stored`: figures, times, flags with their causes, whether it is held.
void Settle(const v1::StoredSession& stored, v1::Session& session);

}  // namespace chargeledger::projections
