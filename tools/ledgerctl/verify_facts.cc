// verify facts: whether the control facts that a site has in its log are those of the control log,
// out of folders of `log export`.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/check.h"
#include "core/ids.h"
#include "core/orphans.h"
#include "core/sha256.h"
#include "log/entry_place.h"
#include "log/tlog/static_log.h"
#include "tools/ledgerctl/verify.h"

namespace chargeledger::ledgerctl {
namespace {

using log::tlog::VerifierKey;

// What differs is counted to the end; so many are told one by one.
constexpr uint64_t kMostTold = 20;

struct Place {
  std::string log_id_hex;
  core::Generation generation{1};
};

// <operator>/<site>/<log id in hex>/g<generation>
absl::StatusOr<Place> ParseOrigin(absl::string_view origin) {
  const std::vector<std::string> parts = absl::StrSplit(origin, '/');
  uint32_t generation = 0;
  if (parts.size() < 4 || parts.back().size() < 2 || parts.back()[0] != 'g' ||
      !absl::SimpleAtoi(absl::string_view(parts.back()).substr(1), &generation) ||
      generation == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the origin ", origin, " does not end with /<log id>/g<generation>"));
  }
  return Place{parts[parts.size() - 2], core::Generation(generation)};
}

// Each entry of a folder that verifies, those that it carries from a branch given up in their
// place.
absl::Status ForEach(
    const std::string& directory, const std::vector<VerifierKey>& keys,
    absl::FunctionRef<void(const Place&, uint64_t sequence, const v1::Entry&, absl::string_view)>
        visit) {
  core::OrphanReader orphans;
  const auto verified = log::tlog::VerifyStaticLog(
      directory, keys,
      [&](absl::string_view origin, uint64_t sequence, absl::string_view bytes) -> absl::Status {
        CL_ASSIGN_OR_RETURN(const Place place, ParseOrigin(origin));
        CL_RETURN_IF_ERROR(log::CheckEntryPlace(place.generation, sequence, bytes));
        v1::Entry entry;
        if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
          return absl::OkStatus();
        }
        std::string carried;
        if (entry.has_orphaned_entry()) {
          if (!entry.orphaned_entry().log_id().empty()) return absl::OkStatus();
          const auto orphan = orphans.Add(entry.orphaned_entry());
          if (!orphan.has_value()) return absl::OkStatus();
          carried = std::string(orphan->bytes);
          bytes = carried;
          if (!entry.ParseFromString(carried)) return absl::OkStatus();
        }
        visit(place, sequence, entry, bytes);
        return absl::OkStatus();
      });
  if (verified.ok()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(directory, " does not verify: ", verified.status().message()));
}

}  // namespace

absl::Status VerifyFacts(const std::string& site, const std::vector<std::string>& controls,
                         const std::vector<std::string>& key_texts, std::ostream& out) {
  std::vector<VerifierKey> keys;
  for (const std::string& text : key_texts) {
    CL_ASSIGN_OR_RETURN(VerifierKey key, VerifierKey::Parse(text));
    keys.push_back(std::move(key));
  }
  // By control log: SHA-256 of each entry that decides something. Its bytes say where it stands.
  std::map<std::string, std::set<std::string>> facts;
  for (const std::string& control : controls) {
    CL_RETURN_IF_ERROR(
        ForEach(control, keys,
                [&](const Place& place, uint64_t, const v1::Entry& entry, absl::string_view bytes) {
                  std::set<std::string>& known = facts[place.log_id_hex];
                  if (!entry.has_control_fact()) return;
                  known.insert(std::string(core::Sha256(bytes).bytes()));
                }));
  }
  uint64_t checked = 0, differing = 0;
  const auto differs = [&](uint64_t sequence, const std::string& why) {
    if (++differing <= kMostTold) out << "entry " << sequence << ": " << why << "\n";
  };
  CL_RETURN_IF_ERROR(ForEach(
      site, keys, [&](const Place&, uint64_t sequence, const v1::Entry& entry, absl::string_view) {
        if (entry.has_control_fact()) {
          ++checked;
          return differs(sequence, "a control fact of the site's own, which is no copy");
        }
        if (!entry.has_known_fact()) return;
        ++checked;
        const v1::KnownFact& known = entry.known_fact();
        const auto control = facts.find(absl::BytesToHexString(known.log_id()));
        if (control == facts.end()) {
          return differs(sequence,
                         absl::StrCat("its control log ", absl::BytesToHexString(known.log_id()),
                                      " is none of those given"));
        }
        v1::Entry said;
        if (!said.ParseFromString(known.entry()) || said.generation() != known.generation() ||
            said.sequence() != known.sequence() ||
            control->second.count(std::string(core::Sha256(known.entry()).bytes())) == 0) {
          differs(sequence, absl::StrCat("the control log has no such fact in entry ",
                                         known.sequence(), " of generation ", known.generation()));
        }
      }));
  if (differing > 0) {
    return absl::DataLossError(absl::StrCat(differing, " of ", checked, " control facts in ", site,
                                            " are not those of the control log"));
  }
  out << "verified: " << checked << " control facts are those of the control log\n";
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
