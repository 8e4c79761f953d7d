// Sessions out of recorded conversations in OCPP 1.6, 2.0.1 and 2.1: what each was, how well it is
// documented, and what everything in it comes from. docs/sessions.md has the rules; book.h the keys
// of the state.
#pragma once

#include <vector>

#include "projections/sessions/book.h"
#include "projections/sessions/v16.h"
#include "projections/sessions/v201.h"

namespace chargeledger::projections {

class Sessions {
 public:
  static constexpr uint32_t kVersion = 6;

  Sessions() : v16_(book_), v201_(book_) {}
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Folds one event. The sessions that ended by it, or of which it said more after their end, are
  // returned.
  std::vector<ChangedSession> Apply(const Event& event, State& state);
  // Before the state is written.
  void Finish(State& state) { book_.Finish(state); }

 private:
  void OnConnectionClosed(const Event& event, State& state);

  SessionBook book_;
  SessionsOf16 v16_;
  SessionsOf201 v201_;
};

}  // namespace chargeledger::projections
