// What the ledger itself finds to differ: told once, recorded in the control log.
//
// Thread-safe. Recording waits for nothing: the control log makes it durable behind.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "chargeledger/v1/entry.pb.h"
#include "log/recorder.h"

namespace chargeledger::server {

class Divergences {
 public:
  // `control` outlives this; null: it is only told.
  explicit Divergences(log::Recorder* control) : control_(control) {}

  // Records `found`, whose id is made here of its log, generation, kind, side and first difference,
  // unless it is open already; returns the id.
  std::string Found(v1::DivergenceFound found);
  // The id that Found would give it.
  static std::string IdOf(const v1::DivergenceFound& found);
  // Records that it is over, if it was open.
  void Resolved(const std::string& id, absl::string_view resolution, uint64_t recovered,
                const log::TreeHead& head);
  // Records events beside: entries that are kept aside. Waits until they are durable.
  absl::Status Keep(std::vector<v1::Entry> events);

 private:
  log::Recorder* const control_;
  mutable absl::Mutex mutex_;
  std::map<std::string, v1::DivergenceFound> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace chargeledger::server
