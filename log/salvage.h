// What can still be read of a generation that does not open.
//
// Not thread-safe against the log's own writer; nothing else is assumed of what is stored.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/ids.h"
#include "log/event_log.h"
#include "log/merkle.h"
#include "log/store.h"

namespace chargeledger::log {

// Adds to `batch` what makes the generation one of whole bundles that can all be read, from its
// beginning to the first damage, and returns its head. Tiles are made anew from the entries.
absl::StatusOr<TreeHead> StageReadablePrefix(const Store& store, const core::LogId& log_id,
                                             core::Generation generation, WriteBatch& batch);

// Visits, in order, every entry from `from` on that can be read and says of itself that it stands
// there. `at_least`: how far to look beyond what the store's own keys tell.
absl::Status VisitReadable(const Store& store, const core::LogId& log_id,
                           core::Generation generation, uint64_t from, uint64_t at_least,
                           absl::FunctionRef<void(uint64_t sequence, absl::string_view)> visit);

// The first entry of `log` from `from` on that cannot be read; none if all can.
std::optional<uint64_t> FirstUnreadable(const EventLog& log, uint64_t from);

}  // namespace chargeledger::log
