// What is decided at the centre, in the control log: checked, recorded, and known from then on.
//
// Thread-safe. A fact counts once it is durable; sites learn of it when they next hear of the
// control log.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "log/recorder.h"

namespace chargeledger::server {

// A fact that is larger would not fit into an entry when its branch is given up.
constexpr size_t kMaxFactBytes = 32'000;

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
  std::vector<v1::PeriodClosed> Periods() const;
  // The newest; empty if none was ever set.
  v1::BillingPolicySet Policy() const;

 private:
  explicit ControlFacts(log::Recorder& control) : control_(control) {}

  void Read(const log::EventLog& log);
  void Know(const v1::ControlFact& fact, const v1::Entry& entry)
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
  v1::BillingPolicySet policy_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
