#include "tests/simulation/accountant.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/storage.pb.h"
#include "projections/billing/billing.h"
#include "projections/books.h"
#include "projections/runtime/state_store.h"
#include "server/default_tariff.h"

namespace chargeledger::simulation {
namespace {

using projections::Books;

constexpr char kBy[] = "accountant";
constexpr int64_t kTariffs = 3;
constexpr int64_t kMostMwh = 50'000'000;

v1::ControlFact NewFact(const std::string& reason) {
  v1::ControlFact fact;
  fact.set_by(kBy);
  fact.set_reason(reason);
  return fact;
}

// Sessions that wait for a decision, or were waived; with `all`, those that are billed too.
std::vector<std::string> Decidable(server::LedgerCore& core, bool all) {
  std::vector<std::string> ids;
  for (const server::HeldLog* held : core.ledger().logs()) {
    const std::string prefix =
        projections::StatePrefix(held->log_id(), Books::kBilling) + projections::kBillingKind;
    // What cannot be read is found by whoever folds.
    (void)core.states().Scan(prefix, log::AfterPrefix(prefix),
                             [&](absl::string_view, absl::string_view value) {
                               v1::StoredBilling billing;
                               billing.ParseFromArray(value.data(), static_cast<int>(value.size()));
                               if (billing.state() == v1::BILLING_STATE_HELD ||
                                   billing.state() == v1::BILLING_STATE_WAIVED ||
                                   (all && billing.state() == v1::BILLING_STATE_BILLED)) {
                                 ids.push_back(billing.session().id());
                               }
                               return true;
                             });
  }
  return ids;
}

}  // namespace

Accountant::Accountant(uint64_t seed)
    : random_(seed ^ 0xc2b2ae3d27d4eb4f), at_work_(random_.OneIn(2)) {}

uint64_t Accountant::PauseUs() {
  return static_cast<uint64_t>(random_.Between(kMinute, 12 * kMinute));
}

std::string Accountant::Work(server::LedgerCore& core, int64_t now_us) {
  const int64_t what = random_.Between(0, 9);
  if (what < 3) return Publish(core);
  if (what < 5) return Assign(core, now_us);
  return Review(core);
}

std::string Accountant::Publish(server::LedgerCore& core) {
  const std::string price = absl::StrFormat("0.%02d", random_.Between(0, 99));
  const std::string fee = absl::StrFormat("0.%02d", random_.Between(0, 99));
  v1::Tariff tariff = *server::MakeDefaultTariff("EUR", price, fee, "");
  tariff.set_id(absl::StrCat("SIM-", random_.Between(1, kTariffs)));
  const auto version = core.facts().Publish(tariff, kBy, "prices change");
  return absl::StrCat("publishes ", tariff.id(), " of ", price, " a kWh and ", fee, ": ",
                      version.status().ToString());
}

std::string Accountant::Assign(server::LedgerCore& core, int64_t now_us) {
  const bool past = random_.OneIn(3);
  const bool some = random_.OneIn(2);
  v1::ControlFact fact = NewFact("prices change");
  v1::TariffAssigned& assigned = *fact.mutable_tariff_assigned();
  assigned.mutable_tariff()->set_id(absl::StrCat("SIM-", random_.Between(1, kTariffs)));
  assigned.set_priority(static_cast<int32_t>(random_.Between(0, 3)));
  if (some) assigned.set_site(absl::StrCat("site-", random_.Between(1, 5)));
  if (past) {
    assigned.set_for_past(true);
    assigned.set_from_us(now_us - random_.Between(kMinute, kHour));
    assigned.set_to_us(now_us);
  }
  const absl::Status status = core.facts().Record(fact);
  return absl::StrCat("puts ", assigned.tariff().id(), " in force",
                      some ? absl::StrCat(" at ", assigned.site()) : "",
                      past ? " for the past" : "", ": ", status.ToString());
}

std::string Accountant::Review(server::LedgerCore& core) {
  const std::vector<std::string> ids = Decidable(core, random_.OneIn(2));
  if (ids.empty()) return Publish(core);
  const auto chosen = random_.Between(0, static_cast<int64_t>(ids.size()) - 1);
  v1::ControlFact fact = NewFact("it is right");
  v1::SessionReviewed& review = *fact.mutable_session_reviewed();
  review.set_session_id(ids[static_cast<size_t>(chosen)]);
  review.set_decision(static_cast<v1::ReviewDecision>(random_.Between(1, 3)));
  if (review.decision() == v1::REVIEW_DECISION_ADJUST) {
    review.set_energy_mwh(random_.Between(0, kMostMwh));
    fact.set_reason(absl::StrCat(kAdjustedTo, review.energy_mwh()));
  }
  const absl::Status status = core.facts().Record(fact);
  return absl::StrCat("decides on ", review.session_id(), ": ",
                      v1::ReviewDecision_Name(review.decision()), ": ", status.ToString());
}

}  // namespace chargeledger::simulation
