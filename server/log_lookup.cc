#include "server/log_lookup.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace chargeledger::server {

absl::StatusOr<HeldLog*> FindLog(const Ledger& ledger, const std::string& name) {
  std::vector<HeldLog*> found;
  std::vector<HeldLog*> known = ledger.logs();
  if (ledger.control() != nullptr) known.push_back(ledger.control());
  for (HeldLog* held : known) {
    if (held->site() == name ||
        (name.size() >= 4 && absl::StartsWith(held->log_id().ToHex(), name))) {
      found.push_back(held);
    }
  }
  if (found.size() == 1) return found[0];
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no log is called \"", absl::CHexEscape(name),
        "\"; give a site's name, a log id, or at least 4 hex digits that one begins with"));
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(name), "\" fits ",
                                                 found.size(), " logs; give more of the log id"));
}

absl::StatusOr<log::EventLog*> FindGeneration(const HeldLog& held, uint32_t generation) {
  const std::vector<log::EventLog*> logs = held.generations();
  for (log::EventLog* log : logs) {
    if (log->generation().value() == generation) return log;
  }
  if (generation == 0 && !logs.empty()) return logs.back();
  return absl::NotFoundError(absl::StrCat("log ", held.log_id().ToHex(), " has no generation ",
                                          generation, "; it has 1 to ", logs.size()));
}

}  // namespace chargeledger::server
