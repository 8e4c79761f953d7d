// A process's settings: command-line flags, and the same names in a TOML file given with --config.
// Flags win.
//
// A setting "billing.currency" is the flag --billing-currency and the key `currency` in the table
// [billing]. Every error names the flag, or the key and its line in the file, the value, and what
// would be right.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::core {

class Settings {
 public:
  Settings(std::string program, std::string description)
      : program_(std::move(program)), description_(std::move(description)) {}

  // Each `target` holds the default, outlives Parse, and is set by it.
  void AddText(absl::string_view name, absl::string_view help, std::string& target);
  void AddInteger(absl::string_view name, absl::string_view help, int64_t least, int64_t most,
                  int64_t& target);
  void AddSwitch(absl::string_view name, absl::string_view help, bool& target);

  // False if the process should end now with success, because --help was asked for and answered.
  // INVALID_ARGUMENT for bad flags, NOT_FOUND if the --config file cannot be read.
  absl::StatusOr<bool> Parse(int argc, const char* const* argv);

 private:
  struct Setting {
    std::string name;
    std::string help;
    bool is_switch = false;
    std::string default_text;
    // Errors say what would be right; the caller adds whose value it was.
    std::function<absl::Status(absl::string_view)> set;
  };

  absl::Status ReadFile(const std::string& path, const std::vector<std::string>& from_flags);

  const std::string program_;
  const std::string description_;
  std::vector<Setting> settings_;
};

}  // namespace chargeledger::core
