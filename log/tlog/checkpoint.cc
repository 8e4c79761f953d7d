#include "log/tlog/checkpoint.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/check.h"
#include "log/tlog/text.h"

namespace chargeledger::log::tlog {
namespace {

absl::Status Malformed(absl::string_view line, const absl::Status& why) {
  return absl::InvalidArgumentError(absl::StrCat("checkpoint's ", line, ": ", why.message()));
}

}  // namespace

std::string Origin(absl::string_view operator_name, absl::string_view site,
                   const core::LogId& log_id, core::Generation generation) {
  return absl::StrCat(operator_name, "/", site, "/", log_id.ToHex(), "/g", generation.value());
}

std::string Checkpoint::ToText() const {
  return absl::StrCat(origin, "\n", head.size, "\n", EncodeHash(head.root), "\n");
}

absl::StatusOr<Checkpoint> Checkpoint::Parse(absl::string_view text) {
  if (!absl::ConsumeSuffix(&text, "\n")) {
    return absl::InvalidArgumentError("a checkpoint does not end with a newline");
  }
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.size() < 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("a checkpoint has ", lines.size(), " lines; origin, size and root are three"));
  }
  for (absl::string_view line : lines) {
    if (line.empty()) return absl::InvalidArgumentError("a checkpoint has an empty line");
  }
  Checkpoint checkpoint;
  checkpoint.origin = std::string(lines[0]);
  auto size = DecodeNumber(lines[1]);
  if (!size.ok()) return Malformed("size", size.status());
  auto root = DecodeHash(lines[2]);
  if (!root.ok()) return Malformed("root", root.status());
  checkpoint.head = {*size, *root};
  return checkpoint;
}

absl::StatusOr<SignedCheckpoint> OpenCheckpoint(absl::string_view note,
                                                absl::Span<const VerifierKey> keys) {
  SignedCheckpoint opened;
  CL_ASSIGN_OR_RETURN(opened.note, Note::Parse(note));
  CL_ASSIGN_OR_RETURN(opened.signed_by, VerifyNote(opened.note, keys));
  CL_ASSIGN_OR_RETURN(opened.checkpoint, Checkpoint::Parse(opened.note.text));
  return opened;
}

}  // namespace chargeledger::log::tlog
