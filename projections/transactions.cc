#include "projections/transactions.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/sha256.h"
#include "core/timestamp.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;

constexpr absl::string_view kLastIdKey = "l";
constexpr int64_t kDayUs = int64_t{24} * 3600 * 1'000'000;
// An offline queue may be delivered weeks late; a clock a day ahead is wrong.
constexpr int64_t kMostLateUs = 60 * kDayUs;
constexpr int64_t kMostEarlyUs = kDayUs;

int64_t LastId(const State& state) {
  int64_t last = 0;
  if (auto text = state.Get(kLastIdKey); text.has_value()) {
    if (!absl::SimpleAtoi(*text, &last)) last = 0;
  }
  return last;
}

std::string NaturalKey(absl::string_view charge_point_id, const v16::StartTransactionReq& start) {
  auto part = [](absl::string_view text) { return absl::StrCat(text.size(), ":", text); };
  const std::string text =
      absl::StrCat(part(charge_point_id), part(absl::StrCat(start.connector_id.value_or(-1))),
                   part(start.id_tag.value_or("")), part(start.timestamp.value_or("")),
                   part(start.meter_start.value_or("")));
  return absl::StrCat("k", core::Sha256(text).bytes());
}

bool IsCredible(const v16::StartTransactionReq& start, int64_t received_at_us) {
  auto told = core::ParseTimestamp(start.timestamp.value_or(""));
  return told.ok() && *told > received_at_us - kMostLateUs && *told < received_at_us + kMostEarlyUs;
}

}  // namespace

int64_t Transactions::IdFor(const State& state, absl::string_view charge_point_id,
                            const v16::StartTransactionReq& start, int64_t after) {
  v1::StoredStart known;
  if (GetMessage(state, NaturalKey(charge_point_id, start), known) &&
      (known.clock_credible() || !known.used())) {
    return known.transaction_id();
  }
  return std::max(LastId(state), after) + 1;
}

void Transactions::OnStartAnswered(State& state, absl::string_view charge_point_id,
                                   const v16::StartTransactionReq& start, int64_t received_at_us,
                                   int64_t transaction_id) {
  const std::string key = NaturalKey(charge_point_id, start);
  v1::StoredStart known;
  if (GetMessage(state, key, known) && known.transaction_id() == transaction_id) return;
  v1::StoredStart given;
  given.set_transaction_id(transaction_id);
  given.set_clock_credible(IsCredible(start, received_at_us));
  PutMessage(state, key, given);
  state.Put(kLastIdKey, absl::StrCat(std::max(LastId(state), transaction_id)));
  // Only a start with a doubtful clock needs to know whether its id was used.
  if (!given.clock_credible()) {
    state.Put(ChargePointKey('u', charge_point_id, static_cast<uint64_t>(transaction_id)), key);
  }
}

void Transactions::OnIdUsed(State& state, absl::string_view charge_point_id,
                            int64_t transaction_id) {
  const std::string key =
      ChargePointKey('u', charge_point_id, static_cast<uint64_t>(transaction_id));
  std::optional<std::string> start_key = state.Get(key);
  if (!start_key.has_value()) return;
  v1::StoredStart start;
  if (GetMessage(state, *start_key, start) && start.transaction_id() == transaction_id) {
    start.set_used(true);
    PutMessage(state, *start_key, start);
  }
  state.Delete(key);
}

void Transactions::Apply(const Event& event, absl::Span<State* const> states) {
  State& state = *states[0];
  if (event.kind != Event::Kind::kFrame || event.subprotocol != v1::SUBPROTOCOL_OCPP1_6) return;
  if (event.direction == v1::DIRECTION_SENT) {
    // The answer follows its call in the log; the call waits as it came, since the id is only in
    // the answer.
    const std::string pending = PendingCallKey(event);
    std::optional<std::string> call = state.Get(pending);
    if (!call.has_value()) return;
    state.Delete(pending);
    if (event.frame.type != ocpp::MessageType::kCallResult) return;
    auto answer = payload_.Read<v16::StartTransactionConf>(event.frame.payload);
    if (!answer.ok() || !answer->transaction_id.has_value()) return;
    const int64_t transaction_id = *answer->transaction_id;
    auto start = payload_.Read<v16::StartTransactionReq>(*call);
    if (!start.ok()) return;
    OnStartAnswered(state, event.charge_point_id, *start, event.received_at_us, transaction_id);
    return;
  }
  if (event.frame.type != ocpp::MessageType::kCall) return;
  std::optional<int64_t> used;
  if (event.frame.action == "StartTransaction") {
    state.Put(PendingCallKey(event), event.frame.payload);
  } else if (event.frame.action == "MeterValues") {
    auto message = payload_.Read<v16::MeterValuesReq>(event.frame.payload);
    if (message.ok()) used = message->transaction_id;
  } else if (event.frame.action == "StopTransaction") {
    auto message = payload_.Read<v16::StopTransactionReq>(event.frame.payload);
    if (message.ok()) used = message->transaction_id;
  }
  if (used.has_value()) OnIdUsed(state, event.charge_point_id, *used);
}

}  // namespace chargeledger::projections
