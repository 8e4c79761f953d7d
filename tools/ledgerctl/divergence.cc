// divergence list|show|compare|restore.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/check.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

std::string KindOf(v1::DivergenceKind kind) {
  if (kind == v1::DIVERGENCE_KIND_UNSPECIFIED) return "none";
  return absl::StrReplaceAll(ShortName(v1::DivergenceKind_Name(kind), "DIVERGENCE_KIND_"),
                             {{"_", "-"}});
}

std::string SideOf(v1::DivergenceSide side) {
  return ShortName(v1::DivergenceSide_Name(side), "DIVERGENCE_SIDE_");
}

std::string Outcome(const v1::Divergence& divergence) {
  return divergence.has_resolved() ? "resolved" : "OPEN";
}

std::string Head(uint64_t size, const std::string& root) {
  if (root.empty()) return "unknown";
  return absl::StrCat(size, " entries, root ", absl::BytesToHexString(root));
}

absl::StatusOr<v1::ListDivergencesResponse> List(const Context& context, const std::string& log,
                                                 bool open_only) {
  v1::ListDivergencesRequest request;
  request.set_log(log);
  request.set_open_only(open_only);
  return context.client.ListDivergences(request);
}

void PrintNote(absl::string_view whose, const std::string& note, std::ostream& out) {
  if (note.empty()) return;
  out << "\n" << std::string(whose) << "'s signed checkpoint:\n" << note;
}

void PrintRanges(const v1::ComparisonReport::Generation& generation, std::ostream& out) {
  constexpr int kMost = 10;
  uint64_t entries = 0;
  for (const v1::EntryRange& range : generation.differing()) entries += range.end() - range.first();
  out << "  first difference  entry " << generation.differing(0).first() << "\n"
      << "  differing         " << (generation.exact() ? "" : "at most ") << entries
      << " entries in " << generation.differing_size() << " ranges:";
  for (int i = 0; i < generation.differing_size() && i < kMost; ++i) {
    const v1::EntryRange& range = generation.differing(i);
    out << " " << range.first();
    if (range.end() - range.first() > 1) out << "-" << range.end() - 1;
  }
  if (generation.differing_size() > kMost) out << " ...";
  out << "\n";
}

}  // namespace

absl::Status ListDivergences(const Context& context, const std::string& log, bool open_only) {
  CL_ASSIGN_OR_RETURN(v1::ListDivergencesResponse response, List(context, log, open_only));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::Divergence& d) { return d.id(); };
  auto site = [](const v1::Divergence& d) { return d.found().site(); };
  auto kind = [](const v1::Divergence& d) { return KindOf(d.found().kind()); };
  auto side = [](const v1::Divergence& d) { return SideOf(d.found().side()); };
  auto generation = [](const v1::Divergence& d) { return absl::StrCat(d.found().generation()); };
  auto first = [](const v1::Divergence& d) { return absl::StrCat(d.found().first_difference()); };
  auto recovered = [](const v1::Divergence& d) {
    return absl::StrCat(d.resolved().entries_recovered());
  };
  auto found = [](const v1::Divergence& d) { return RawTime(d.found_at_us()); };
  std::vector<Column<v1::Divergence>> columns = {
      {{"FOUND (UTC)", true},
       [](const v1::Divergence& d) { return HumanTime(d.found_at_us()); },
       "found_at",
       found},
      {{"SITE"}, site, "site", site},
      {{"KIND"}, kind, "kind", kind},
      {{"OUTCOME"}, Outcome, "outcome", Outcome},
      {{"RECOVERED", true}, recovered, "entries_recovered", recovered},
      // Never cut: it is what `show` is given.
      {{"ID", true}, id, "id", id}};
  if (context.format == Format::kCsv) {
    columns.push_back({{"AT FAULT"}, side, "side", side});
    columns.push_back({{"GEN"}, generation, "generation", generation});
    columns.push_back({{"FROM"}, first, "first_difference", first});
  }
  PrintRows(context.format, columns, response.divergences(), "divergences", context.out);
  return absl::OkStatus();
}

absl::Status ShowDivergence(const Context& context, const std::string& id) {
  CL_ASSIGN_OR_RETURN(v1::ListDivergencesResponse response, List(context, "", false));
  bool shown = false;
  for (const v1::Divergence& divergence : response.divergences()) {
    if (divergence.id() != id) continue;
    shown = true;
    if (context.format == Format::kJson) {
      CL_RETURN_IF_ERROR(PrintJson(divergence, context.out));
      continue;
    }
    const v1::DivergenceFound& found = divergence.found();
    std::ostream& out = context.out;
    out << "divergence        " << divergence.id() << "\n"
        << "kind              " << KindOf(found.kind()) << ", at fault: " << SideOf(found.side())
        << "\n"
        << "site              " << found.site() << "\n"
        << "log               " << absl::BytesToHexString(found.log_id()) << " generation "
        << found.generation() << "\n"
        << "first difference  entry " << found.first_difference() << "\n"
        << "author            " << Head(found.author_size(), found.author_root()) << "\n"
        << "holder            " << Head(found.holder_size(), found.holder_root()) << "\n"
        << "detail            " << found.detail() << "\n"
        << "found             " << HumanTime(divergence.found_at_us()) << " UTC, "
        << divergence.times() << " times, last as entry " << divergence.found_generation() << "/"
        << divergence.found_sequence() << " of log " << divergence.recorded_in() << "\n";
    if (divergence.has_resolved()) {
      const v1::DivergenceResolved& resolved = divergence.resolved();
      out << "resolved          " << HumanTime(divergence.resolved_at_us()) << " UTC, entry "
          << divergence.resolved_generation() << "/" << divergence.resolved_sequence() << "\n"
          << "resolution        " << resolved.resolution() << "\n"
          << "recovered         " << resolved.entries_recovered() << " entries\n"
          << "both sides now    " << Head(resolved.size(), resolved.root()) << "\n";
    } else {
      out << "resolved          not yet\n";
    }
    PrintNote("author", found.author_checkpoint(), out);
    PrintNote("holder", found.holder_checkpoint(), out);
  }
  if (!shown) {
    return absl::NotFoundError(absl::StrCat("there is no divergence \"", absl::CHexEscape(id),
                                            "\"; `ledgerctl divergence list` shows all"));
  }
  return absl::OkStatus();
}

absl::Status CompareLog(const Context& context, const std::string& log) {
  v1::CompareLogRequest request;
  request.set_log(log);
  CL_ASSIGN_OR_RETURN(v1::CompareLogResponse response, context.client.CompareLog(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  std::ostream& out = context.out;
  out << "log " << response.log().log_id() << " (" << response.log().operator_() << "/"
      << response.log().site() << ")\n";
  for (const v1::ComparisonReport::Generation& generation : response.report().generations()) {
    out << "generation " << generation.generation() << ": " << KindOf(generation.kind()) << "\n"
        << "  author            " << Head(generation.author().size(), generation.author().root())
        << "\n"
        << "  holder            " << Head(generation.holder().size(), generation.holder().root())
        << "\n";
    if (generation.differing_size() > 0) PrintRanges(generation, out);
    out << "  what is done      " << generation.plan() << "\n"
        << "  compared in       " << generation.round_trips() << " round trips, "
        << generation.bytes() << " bytes\n";
  }
  return absl::OkStatus();
}

absl::Status RestoreLog(const Context& context, const std::string& log, uint32_t generation) {
  v1::RestoreLogRequest request;
  request.set_log(log);
  request.set_generation(generation);
  CL_ASSIGN_OR_RETURN(v1::RestoreLogResponse response, context.client.RestoreLog(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  context.out << response.kept_aside()
              << " entries that differed are kept in the control log; the author sends again from "
                 "entry "
              << response.first_sequence() << " on\n";
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
