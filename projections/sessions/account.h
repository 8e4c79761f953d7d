// What a session's points come to: energy, power, states, times, completeness, flags. The rules are
// in docs/sessions.md.
//
// A session is a function of what was said, not of the order in which it arrived: points are kept
// in the order of their times, the newest kKeptPoints of them at least, and what is older is added
// up for good.
#pragma once

#include <cstdint>

#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"

namespace chargeledger::projections {

// Beyond twice as many, the oldest are added up.
constexpr int kKeptPoints = 32;
// Sessions above this are looked at, not disbelieved.
constexpr int64_t kMuchEnergyMwh = 250'000'000;

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

// Sets what follows from `stored`: figures, times, flags with their causes, whether it is held.
void Settle(const v1::StoredSession& stored, v1::Session& session);

}  // namespace chargeledger::projections
