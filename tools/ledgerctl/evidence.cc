// log keys|checkpoint|proof|export|scrub: what the ledger says of its logs that can be checked
// without it.
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/tlog/static_log.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

// To `path`, or to the terminal if it is empty.
absl::Status Put(const Context& context, const std::string& path, const std::string& bytes) {
  if (path.empty()) {
    context.out << bytes;
    return absl::OkStatus();
  }
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  out.close();
  if (!out) return absl::InvalidArgumentError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

}  // namespace

absl::Status ListKeys(const Context& context, const std::string& log) {
  v1::ListKeysRequest request;
  request.set_log(log);
  CL_ASSIGN_OR_RETURN(v1::ListKeysResponse response, context.client.ListKeys(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto role = [](const v1::LogKey& k) {
    return ShortName(v1::LogKey::Role_Name(k.role()), "ROLE_");
  };
  auto generation = [](const v1::LogKey& k) {
    return k.generation() == 0 ? std::string("all") : absl::StrCat(k.generation());
  };
  auto vkey = [](const v1::LogKey& k) { return k.vkey(); };
  if (context.format == Format::kTable) {
    // Not a table: a key that is cut to the terminal's width is no key.
    for (const v1::LogKey& key : response.keys()) {
      context.out << role(key) << ", generation " << generation(key) << "\n  " << vkey(key) << "\n";
    }
    return absl::OkStatus();
  }
  const std::vector<Column<v1::LogKey>> columns = {
      {{"ROLE"}, role, "role", role},
      {{"GEN", true}, generation, "generation", generation},
      {{"VKEY"}, vkey, "vkey", vkey}};
  PrintRows(context.format, columns, response.keys(), "keys", context.out);
  return absl::OkStatus();
}

absl::Status ShowCheckpoint(const Context& context, const std::string& log, uint32_t generation,
                            std::optional<uint64_t> size) {
  v1::GetCheckpointRequest request;
  request.set_log(log);
  request.set_generation(generation);
  if (size.has_value()) request.set_size(*size);
  CL_ASSIGN_OR_RETURN(v1::GetCheckpointResponse response, context.client.GetCheckpoint(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  context.out << response.checkpoint();
  return absl::OkStatus();
}

absl::Status ProveInclusion(const Context& context, const std::string& log, uint32_t generation,
                            uint64_t entry, std::optional<uint64_t> size, const std::string& path) {
  v1::GetInclusionProofRequest request;
  request.set_log(log);
  request.set_generation(generation);
  request.set_sequence(entry);
  if (size.has_value()) request.set_size(*size);
  CL_ASSIGN_OR_RETURN(v1::GetInclusionProofResponse response,
                      context.client.GetInclusionProof(request));
  return Put(context, path, response.proof());
}

absl::Status ProveConsistency(const Context& context, const std::string& log, uint32_t generation,
                              uint64_t from, std::optional<uint64_t> to, const std::string& path) {
  v1::GetConsistencyProofRequest request;
  request.set_log(log);
  request.set_generation(generation);
  request.set_from(from);
  request.set_to(to.value_or(0));
  CL_ASSIGN_OR_RETURN(v1::GetConsistencyProofResponse response,
                      context.client.GetConsistencyProof(request));
  return Put(context, path, response.proof());
}

absl::Status ExportLog(const Context& context, const std::string& log, uint32_t generation,
                       const std::string& directory) {
  v1::GetCheckpointRequest checkpoint_request;
  checkpoint_request.set_log(log);
  checkpoint_request.set_generation(generation);
  CL_ASSIGN_OR_RETURN(v1::GetCheckpointResponse checkpoint,
                      context.client.GetCheckpoint(checkpoint_request));
  CL_ASSIGN_OR_RETURN(auto writer, log::tlog::StaticLogWriter::Create(directory));
  v1::ReadEntriesRequest request;
  request.set_log(log);
  request.set_generation(generation);
  request.set_count(checkpoint.head().size());
  absl::Status written;
  if (checkpoint.head().size() > 0) {
    CL_RETURN_IF_ERROR(
        context.client.ReadEntries(request, [&](const v1::ReadEntriesResponse& response) {
          if (written.ok()) written = writer.Append(response.entry());
        }));
  }
  CL_RETURN_IF_ERROR(written);
  log::TreeHead head;
  head.size = checkpoint.head().size();
  CL_ASSIGN_OR_RETURN(head.root, log::Hash::FromBytes(checkpoint.head().root()));
  CL_RETURN_IF_ERROR(writer.Finish(head, checkpoint.checkpoint()));
  context.out << "wrote " << head.size << " entries with root " << head.root.ToHex() << " to "
              << directory << "\n";
  return absl::OkStatus();
}

absl::Status ScrubLog(const Context& context, const std::string& log, uint32_t generation) {
  v1::ScrubLogRequest request;
  request.set_log(log);
  request.set_generation(generation);
  v1::ScrubLogResponse last;
  CL_RETURN_IF_ERROR(context.client.ScrubLog(request, [&](const v1::ScrubLogResponse& response) {
    last = response;
    if (context.format == Format::kTable && !response.done()) {
      context.out << response.checked() << " of " << response.size() << " entries checked\n"
                  << std::flush;
    }
  }));
  if (context.format == Format::kJson) {
    CL_RETURN_IF_ERROR(PrintJson(last, context.out));
  } else {
    for (const v1::ScrubFinding& finding : last.findings()) context.out << finding.detail() << "\n";
    context.out << last.checked() << " entries checked: "
                << (last.findings_size() == 0 ? "nothing is wrong"
                                              : absl::StrCat(last.findings_size(), " findings"))
                << "\n";
  }
  if (last.findings_size() == 0) return absl::OkStatus();
  return absl::DataLossError("the log is damaged");
}

}  // namespace chargeledger::ledgerctl
