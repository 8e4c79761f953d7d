// Sends Sessions and CDRs to the receiver endpoints of OCPI partners (2.2.1), out of a durable
// outbox: one thread that finds what is new, and one for each partner.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/billing.pb.h"
#include "core/clock.h"
#include "core/ids.h"
#include "log/store.h"
#include "server/ledger.h"
#include "server/ocpi/http.h"
#include "server/ocpi/objects.h"
#include "server/ocpi/outbox.h"

namespace chargeledger::server {

class OcpiSender {
 public:
  // All outlive the sender.
  struct Around {
    const Ledger& ledger;
    const log::Store& states;
    log::Store& outbox;
    const Partners& partners;
    const OcpiObjects& objects;
    core::Clock& clock;
    // The outbox cannot be written: nothing goes out any more in this life. On any thread.
    std::function<void(const absl::Status&)> failed;
  };

  static absl::StatusOr<std::unique_ptr<OcpiSender>> Open(const Around& around);
  // Offers what there is, and sends from now on. Once, when OnChanged is told of everything.
  void Start();
  // What is under way is given up; it is sent again.
  ~OcpiSender();

  // A key of a projection was written. On any thread.
  void OnChanged(const core::LogId& log_id, size_t part, absl::string_view key);

  // FAILED_PRECONDITION or NOT_FOUND, as Outbox::Resend.
  absl::Status Resend(const std::string& partner, const std::string& id);
  absl::StatusOr<std::vector<v1::OutboxItem>> List(const std::string& partner,
                                                   v1::OutboxState state) const;
  int64_t CircuitOpenUntilUs(const std::string& partner) const;

 private:
  using Change = std::tuple<core::LogId, size_t, std::string>;

  OcpiSender(const Around& around, Outbox outbox) : around_(around), outbox_(std::move(outbox)) {}

  // Offers what was written before this process began.
  absl::Status OfferAll();
  absl::Status OfferOne(const log::Reader& states, const Change& change);
  absl::Status Offer(const log::Reader& states, const core::LogId& log_id, const v1::Cdr& cdr);
  absl::Status Offer(const v1::Session& session);
  void Feed();
  // What is wrong with one object is said; a store that fails ends the life, and is returned.
  absl::Status Report(const absl::Status& status);
  void Send(const Partner& partner);
  HttpRequest ToRequest(const Partner& partner, const v1::OutboxItem& item) const;
  bool HasChanges() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(changes_mutex_);

  const Around around_;
  std::atomic<bool> stopping_ = false;
  mutable absl::Mutex mutex_;
  Outbox outbox_ ABSL_GUARDED_BY(mutex_);
  // Apart from the outbox's, which is held while that syncs: folding tells of its changes and must
  // not wait for a disk.
  absl::Mutex changes_mutex_;
  std::set<Change> changes_ ABSL_GUARDED_BY(changes_mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace chargeledger::server
