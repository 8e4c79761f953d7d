#include "server/entry_lookup.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "projections/event.h"
#include "projections/sessions/story.h"

namespace chargeledger::server {

absl::StatusOr<EntryId> ParseEntryId(absl::string_view field, absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '-');
  uint32_t generation = 0;
  uint64_t sequence = 0;
  if (parts.size() == 3 && parts[0].size() == 12 && absl::SimpleAtoi(parts[1], &generation) &&
      absl::SimpleAtoi(parts[2], &sequence)) {
    return EntryId{std::string(parts[0]), core::Generation(generation), core::Sequence(sequence)};
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is \"", absl::CHexEscape(text), "\"; it looks like 0123456789ab-1-42"));
}

absl::StatusOr<v1::SessionStory> TellStory(const View& view, const EntryId& id,
                                           const v1::Session& session) {
  projections::StoryTeller teller(session);
  const v1::SessionSources& sources = session.sources();
  for (const HeldLog* held : view.logs()) {
    if (!absl::StartsWith(held->log_id().ToHex(), id.log_prefix)) continue;
    for (const log::EventLog* log : held->generations()) {
      const uint32_t generation = log->generation().value();
      if (generation < session.generation() || generation > sources.last_generation()) continue;
      const uint64_t first = generation == session.generation() ? sources.first() : 0;
      const uint64_t end =
          generation == sources.last_generation() ? sources.last() + 1 : log->head().size;
      if (first >= end) continue;
      projections::EventReader reader(log->log_id(), held->site(), log->generation());
      CL_RETURN_IF_ERROR(log->Read(core::Sequence(first), end - first,
                                   [&](core::Sequence sequence, absl::string_view bytes) {
                                     if (auto event = reader.Read(sequence, bytes)) {
                                       teller.Add(*event);
                                     }
                                     return true;
                                   }));
    }
  }
  return teller.Take();
}

}  // namespace chargeledger::server
