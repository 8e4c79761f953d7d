// A store whose content can be made again from logs: when it is found damaged it is not mended but
// made anew.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "log/directory.h"

namespace chargeledger::log {

// Opens or creates the store `name`. One that was found damaged before, or cannot be opened because
// it is, is removed and begun empty. When damage is found in it, `failed` is told once, with
// ABORTED, on any thread: the process is to open it again.
absl::StatusOr<std::unique_ptr<Store>> OpenDerivedStore(
    Directory& directory, const std::string& name, std::function<void(const absl::Status&)> failed);

}  // namespace chargeledger::log
