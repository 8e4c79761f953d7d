#include "tests/bench/traffic.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "edge-agent/central_system/central_system.h"
#include "edge-agent/central_system/transaction_memory.h"
#include "log/memory_store.h"
#include "tools/chargesim/charge_point.h"

namespace chargeledger::bench {
namespace {

constexpr int64_t kStart = 1'772'366'400'000'000;
constexpr int64_t kMinute = 60'000'000;
constexpr int kChargePoints = 50;

class Author {
 public:
  void Append(v1::Entry entry, int64_t now_us) {
    entry.set_generation(1);
    entry.set_sequence(entries_.size());
    entry.set_boot(1);
    entry.set_wall_time_us(now_us);
    entry.set_monotonic_us(static_cast<uint64_t>(now_us - kStart));
    entries_.push_back(entry.SerializeAsString());
  }
  std::vector<std::string>& entries() { return entries_; }

 private:
  std::vector<std::string> entries_;
};

// A charge point and the line to it.
struct Site {
  std::unique_ptr<chargesim::ChargePoint> point;
  edge_agent::Peer peer;
  // 0 while it is connected.
  int64_t reconnects_at_us = 0;
};

void Connect(Site& site, Author& author, int64_t now_us) {
  site.reconnects_at_us = 0;
  site.peer.connection = author.entries().size();
  v1::Entry opened;
  opened.mutable_connection_opened()->set_charge_point_id(site.peer.charge_point_id);
  author.Append(opened, now_us);
  site.point->OnConnected();
}

void Drop(Site& site, Author& author, int64_t now_us) {
  v1::Entry closed;
  closed.mutable_connection_closed()->set_charge_point_id(site.peer.charge_point_id);
  closed.mutable_connection_closed()->set_connection(site.peer.connection);
  closed.mutable_connection_closed()->set_reason(v1::ConnectionClosed::REASON_LOST);
  author.Append(closed, now_us);
  site.point->OnDisconnected();
  site.reconnects_at_us = now_us + 5 * kMinute;
}

// Says what there is to say. Now and then the line fails when the answer is due: the charge point
// says it again.
void Talk(Site& site, edge_agent::CentralSystem& system, Author& author, int64_t now_us) {
  while (site.reconnects_at_us == 0) {
    auto frame = site.point->NextFrame();
    if (!frame.has_value()) return;
    edge_agent::Handled handled = system.OnFrame(site.peer, *frame, false, now_us);
    for (v1::Entry& entry : handled.entries) author.Append(std::move(entry), now_us);
    if (site.point->TakeDrop()) {
      Drop(site, author, now_us);
    } else if (handled.answer.has_value()) {
      site.point->OnMessage(*handled.answer);
    }
  }
}

std::vector<std::string> Record(uint64_t count, const chargesim::Behaviour& behaviour,
                                uint64_t seed) {
  log::MemoryStore store;
  edge_agent::TransactionMemory memory(store, core::LogId());
  edge_agent::CentralSystem system(memory, 300);
  Author author;
  std::vector<Site> sites(kChargePoints);
  for (int i = 0; i < kChargePoints; ++i) {
    const std::string id = absl::StrCat("CP-", 1000 + i);
    Site& site = sites[static_cast<size_t>(i)];
    site.point = std::make_unique<chargesim::ChargePoint>(id, i, seed, behaviour, kStart);
    site.peer = {id, 0, v1::SUBPROTOCOL_OCPP1_6};
    Connect(site, author, kStart);
  }
  for (int64_t now = kStart; author.entries().size() < count; now += kMinute) {
    for (Site& site : sites) {
      site.point->Advance(now);
      if (site.reconnects_at_us != 0 && site.reconnects_at_us <= now) Connect(site, author, now);
      Talk(site, system, author, now);
      if (site.reconnects_at_us == 0 && site.point->TakeDrop()) Drop(site, author, now);
    }
  }
  return std::move(author.entries());
}

}  // namespace

std::vector<std::string> RecordTraffic(uint64_t count) {
  chargesim::Behaviour behaviour;
  behaviour.arrivals_per_hour = 3;
  behaviour.drops_per_hour = 0;
  return Record(count, behaviour, 1);
}

std::vector<std::string> RecordDirtyTraffic(uint64_t count, uint64_t seed) {
  chargesim::Behaviour behaviour;
  behaviour.arrivals_per_hour = 3;
  behaviour.faults_per_hour = 0.5;
  behaviour.drops_per_hour = 2;
  behaviour.stop_forgotten_one_in = 6;
  behaviour.register_reset_one_in = 100;
  behaviour.swapped_one_in = 10;
  return Record(count, behaviour, seed);
}

}  // namespace chargeledger::bench
