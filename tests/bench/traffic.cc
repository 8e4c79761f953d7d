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

}  // namespace

std::vector<std::string> RecordTraffic(uint64_t count) {
  log::MemoryStore store;
  edge_agent::TransactionMemory memory(store, core::LogId());
  edge_agent::CentralSystem system(memory, 300);
  Author author;
  chargesim::Behaviour behaviour;
  behaviour.arrivals_per_hour = 3;
  std::vector<std::unique_ptr<chargesim::ChargePoint>> points;
  std::vector<edge_agent::Peer> peers;
  for (int i = 0; i < kChargePoints; ++i) {
    const std::string id = absl::StrCat("CP-", 1000 + i);
    points.push_back(std::make_unique<chargesim::ChargePoint>(id, i, 1, behaviour, kStart));
    peers.push_back({id, author.entries().size(), v1::SUBPROTOCOL_OCPP1_6});
    v1::Entry opened;
    opened.mutable_connection_opened()->set_charge_point_id(id);
    author.Append(opened, kStart);
    points.back()->OnConnected();
  }
  for (int64_t now = kStart; author.entries().size() < count; now += kMinute) {
    for (size_t i = 0; i < points.size(); ++i) {
      points[i]->Advance(now);
      while (auto frame = points[i]->NextFrame()) {
        edge_agent::Handled handled = system.OnFrame(peers[i], *frame, false, now);
        for (v1::Entry& entry : handled.entries) author.Append(std::move(entry), now);
        if (handled.answer.has_value()) points[i]->OnMessage(*handled.answer);
      }
    }
  }
  return std::move(author.entries());
}

}  // namespace chargeledger::bench
