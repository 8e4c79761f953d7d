#include "projections/sessions/ratings.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "chargeledger/v1/storage.pb.h"
#include "projections/known_fact.h"

namespace chargeledger::projections {
namespace {

constexpr absl::string_view kKey = "r";

}  // namespace

void TakeRatings(const Event& event, State& state) {
  const std::optional<Fact> fact = FactIn(event);
  if (!fact.has_value() || !fact->fact.has_site_described()) return;
  const auto order = [](const v1::EntryRef& ref) {
    return std::make_tuple(ref.generation(), ref.sequence());
  };
  v1::StoredRatings* ratings = state.Find<v1::StoredRatings>(kKey);
  // Facts are copied again into a new generation, older ones first.
  const bool same_log = ratings != nullptr && ratings->log_id() == fact->log_id;
  if (same_log && order(fact->said) < order(ratings->said())) return;
  bool any = false;
  for (const auto& connector : fact->fact.site_described().connectors()) {
    any = any || connector.max_power_w() > 0;
  }
  // Where nobody ever said a rating there is nothing to remember.
  if (ratings == nullptr && !any) return;
  if (ratings == nullptr) ratings = &state.FindOrCreate<v1::StoredRatings>(kKey);
  ratings->Clear();
  ratings->set_log_id(fact->log_id);
  *ratings->mutable_said() = fact->said;
  for (const auto& connector : fact->fact.site_described().connectors()) {
    v1::StoredRatings::Rating& rating = *ratings->add_ratings();
    rating.set_charge_point_id(connector.charge_point_id());
    rating.set_connector_id(connector.connector_id());
    rating.set_max_power_w(connector.max_power_w());
  }
}

int64_t RatedPowerW(absl::string_view charge_point_id, uint32_t connector_id, State& state) {
  const v1::StoredRatings* ratings = state.Find<v1::StoredRatings>(kKey);
  if (ratings == nullptr) return 0;
  int64_t most = 0;
  for (const v1::StoredRatings::Rating& rating : ratings->ratings()) {
    if (rating.connector_id() != connector_id || rating.charge_point_id() != charge_point_id) {
      continue;
    }
    // Which of an EVSE's outlets was used is not known here, and one may give anything.
    if (rating.max_power_w() <= 0) return 0;
    most = std::max(most, rating.max_power_w());
  }
  return most;
}

}  // namespace chargeledger::projections
