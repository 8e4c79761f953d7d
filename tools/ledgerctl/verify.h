// Commands that need no server: verify proof|tiles|facts|merkle, fsck. Each prints what it checked,
// and returns OK only if everything is right.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace chargeledger::ledgerctl {

// `keys`: vkeys; at least one must have signed, and none that did may be wrong.
absl::Status VerifyProof(const std::string& path, const std::vector<std::string>& keys,
                         std::ostream& out);
absl::Status VerifyTiles(const std::string& directory, const std::vector<std::string>& keys,
                         std::ostream& out);
// Whether all control facts in a site's folder are entries of the control log, whose generations
// are a folder each. DATA_LOSS says how many are not.
absl::Status VerifyFacts(const std::string& site, const std::vector<std::string>& controls,
                         const std::vector<std::string>& keys, std::ostream& out);
// Anybody's Merkle vectors as JSON (docs/log_format.md).
absl::Status VerifyMerkle(const std::string& path, std::ostream& out);

// Checks a stopped process's data directory. `rebuild_heads` writes the head file anew.
absl::Status Fsck(const std::string& data_dir, bool rebuild_heads, std::ostream& out);

}  // namespace chargeledger::ledgerctl
