// Entries of a branch that was given up, as events of a later generation: written and read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/ids.h"

namespace chargeledger::core {

// An orphan is an entry of a log, so it has at most these bytes; as AppendOrphan cuts it, it has
// two parts. What claims more is none.
constexpr size_t kMostOrphanBytes = 65'535;
constexpr uint32_t kMostOrphanParts = 16;

// Adds to `events` what carries the entry that stood at `sequence`. One that itself carries an
// entry is carried as it is: an orphan names where it first stood, however often its branch is
// given up.
void AppendOrphan(Generation generation, Sequence sequence, absl::string_view bytes,
                  std::vector<v1::Entry>& events);

// Puts orphans together from their parts, in the order of the log. Not thread-safe.
class OrphanReader {
 public:
  struct Orphan {
    uint32_t generation;
    uint64_t sequence;
    // The entry's bytes, until the next Add.
    absl::string_view bytes;
  };

  // The orphan that ends with `part`; none while parts are missing. A part that does not follow its
  // predecessor, or is beyond the bounds above, is dropped.
  std::optional<Orphan> Add(const v1::OrphanedEntry& part);
  // Parts of an orphan that is not complete yet.
  uint32_t pending() const { return parts_; }
  void Clear();

 private:
  std::string bytes_;
  uint64_t sequence_ = 0;
  uint32_t parts_ = 0;
};

}  // namespace chargeledger::core
