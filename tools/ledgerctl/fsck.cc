// fsck: checks a stopped process's data directory.
#include "log/fsck.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/process/data_directory.h"
#include "core/process/key_file.h"
#include "tools/ledgerctl/verify.h"

namespace chargeledger::ledgerctl {
namespace {

// Progress is told every so many entries.
constexpr uint64_t kTellEvery = 1 << 20;

void Print(const log::FsckReport& report, std::ostream& out) {
  size_t count = report.findings.size();
  for (const std::string& finding : report.findings) out << finding << "\n";
  for (const log::FsckLog& log : report.logs) {
    out << "log " << log.log_id.ToHex() << " (" << log.operator_name << "/" << log.site
        << ") generation " << log.generation.value() << ": " << log.head.size << " entries, root "
        << log.head.root.ToHex() << ": " << (log.findings.empty() ? "nothing is wrong" : "DAMAGED")
        << "\n";
    for (const log::CheckFinding& finding : log.findings) out << "  " << finding.detail << "\n";
    count += log.findings.size();
  }
  out << report.logs.size() << " logs checked, " << count << " findings\n";
}

}  // namespace

absl::Status Fsck(const std::string& data_dir, bool rebuild_heads, std::ostream& out) {
  std::error_code error;
  if (!std::filesystem::is_directory(data_dir, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--data-dir: ", data_dir, " is not a directory"));
  }
  // A running process writes meanwhile: it can scrub itself.
  CL_ASSIGN_OR_RETURN(auto directory, core::DataDirectory::Open(data_dir));
  if (rebuild_heads) {
    CL_RETURN_IF_ERROR(log::RebuildHeads(data_dir));
    out << "the head file was written anew from what the store holds\n";
  }
  log::FsckOptions options;
  if (auto key = core::ReadKeyFile(directory->Below("signing_key.pem")); key.ok()) {
    options.own_public_key = key->public_key();
  }
  auto progress = [&](const log::LogChecker& checker) {
    if (checker.checked() % kTellEvery == 0 && !checker.done()) {
      out << checker.checked() << " of " << checker.size() << " entries checked\n" << std::flush;
    }
  };
  CL_ASSIGN_OR_RETURN(log::FsckReport report, log::CheckDataDirectory(data_dir, options, progress));
  Print(report, out);
  if (report.clean()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(data_dir, " is damaged"));
}

}  // namespace chargeledger::ledgerctl
