// How fast sessions are priced, and how long the end of a month takes.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "log/archive.h"
#include "log/memory_store.h"
#include "log/recorder.h"
#include "log/replication/author.h"
#include "projections/billing/billing.h"
#include "projections/billing/priced_cdr.h"
#include "projections/books.h"
#include "projections/keys.h"
#include "projections/pricing/pricing.h"
#include "projections/runtime/state_store.h"
#include "server/control_facts.h"
#include "server/invoicing.h"
#include "server/ledger.h"

namespace chargeledger::bench {
namespace {

using projections::Pricer;
using projections::Stretch;

// 2026-11-02T10:00:00Z.
constexpr int64_t kStartUs = 1'793'613'600'000'000;
constexpr int64_t kMinuteUs = 60'000'000;

void AddComponent(v1::TariffElement& element, v1::TariffDimension type, int64_t e4, int step) {
  v1::PriceComponent& component = *element.add_price_components();
  component.set_type(type);
  component.set_price_e9(e4 * 100'000);
  component.set_vat_e4(210'000);
  component.set_step_size(step);
}

v1::Tariff Simple() {
  v1::Tariff tariff;
  tariff.set_id("SIMPLE");
  tariff.set_currency("EUR");
  v1::TariffElement& element = *tariff.add_elements();
  AddComponent(element, v1::TARIFF_DIMENSION_FLAT, 3'500, 1);
  AddComponent(element, v1::TARIFF_DIMENSION_ENERGY, 4'500, 1);
  return tariff;
}

// Another price of energy every hour, parking by the minute at night.
v1::Tariff Hourly() {
  v1::Tariff tariff = Simple();
  tariff.clear_elements();
  for (int hour = 0; hour < 24; ++hour) {
    v1::TariffElement& element = *tariff.add_elements();
    AddComponent(element, v1::TARIFF_DIMENSION_ENERGY, 3'000 + 100 * hour, 1);
    AddComponent(element, v1::TARIFF_DIMENSION_PARKING_TIME, 10'000, 60);
    element.mutable_restrictions()->set_start_minute(hour * 60);
    element.mutable_restrictions()->set_end_minute((hour + 1) % 24 * 60);
  }
  return tariff;
}

v1::Session ASession() {
  v1::Session session;
  session.set_id("0123456789ab-1-42");
  session.set_site("north");
  session.set_charge_point_id("CP-1");
  session.set_connector_id(1);
  session.set_id_tag("04A1B2C3D4E5F6");
  session.set_generation(1);
  return session;
}

// `minutes` of charging at 11 kW, a meter value every `every` minutes.
v1::PricingInput AnInput(int minutes, int every) {
  v1::PricingInput input;
  input.set_started_at_us(kStartUs);
  input.set_stopped_at_us(kStartUs + minutes * kMinuteUs);
  input.set_energy_mwh(int64_t{minutes} * 11'000'000 / 60);
  int64_t energy = 0;
  for (int at = every; at <= minutes; at += every) {
    const int64_t now = int64_t{at} * 11'000'000 / 60;
    input.add_curve(every * kMinuteUs);
    input.add_curve(now - energy);
    input.add_curve(0);
    energy = now;
  }
  return input;
}

void PriceMany(benchmark::State& state, const v1::Tariff& tariff, int minutes, int every) {
  const Pricer pricer = *Pricer::Create(tariff);
  const v1::Session session = ASession();
  const v1::PricingInput input = AnInput(minutes, every);
  int periods = 0;
  for (auto _ : state) {
    auto cdr = projections::PriceSession(session, input, pricer, 1, core::LocalTime());
    if (!cdr.ok()) std::abort();
    periods = cdr->periods_size();
    benchmark::DoNotOptimize(cdr);
  }
  state.counters["CDRs"] =
      benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["periods"] = periods;
}

void BM_PriceSimple(benchmark::State& state) { PriceMany(state, Simple(), 30, 30); }
BENCHMARK(BM_PriceSimple);

void BM_PriceTwentyPeriods(benchmark::State& state) { PriceMany(state, Hourly(), 20 * 60, 60); }
BENCHMARK(BM_PriceTwentyPeriods);

void BM_PriceTwentyPeriodsOfSixtyMeterValues(benchmark::State& state) {
  PriceMany(state, Hourly(), 20 * 60, 20);
}
BENCHMARK(BM_PriceTwentyPeriodsOfSixtyMeterValues);

// One log whose books have a million CDRs of ten thousand contracts; nothing else of it is there.
struct Month {
  static constexpr int kCdrs = 1'000'000;
  static constexpr int kContracts = 10'000;

  Month() {
    log::MemoryStore author;
    auto log = *log::EventLog::Open(author, log_id, core::Generation(1));
    ledger = *server::Ledger::Open(archive, clock, {});
    auto stream =
        ledger->Admit(log::replication::AuthorStream(*log, {"acme", "north"}, {}).Hello().hello());
    if (!stream.ok()) std::abort();
    ledger->Release(*stream);
    const Pricer pricer = *Pricer::Create(Simple());
    v1::Cdr cdr = *projections::PriceSession(ASession(), AnInput(30, 30), pricer, 1, {});
    cdr.mutable_cause()->set_generation(1);
    const std::string prefix =
        projections::StatePrefix(log_id, projections::Books::kBilling) + projections::kCdrKind;
    v1::StoredFold position;
    position.set_generation(1);
    position.set_size(kCdrs);
    log::WriteBatch batch;
    batch.PutCopy(projections::FoldKey(log_id), position.SerializeAsString());
    for (int i = 0; i < kCdrs; ++i) {
      cdr.set_id("0123456789ab-1-" + std::to_string(i) + "-c1");
      cdr.set_contract_id("C-" + std::to_string(int64_t{i} * 7919 % kContracts));
      cdr.mutable_cause()->set_sequence(static_cast<uint64_t>(i));
      std::string key = prefix;
      projections::AppendOrdered(key, 1, 4);
      projections::AppendOrdered(key, static_cast<uint64_t>(i), 8);
      projections::AppendOrdered(key, 1, 1);
      batch.PutCopy(key, cdr.SerializeAsString());
    }
    if (!states.Commit(batch, log::Durability::kBuffered).ok()) std::abort();
  }

  const core::LogId log_id = *core::LogId::FromBytes("a month of bills");
  core::ManualClock clock{kStartUs};
  log::MemoryStore store, states, control_store;
  log::Archive archive{store}, control_archive{control_store};
  std::unique_ptr<server::Ledger> ledger;
};

void BM_MonthEnd(benchmark::State& state) {
  static Month* const month = new Month();
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  for (auto _ : state) {
    log::MemoryStore control_store;
    log::Archive control_archive(control_store);
    auto control = *log::Recorder::Open(control_archive, month->clock, {"ledger", "control"},
                                        *core::LogId::FromBytes("the control log."), {});
    auto facts = *server::ControlFacts::Open(*control);
    log::MemoryStore artefacts;
    server::Invoicing invoicing(*month->ledger, month->states, artefacts, *facts, month->clock);
    v1::ClosePeriodRequest request;
    request.set_period("2026-11");
    request.set_before_end(true);
    auto closed = invoicing.Close(request);
    if (!closed.ok() || closed->closed().count() != Month::kContracts) std::abort();
  }
  getrusage(RUSAGE_SELF, &after);
  state.counters["CDRs"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * Month::kCdrs, benchmark::Counter::kIsRate);
  state.counters["MiB"] = static_cast<double>(after.ru_maxrss - before.ru_maxrss) / 1024;
}
BENCHMARK(BM_MonthEnd)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace chargeledger::bench

BENCHMARK_MAIN();
