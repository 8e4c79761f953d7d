// What is decided at the centre, in the control log: checked, recorded, and known from then on.
//
// Thread-safe. A fact counts once it is durable; sites learn of it when they next hear of the
// control log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "core/ids.h"
#include "log/recorder.h"

namespace chargeledger::server {

// A fact that is larger would not fit into an entry when its branch is given up.
constexpr size_t kMaxFactBytes = 32'000;
// Findings about the known facts of one log that are open at once: a site that forges facts without
// end costs the control log no more. The first one holds whatever comes behind it.
constexpr size_t kMostFactFindings = 16;

class ControlFacts {
 public:
  // Reads all facts that are recorded. `control` outlives this.
  static absl::StatusOr<std::unique_ptr<ControlFacts>> Open(log::Recorder& control);

  // A new version of a tariff; returns it. Nothing is recorded if it is what the newest version
  // says already. The tariff was checked (ocpi::CheckTariff).
  absl::StatusOr<v1::TariffVersion> Publish(const v1::Tariff& tariff, const std::string& by,
                                            const std::string& reason);
  // Everything else. INVALID_ARGUMENT names what is wrong; NOT_FOUND a tariff that was never
  // published.
  absl::Status Record(const v1::ControlFact& fact);

  // The newest version of each tariff, in the order of their keys; with `all`, every version.
  std::vector<v1::TariffVersion> Tariffs(bool all) const;
  std::vector<v1::TariffAssigned> Assignments() const;
  std::map<std::string, v1::SiteDescribed> Sites() const;
  std::optional<v1::SiteDescribed> Site(const std::string& site) const;
  // By tag.
  std::map<std::string, v1::ContractRegistered> Contracts() const;
  std::optional<v1::ContractRegistered> Contract(const std::string& id_tag) const;
  // All closings in their order, also those that were reopened: their invoices are issued.
  std::vector<v1::PeriodClosed> Periods() const;
  // The month of the last closing that stands; empty if none does.
  std::string ClosedThrough() const;
  // FAILED_PRECONDITION says why a period is not the next to be closed.
  absl::Status MayClose(const v1::PeriodClosed& closed) const;
  // The newest; empty if none was ever set.
  v1::BillingPolicySet Policy() const;

  // What keeps a site's copy of a control fact from being one of this control log; empty if it is.
  std::string Difference(const v1::KnownFact& known) const;
  // Records that an entry of a site's log, `found.first_difference` of its generation, has a fact
  // which differs: once, and not if it was accepted, or if kMostFactFindings are open of the log.
  // Durable when it returns OK.
  absl::Status OnFactDiffers(v1::DivergenceFound found);
  // From this entry of a site's log on, nothing that its bills say is believed; none: all is.
  std::optional<v1::EntryRef> HeldFrom(const core::LogId& log_id) const;
  // Whether a bill of that log, made because of the entry `cause`, waits until its facts are
  // accepted.
  bool Holds(const core::LogId& log_id, const v1::EntryRef& cause) const;

 private:
  using Place = std::pair<uint32_t, uint64_t>;

  explicit ControlFacts(log::Recorder& control) : control_(control) {}

  void Read(const log::EventLog& log);
  void Know(const v1::ControlFact& fact, const v1::Entry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Accept(const v1::KnownFactsAccepted& accepted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckClosing(const v1::PeriodClosed& closed) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckAcceptance(const v1::KnownFactsAccepted& accepted) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Check(const v1::ControlFact& fact) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Append(const v1::ControlFact& fact) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  log::Recorder& control_;
  // Held while a fact is recorded: versions and numbers are given without a gap.
  mutable absl::Mutex mutex_;
  std::map<std::string, std::vector<v1::TariffVersion>> tariffs_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::TariffAssigned> assignments_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::SiteDescribed> sites_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::ContractRegistered> contracts_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::PeriodClosed> periods_ ABSL_GUARDED_BY(mutex_);
  // Months of the closings that stand, in their order.
  std::vector<std::string> standing_ ABSL_GUARDED_BY(mutex_);
  // SHA-256 of every entry with a fact that this control log has or had: an entry says its own
  // place.
  std::set<std::string> digests_ ABSL_GUARDED_BY(mutex_);
  // By log id: where facts differ, with the finding's id, and before where they were accepted.
  std::map<std::string, std::map<Place, std::string>> differing_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Place> accepted_ ABSL_GUARDED_BY(mutex_);
  v1::BillingPolicySet policy_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
