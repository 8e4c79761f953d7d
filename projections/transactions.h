// Which transaction id each StartTransaction was given: the edge agent's memory, so that an id is
// never given to two transactions and a StartTransaction that is sent again gets the id it had.
//
// A message id never identifies a fact (retries carry new ones), so a start is recognised by what
// it says: charge point, connector, idTag, timestamp, meterStart. Where the clock stands still and
// the register begins at 0 each time, two real transactions say the same; so, if the told time was
// not near the time of arrival, a start is taken for a new one once the charge point has used the
// id that it was given before (it can only have that from the answer, so it has no reason to ask
// again).
//
// State keys: 'l' -> last id given (decimal); 'k' SHA-256 of the natural key -> StoredStart; 'u'
// charge point, transaction id -> that key, until the id was used.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "ocpp/payload_reader.h"
#include "ocpp/v16.h"
#include "projections/event.h"
#include "projections/fold.h"
#include "projections/state.h"

namespace chargeledger::projections {

class Transactions final : public Fold {
 public:
  std::vector<Part> parts() const override { return {{"transactions", 1}}; }
  void Apply(const Event& event, absl::Span<State* const> states) override;

  // The id for a start that arrives now: the one it was given before, or the next that is larger
  // than `after`. Changes nothing.
  static int64_t IdFor(const State& state, absl::string_view charge_point_id,
                       const ocpp::v16::StartTransactionReq& start, int64_t after = 0);
  // The start that arrived at `received_at_us` was given `transaction_id`.
  static void OnStartAnswered(State& state, absl::string_view charge_point_id,
                              const ocpp::v16::StartTransactionReq& start, int64_t received_at_us,
                              int64_t transaction_id);
  // The charge point sent `transaction_id` itself.
  static void OnIdUsed(State& state, absl::string_view charge_point_id, int64_t transaction_id);

 private:
  ocpp::PayloadReader payload_;
};

}  // namespace chargeledger::projections
