// What it takes to find where two copies of a log differ: by their trees, against comparing every
// leaf hash and against sending the whole log. Prints a table; nothing is timed as a test.
//
//   divergence_bench [SIZE...]     (100000 1000000 10000000)
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "log/memory_store.h"
#include "log/replication/comparison.h"

namespace chargeledger::bench {
namespace {

using log::Hash;

const core::LogId kLog = *core::LogId::FromBytes("0123456789abcdef");
// As an entry is on the wire, compressed (docs/BENCHMARKS.md).
constexpr uint64_t kWireBytesPerEntry = 31;

struct Copy {
  log::MemoryStore store;
  std::unique_ptr<log::EventLog> log;
};

std::unique_ptr<Copy> Make(uint64_t size, const std::set<uint64_t>& other) {
  auto copy = std::make_unique<Copy>();
  copy->log = *log::EventLog::Open(copy->store, kLog, core::Generation(1));
  constexpr uint64_t kBatch = 10'000;
  for (uint64_t at = 0; at < size; at += kBatch) {
    std::vector<std::string> bytes;
    for (uint64_t i = at; i < std::min(size, at + kBatch); ++i) {
      bytes.push_back(std::to_string(i) + (other.count(i) > 0 ? "x" : ""));
    }
    const std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
    std::vector<Hash> leaves;
    for (const std::string& entry : bytes) leaves.push_back(log::LeafHash(entry));
    log::WriteBatch batch;
    const log::TreeHead head = copy->log->Stage(entries, leaves, batch);
    if (!copy->store.Commit(batch, log::Durability::kSynced).ok()) std::abort();
    copy->log->Publish(head);
  }
  return copy;
}

void Measure(uint64_t size, uint64_t differences) {
  std::mt19937_64 random(size + differences);
  std::set<uint64_t> changed;
  while (changed.size() < differences) changed.insert(random() % size);
  auto own = Make(size, {}), other = Make(size, changed);
  const auto began = std::chrono::steady_clock::now();
  log::replication::Comparison comparison(*own->log, size);
  uint64_t bytes = 0;
  if (differences > 0) {
    while (true) {
      auto request = *comparison.Next();
      if (!request.has_value()) break;
      auto response = *log::replication::AnswerNodes(*other->log, *request);
      bytes += request->ByteSizeLong() + response.ByteSizeLong();
      if (!comparison.OnNodes(response).ok()) std::abort();
    }
  }
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  uint64_t found = 0;
  for (const auto& range : comparison.ranges()) found += range.end - range.first;
  if (found != differences) std::abort();
  // One round trip more: the hello and the position, in which the roots are compared.
  std::printf("%10lu %6lu %10.1f %7u %12lu %14.5f %14.5f\n", size, differences, ms,
              comparison.round_trips() + 1, bytes,
              static_cast<double>(bytes) / static_cast<double>(size * Hash::kSize),
              static_cast<double>(bytes) / static_cast<double>(size * kWireBytesPerEntry));
  std::fflush(stdout);
}

}  // namespace
}  // namespace chargeledger::bench

int main(int argc, char** argv) {
  std::printf("   entries  diffs         ms  rounds        bytes  of all hashes   of the log\n");
  std::vector<uint64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {100'000, 1'000'000, 10'000'000};
  for (uint64_t size : sizes) {
    for (uint64_t differences : {uint64_t{1}, uint64_t{10}, uint64_t{1000}}) {
      chargeledger::bench::Measure(size, differences);
    }
  }
  return 0;
}
