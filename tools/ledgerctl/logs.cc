// log list|entries|head.
#include <google/protobuf/util/json_util.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/check.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

// Whether the ledger has what the author last said it has.
std::string Agreement(const v1::LogInfo& log) {
  if (!log.damage().empty()) return "DAMAGED HERE";
  if (log.site() == "control") return "written here";
  if (!log.has_author_head() || log.generations_size() == 0) return "author not heard yet";
  const v1::TreeHead& here = log.generations(log.generations_size() - 1).head();
  const v1::TreeHead& there = log.author_head();
  if (there.size() > here.size()) return absl::StrCat(there.size() - here.size(), " behind");
  if (there.size() < here.size() || there.root() == here.root()) return "in sync";
  return "DIFFERENT ROOTS";
}

std::string EventName(const v1::Entry& entry) {
  const auto* event = entry.GetReflection()->GetOneofFieldDescriptor(
      entry, v1::Entry::descriptor()->FindOneofByName("event"));
  return event == nullptr ? "unknown" : event->name();
}

std::string Direction(const v1::Entry& entry) {
  if (!entry.has_frame_recorded()) return EventName(entry);
  return entry.frame_recorded().direction() == v1::DIRECTION_SENT ? "<< sent" : ">> received";
}

std::string Station(const v1::Entry& entry) {
  if (entry.has_frame_recorded()) return entry.frame_recorded().charge_point_id();
  if (entry.has_frame_refused()) return entry.frame_refused().charge_point_id();
  if (entry.has_connection_opened()) return entry.connection_opened().charge_point_id();
  if (entry.has_connection_closed()) return entry.connection_closed().charge_point_id();
  if (entry.has_connection_slowed()) return entry.connection_slowed().charge_point_id();
  return "";
}

std::string Content(const v1::Entry& entry) {
  if (entry.has_frame_recorded()) return entry.frame_recorded().payload();
  if (entry.has_frame_refused()) return entry.frame_refused().reason();
  if (entry.has_connection_opened()) {
    return absl::StrCat("from ", entry.connection_opened().remote_address());
  }
  if (entry.has_connection_closed()) {
    return absl::StrCat(
        ShortName(v1::ConnectionClosed::Reason_Name(entry.connection_closed().reason()), "REASON_"),
        " ", entry.connection_closed().detail());
  }
  if (entry.has_connection_refused()) return entry.connection_refused().reason();
  if (entry.has_connections_refused()) {
    const v1::ConnectionsRefused& refused = entry.connections_refused();
    return absl::StrCat(
        refused.count(), " more of ",
        refused.remote_address().empty() ? "several addresses" : refused.remote_address(), ": ",
        refused.last().reason());
  }
  if (entry.has_connection_slowed()) {
    return absl::StrCat("slowed to ", entry.connection_slowed().messages_per_second(),
                        " messages a second");
  }
  if (entry.has_generation_opened()) return entry.generation_opened().reason();
  if (entry.has_recording_gap()) {
    const v1::RecordingGap& gap = entry.recording_gap();
    return absl::StrCat(gap.reason(), " from ", HumanTime(gap.from_us()), " to ",
                        HumanTime(gap.to_us()), ": ", gap.refused(), " refused, ",
                        gap.unrecorded_frames(), " answered without a record");
  }
  if (entry.has_divergence_found()) {
    return absl::StrCat(entry.divergence_found().id(), ": ", entry.divergence_found().detail());
  }
  if (entry.has_divergence_resolved()) {
    return absl::StrCat(entry.divergence_resolved().id(), ": ",
                        entry.divergence_resolved().resolution());
  }
  if (entry.has_orphaned_entry()) {
    return absl::StrCat("entry ", entry.orphaned_entry().sequence(), " of generation ",
                        entry.orphaned_entry().generation());
  }
  if (entry.has_control_advanced()) {
    return absl::StrCat(entry.control_advanced().size(), " entries of the control log");
  }
  if (entry.has_log_opened()) {
    return absl::StrCat(entry.log_opened().software_version(), ", boot ", entry.boot());
  }
  return "";
}

struct Row {
  uint64_t sequence;
  v1::Entry entry;
  std::string bytes;
  std::string leaf_hash;
};

absl::Status PrintEntriesJson(const std::vector<Row>& rows, std::ostream& out) {
  out << "[";
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string json;
    auto status = google::protobuf::util::MessageToJsonString(rows[i].entry, &json);
    if (!status.ok()) return absl::InternalError(status.ToString());
    out << (i == 0 ? "\n" : ",\n") << "{\"sequence\":\"" << rows[i].sequence << "\",\"leafHash\":\""
        << absl::BytesToHexString(rows[i].leaf_hash) << "\",\"entry\":" << json << ",\"bytes\":\""
        << absl::Base64Escape(rows[i].bytes) << "\"}";
  }
  out << "\n]\n";
  return absl::OkStatus();
}

}  // namespace

absl::Status ListLogs(const Context& context) {
  CL_ASSIGN_OR_RETURN(v1::ListLogsResponse response, context.client.ListLogs());
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::LogInfo& l) { return l.log_id(); };
  auto site = [](const v1::LogInfo& l) { return l.site(); };
  auto live = [](const v1::LogInfo& l) { return std::string(l.replicating() ? "yes" : "no"); };
  auto generation = [](const v1::LogInfo& l) { return absl::StrCat(l.generations_size()); };
  auto size = [](const v1::LogInfo& l) {
    return l.generations_size() == 0
               ? std::string("0")
               : absl::StrCat(l.generations(l.generations_size() - 1).head().size());
  };
  auto root = [](const v1::LogInfo& l) {
    return l.generations_size() == 0
               ? std::string()
               : absl::BytesToHexString(l.generations(l.generations_size() - 1).head().root());
  };
  const std::vector<Column<v1::LogInfo>> columns = {
      {{"LOG"}, id, "log_id", id},
      {{"SITE"}, site, "site", site},
      {{"GEN", true}, generation, "generation", generation},
      {{"SIZE", true}, size, "size", size},
      {{"ROOT"}, [=](const v1::LogInfo& l) { return root(l).substr(0, 16); }, "root", root},
      {{"REPLICATING"}, live, "replicating", live},
      {{"AUTHOR"}, Agreement, "agreement", Agreement}};
  PrintRows(context.format, columns, response.logs(), "logs", context.out);
  return absl::OkStatus();
}

absl::Status ListEntries(const Context& context, const std::string& log, uint32_t generation,
                         uint64_t from, uint64_t count) {
  v1::ReadEntriesRequest request;
  request.set_log(log);
  request.set_generation(generation);
  request.set_from(from);
  request.set_count(count);
  std::vector<Row> rows;
  CL_RETURN_IF_ERROR(
      context.client.ReadEntries(request, [&](const v1::ReadEntriesResponse& response) {
        Row& row = rows.emplace_back();
        row.sequence = response.sequence();
        row.bytes = response.entry();
        row.leaf_hash = response.leaf_hash();
        (void)row.entry.ParseFromString(response.entry());
      }));
  if (context.format == Format::kJson) return PrintEntriesJson(rows, context.out);
  auto sequence = [](const Row& r) { return absl::StrCat(r.sequence); };
  auto event = [](const Row& r) { return Direction(r.entry); };
  auto station = [](const Row& r) { return Station(r.entry); };
  auto content = [](const Row& r) { return Content(r.entry); };
  const std::vector<Column<Row>> columns = {
      {{"ENTRY", true}, sequence, "sequence", sequence},
      {{"RECORDED (UTC)"},
       [](const Row& r) { return HumanTime(r.entry.wall_time_us()); },
       "recorded_at",
       [](const Row& r) { return RawTime(r.entry.wall_time_us()); }},
      {{"STATION"}, station, "station", station},
      {{"EVENT"}, event, "event", event},
      {{"CONTENT"}, content, "content", content}};
  PrintRows(context.format, columns, rows, "entries", context.out);
  return absl::OkStatus();
}

absl::Status ShowHead(const Context& context, const std::string& log, uint32_t generation,
                      std::optional<uint64_t> size) {
  v1::GetLogHeadRequest request;
  request.set_log(log);
  request.set_generation(generation);
  if (size.has_value()) request.set_size(*size);
  CL_ASSIGN_OR_RETURN(v1::GetLogHeadResponse response, context.client.GetLogHead(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  std::vector<std::vector<std::string>> fields = {
      {"log", response.log().log_id()},
      {"operator", response.log().operator_()},
      {"site", response.log().site()},
      {"generation", absl::StrCat(response.generation())},
      {"size", absl::StrCat(response.head().size())},
      {"root", absl::BytesToHexString(response.head().root())},
      {"replicating", response.log().replicating() ? "yes" : "no"},
      {"author", Agreement(response.log())}};
  if (response.log().has_author_head()) {
    fields.push_back({"author's size", absl::StrCat(response.log().author_head().size())});
    fields.push_back(
        {"author's root", absl::BytesToHexString(response.log().author_head().root())});
  }
  if (!response.log().damage().empty()) fields.push_back({"damage", response.log().damage()});
  for (const v1::ProjectionState& p : response.log().projections()) {
    fields.push_back({absl::StrCat("projection ", p.name()),
                      absl::StrCat("version ", p.version(), ", ", p.size(), " entries, digest ",
                                   absl::BytesToHexString(p.digest()).substr(0, 16))});
  }
  if (context.format == Format::kCsv) {
    PrintCsv({"field", "value"}, fields, context.out);
  } else {
    PrintTable({{"FIELD"}, {"VALUE"}}, fields, context.out);
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
