// Signed notes, keys and checkpoints from strangers.
#include <cstdint>

#include "core/check.h"
#include "log/tlog/checkpoint.h"
#include "log/tlog/note.h"

namespace tlog = chargeledger::log::tlog;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto note = tlog::Note::Parse(bytes); note.ok()) {
    CL_CHECK(note->Serialize() == bytes, "a note has one form");
  }
  if (auto key = tlog::VerifierKey::Parse(bytes); key.ok()) {
    CL_CHECK(key->ToText() == bytes, "a key has one form");
  }
  if (auto checkpoint = tlog::Checkpoint::Parse(bytes); checkpoint.ok()) {
    const std::string text = checkpoint->ToText();
    CL_CHECK(bytes.substr(0, text.size()) == text, "a checkpoint has one form");
  }
  return 0;
}
