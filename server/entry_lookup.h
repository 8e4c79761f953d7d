// Finds what began at an entry by its public id.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/query.pb.h"
#include "core/check.h"
#include "core/ids.h"
#include "projections/keys.h"
#include "server/view.h"

namespace chargeledger::server {

// <12 hex digits>-<generation>-<sequence>
struct EntryId {
  std::string log_prefix;
  core::Generation generation;
  core::Sequence sequence;
};

// INVALID_ARGUMENT names `field`.
absl::StatusOr<EntryId> ParseEntryId(absl::string_view field, absl::string_view text);

// The message of one kind that began at an entry; `behind` follows that in its key. NOT_FOUND names
// `what`.
template <typename Message>
absl::Status FindAt(const View& view, const EntryId& id, size_t part, char kind,
                    absl::string_view what, Message& message, absl::string_view behind = {}) {
  for (const HeldLog* held : view.logs()) {
    if (!absl::StartsWith(held->log_id().ToHex(), id.log_prefix)) continue;
    CL_ASSIGN_OR_RETURN(std::optional<std::string> stored,
                        view.states().Get(projections::StatePrefix(held->log_id(), part) +
                                          projections::EntryKey(kind, id.generation, id.sequence) +
                                          std::string(behind)));
    if (!stored.has_value()) continue;
    if (message.ParseFromString(*stored)) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("the stored state of ", what, " cannot be read"));
  }
  return absl::NotFoundError(absl::StrCat("there is no ", what));
}

// The session's own stretch of its log, read again.
absl::StatusOr<v1::SessionStory> TellStory(const View& view, const EntryId& id,
                                           const v1::Session& session);

}  // namespace chargeledger::server
