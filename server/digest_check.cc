#include "server/digest_check.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "projections/runtime/folder.h"

namespace chargeledger::server {
namespace {

bool Comparable(const projections::Fold& fold, const v1::ProjectionDigests::Part& part) {
  for (const projections::Fold::Part& own : fold.parts()) {
    if (own.name == part.name() && own.version == part.version()) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<DigestCheck> CheckDigests(const log::Reader& states, const projections::Fold& fold,
                                         const core::LogId& log_id,
                                         const v1::ProjectionDigests& theirs) {
  CL_ASSIGN_OR_RETURN(v1::StoredFold stored, projections::ReadPosition(states, log_id));
  std::vector<v1::StoredFold::Point> points(stored.points().begin(), stored.points().end());
  v1::StoredFold::Point& now = points.emplace_back();
  now.set_generation(stored.generation());
  now.set_size(stored.size());
  *now.mutable_parts() = stored.parts();
  DigestCheck check;
  for (const v1::ProjectionDigests::Point& their_point : theirs.points()) {
    for (const v1::StoredFold::Point& own_point : points) {
      if (own_point.generation() != their_point.generation() ||
          own_point.size() != their_point.size()) {
        continue;
      }
      for (const v1::ProjectionDigests::Part& part : their_point.parts()) {
        if (!Comparable(fold, part)) continue;
        for (const v1::StoredFold::Part& own : own_point.parts()) {
          if (own.name() != part.name()) continue;
          ++check.compared;
          if (own.digest() == part.digest()) continue;
          check.difference =
              absl::StrCat("projection ", part.name(), " version ", part.version(), ": after ",
                           own_point.size(), " entries of generation ", own_point.generation(),
                           " its state has digest ", absl::BytesToHexString(own.digest()),
                           " here and ", absl::BytesToHexString(part.digest()), " at the site");
        }
      }
    }
  }
  return check;
}

}  // namespace chargeledger::server
