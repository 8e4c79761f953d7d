#include "core/system_clock.h"

#include <openssl/rand.h>
#include <time.h>

#include <fstream>

#include "core/check.h"

namespace chargeledger::core {
namespace {

int64_t ReadMicros(clockid_t id) {
  timespec t{};
  CL_CHECK(clock_gettime(id, &t) == 0, "clock_gettime failed");
  return static_cast<int64_t>(t.tv_sec) * 1'000'000 + t.tv_nsec / 1'000;
}

}  // namespace

int64_t SystemClock::WallMicros() { return ReadMicros(CLOCK_REALTIME); }

uint64_t SystemClock::MonotonicMicros() {
  return static_cast<uint64_t>(ReadMicros(CLOCK_BOOTTIME));
}

LogId RandomLogId() {
  unsigned char bytes[LogId::kSize];
  CL_CHECK(RAND_bytes(bytes, sizeof bytes) == 1, "no entropy from the operating system");
  return *LogId::FromBytes(absl::string_view(reinterpret_cast<char*>(bytes), sizeof bytes));
}

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  CL_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1,
           "no entropy from the operating system");
  return bytes;
}

uint64_t RandomBits() {
  uint64_t bits = 0;
  CL_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&bits), sizeof bits) == 1,
           "no entropy from the operating system");
  return bits;
}

std::string OsBootId() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

}  // namespace chargeledger::core
