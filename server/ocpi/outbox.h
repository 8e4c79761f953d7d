// What is to be sent to OCPI partners, durably: at least once, each object until its receiver has
// taken it, with what went wrong kept for people.
//
//  1. An object that was offered is sent until it was taken, or was refused for good: then it is a
//  dead letter until somebody sends it again.
//  2. A failure delays its own object, twice as long each time; several in a row open the partner's
//  circuit, so that a partner that is down is asked seldom and by one object at a time.
//  3. A newer body of an object takes the place of an older one that was not sent yet.
//
// A machine without I/O but its store; times are handed in. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/billing.pb.h"
#include "log/store.h"

namespace chargeledger::server {

constexpr int64_t kOcpiFirstDelayUs = 1'000'000;
constexpr int64_t kOcpiLongestDelayUs = int64_t{3'600} * 1'000'000;
// So many failures in a row open the circuit, for so long at first, and at most.
constexpr int kOcpiFailuresToOpen = 5;
constexpr int64_t kOcpiFirstOpenUs = 2'000'000;
constexpr int64_t kOcpiLongestOpenUs = int64_t{60} * 1'000'000;
// Sessions that go on are not told more often.
constexpr int64_t kOcpiSessionEveryUs = int64_t{60} * 1'000'000;

class Outbox {
 public:
  // `store` holds nothing else and outlives the outbox. What cannot be read is forgotten: whoever
  // offers everything at a start offers it again.
  static absl::StatusOr<Outbox> Open(log::Store& store);

  // An object as it is now. `hurry`: not to wait behind what was sent of it last.
  absl::Status Offer(const std::string& partner, v1::OutboxKind kind, const std::string& id,
                     const std::string& body, bool hurry, int64_t now_us);
  // What is to be sent to a partner now, if anything is.
  absl::StatusOr<std::optional<v1::OutboxItem>> Next(const std::string& partner,
                                                     int64_t now_us) const;
  // When Next has something, if nothing changes; none if it never has.
  std::optional<int64_t> DueUs(const std::string& partner) const;

  // What became of it. `sent` is what Next gave: if it was offered anew meanwhile it stays.
  absl::Status Taken(const v1::OutboxItem& sent, const std::string& location, int64_t now_us);
  absl::Status Failed(const v1::OutboxItem& sent, const std::string& error, bool for_good,
                      int64_t now_us);
  // A dead letter is sent again. NOT_FOUND, or FAILED_PRECONDITION if it is none.
  absl::Status Resend(const std::string& partner, const std::string& id, int64_t now_us);

  // All of a partner (or of all), or only those in a state.
  absl::StatusOr<std::vector<v1::OutboxItem>> List(const std::string& partner,
                                                   v1::OutboxState state) const;
  // Whether the circuit of a partner is open, and until when.
  std::optional<int64_t> OpenUntilUs(const std::string& partner) const;

 private:
  struct Circuit {
    int failures = 0;
    int64_t open_until_us = 0;
    int64_t open_for_us = 0;
  };

  explicit Outbox(log::Store& store) : store_(&store) {}

  static std::string KeyOf(const std::string& partner, v1::OutboxKind kind, const std::string& id);
  absl::StatusOr<std::optional<v1::OutboxItem>> Read(const std::string& key) const;
  absl::Status Write(const std::string& key, const v1::OutboxItem& item);

  log::Store* store_;
  // By partner: when each that is pending is due, and its key; and by key when it is.
  std::map<std::string, std::set<std::pair<int64_t, std::string>>> pending_;
  std::map<std::string, int64_t> due_us_;
  std::map<std::string, Circuit> circuits_;
};

}  // namespace chargeledger::server
