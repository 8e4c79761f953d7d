// Many agents that connect to one ledger at the same moment, each with as many entries that the
// ledger does not have: how long until all are level, and how evenly they are served. tests/bench/
// fleet.sh runs it.
//
//   fleet_bench HOST:PORT AGENTS ENTRIES
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/replication.grpc.pb.h"
#include "log/memory_store.h"
#include "log/replication/author.h"

namespace chargeledger::bench {
namespace {

uint64_t Micros() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                   std::chrono::steady_clock::now().time_since_epoch())
                                   .count());
}

class Agent {
 public:
  Agent(int number, int entries) : site_("site" + std::to_string(number)) {
    std::string id = "fleet-agent-0000";
    for (size_t i = 15, n = static_cast<size_t>(number); n > 0; n /= 10, --i) {
      id[i] = static_cast<char>('0' + n % 10);
    }
    log_ = *log::EventLog::Open(store_, *core::LogId::FromBytes(id), core::Generation(1));
    std::vector<std::string> bytes;
    for (int i = 0; i < entries; ++i) {
      v1::Entry entry;
      entry.set_generation(1);
      entry.set_sequence(static_cast<uint64_t>(i));
      entry.set_wall_time_us(1'772'366'400'000'000 + i * 1'000'000LL);
      v1::FrameRecorded& frame = *entry.mutable_frame_recorded();
      frame.set_charge_point_id("CP" + std::to_string(i % 10));
      frame.set_payload("[2,\"" + std::to_string(i * 7919) +
                        "\",\"MeterValues\",{\"connectorId\":1,\"transactionId\":1,\"meterValue\":"
                        "[{\"timestamp\":\"2026-03-01T12:00:00Z\",\"sampledValue\":[{\"value\":\"" +
                        std::to_string(1000 + i * 17) +
                        "\",\"measurand\":\"Energy.Active.Import.Register\",\"unit\":\"Wh\"}]}]}]");
      bytes.push_back(entry.SerializeAsString());
    }
    const std::vector<absl::string_view> views(bytes.begin(), bytes.end());
    std::vector<log::Hash> leaves;
    for (const std::string& entry : bytes) leaves.push_back(log::LeafHash(entry));
    log::WriteBatch batch;
    const log::TreeHead head = log_->Stage(views, leaves, batch);
    if (!store_.Commit(batch, log::Durability::kSynced).ok()) std::abort();
    log_->Publish(head);
  }

  void Run(const std::string& ledger) {
    auto stub = v1::ReplicationService::NewStub(
        grpc::CreateChannel(ledger, grpc::InsecureChannelCredentials()));
    log::replication::AuthorOptions options;
    options.key = *core::Ed25519PrivateKey::FromSeed(std::string(core::kEd25519SeedSize, 'k'));
    options.instance = site_;
    while (true) {
      log::replication::AuthorStream machine(*log_, {"fleet", site_}, options);
      grpc::ClientContext context;
      auto call = stub->Replicate(&context);
      bool goes_on = call->Write(machine.Hello());
      v1::ReplicateResponse response;
      while (goes_on && call->Read(&response)) {
        goes_on = machine.OnResponse(response, Micros()).ok();
        while (machine.TakeWork().has_value()) (void)machine.OnWorkDone({});
        if (machine.live() && machine.held().size == log_->head().size) {
          level_at_ = Micros();
          context.TryCancel();
          call->Finish();
          return;
        }
        while (goes_on) {
          auto next = machine.Next(Micros());
          if (!next.ok() || !next->has_value()) break;
          goes_on = call->Write(**next);
        }
      }
      context.TryCancel();
      call->Finish();
    }
  }
  uint64_t level_at() const { return level_at_; }

 private:
  const std::string site_;
  log::MemoryStore store_;
  std::unique_ptr<log::EventLog> log_;
  uint64_t level_at_ = 0;
};

int Main(const std::string& ledger, int agents, int entries) {
  std::vector<std::unique_ptr<Agent>> fleet;
  for (int i = 0; i < agents; ++i) fleet.push_back(std::make_unique<Agent>(i, entries));
  std::vector<std::thread> threads;
  const uint64_t began = Micros();
  for (auto& agent : fleet) threads.emplace_back([&agent, &ledger] { agent->Run(ledger); });
  for (std::thread& thread : threads) thread.join();
  std::vector<uint64_t> took;
  for (auto& agent : fleet) took.push_back((agent->level_at() - began) / 1000);
  std::sort(took.begin(), took.end());
  const double seconds = static_cast<double>(took.back()) / 1000;
  std::printf(
      "%d agents with %d entries: all level after %.2f s, %.0f entries/s; the first after "
      "%.2f s, half after %.2f s\n",
      agents, entries, seconds, static_cast<double>(agents) * entries / seconds,
      static_cast<double>(took.front()) / 1000, static_cast<double>(took[took.size() / 2]) / 1000);
  return 0;
}

}  // namespace
}  // namespace chargeledger::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "fleet_bench HOST:PORT AGENTS ENTRIES\n");
    return 2;
  }
  return chargeledger::bench::Main(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
}
