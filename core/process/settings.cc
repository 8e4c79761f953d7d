#include "core/process/settings.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/check.h"

namespace chargeledger::core {
namespace {

std::string FlagName(absl::string_view name) {
  return absl::StrCat("--", absl::StrReplaceAll(name, {{".", "-"}, {"_", "-"}}));
}

std::string KeyName(absl::string_view name) { return absl::StrReplaceAll(name, {{"_", "-"}}); }

// One value of a TOML file, as text.
struct Value {
  std::string name;
  // As it stands in the file.
  std::string written;
  std::string text;
  unsigned line;
};

absl::Status Flatten(const toml::table& table, const std::string& prefix,
                     std::vector<Value>& values) {
  for (const auto& [key, node] : table) {
    const std::string name =
        absl::StrCat(prefix, absl::string_view(key.str().data(), key.str().size()));
    const unsigned line = node.source().begin.line;
    if (const toml::table* inner = node.as_table()) {
      CL_RETURN_IF_ERROR(Flatten(*inner, name + ".", values));
    } else if (const auto* text = node.as_string()) {
      values.push_back({KeyName(name), name, text->get(), line});
    } else if (const auto* integer = node.as_integer()) {
      values.push_back({KeyName(name), name, absl::StrCat(integer->get()), line});
    } else if (const auto* boolean = node.as_boolean()) {
      values.push_back({KeyName(name), name, boolean->get() ? "true" : "false", line});
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", line, ": the value of `", name,
                       "` must be a string, an integer or a boolean (write decimals as strings)"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void Settings::AddText(absl::string_view name, absl::string_view help, std::string& target) {
  settings_.push_back(
      {std::string(name), std::string(help), false, target, [&target](absl::string_view text) {
         target = std::string(text);
         return absl::OkStatus();
       }});
}

void Settings::AddInteger(absl::string_view name, absl::string_view help, int64_t least,
                          int64_t most, int64_t& target) {
  settings_.push_back({std::string(name), std::string(help), false, absl::StrCat(target),
                       [=, &target](absl::string_view text) {
                         int64_t value = 0;
                         if (!absl::SimpleAtoi(text, &value) || value < least || value > most) {
                           return absl::InvalidArgumentError(
                               absl::StrCat("it must be an integer from ", least, " to ", most));
                         }
                         target = value;
                         return absl::OkStatus();
                       }});
}

void Settings::AddSwitch(absl::string_view name, absl::string_view help, bool& target) {
  settings_.push_back(
      {std::string(name), std::string(help), true, "", [&target](absl::string_view text) {
         if (text != "true" && text != "false") {
           return absl::InvalidArgumentError("it must be true or false");
         }
         target = text == "true";
         return absl::OkStatus();
       }});
}

absl::StatusOr<bool> Settings::Parse(int argc, const char* const* argv) {
  CLI::App app(description_, program_);
  std::string config;
  app.add_option("--config", config, "TOML file with the same settings; flags win");
  std::deque<std::string> texts;
  std::deque<bool> switches;
  std::vector<CLI::Option*> options;
  for (const Setting& setting : settings_) {
    const std::string flag = FlagName(setting.name);
    if (setting.is_switch) {
      options.push_back(app.add_flag(flag, switches.emplace_back(false), setting.help));
      texts.emplace_back("true");
    } else {
      options.push_back(app.add_option(flag, texts.emplace_back(), setting.help));
      if (!setting.default_text.empty()) options.back()->default_str(setting.default_text);
      switches.emplace_back(false);
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return false;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), "; see ", program_, " --help"));
  }
  std::vector<std::string> from_flags;
  for (size_t i = 0; i < settings_.size(); ++i) {
    if (options[i]->count() > 0) from_flags.push_back(settings_[i].name);
  }
  if (!config.empty()) CL_RETURN_IF_ERROR(ReadFile(config, from_flags));
  for (size_t i = 0; i < settings_.size(); ++i) {
    if (options[i]->count() == 0) continue;
    absl::Status status = settings_[i].set(texts[i]);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(FlagName(settings_[i].name), " is \"", texts[i], "\"; ", status.message()));
    }
  }
  return true;
}

absl::Status Settings::ReadFile(const std::string& path,
                                const std::vector<std::string>& from_flags) {
  std::ifstream in(path);
  std::stringstream content;
  if (!in || !(content << in.rdbuf())) {
    return absl::NotFoundError(absl::StrCat("--config is \"", path, "\", which cannot be read"));
  }
  toml::parse_result parsed = toml::parse(content.str(), path);
  if (!parsed) {
    return absl::InvalidArgumentError(absl::StrCat(path, " line ",
                                                   parsed.error().source().begin.line, ": ",
                                                   std::string(parsed.error().description())));
  }
  std::vector<Value> values;
  absl::Status status = Flatten(parsed.table(), "", values);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " ", status.message()));
  }
  for (const Value& value : values) {
    auto setting = std::find_if(settings_.begin(), settings_.end(),
                                [&](const Setting& s) { return KeyName(s.name) == value.name; });
    if (setting == settings_.end()) {
      return absl::InvalidArgumentError(absl::StrCat(path, " line ", value.line, ": unknown key `",
                                                     value.written, "`; ", program_,
                                                     " --help lists what there is"));
    }
    if (std::find(from_flags.begin(), from_flags.end(), setting->name) != from_flags.end()) {
      continue;
    }
    status = setting->set(value.text);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(path, " line ", value.line, ": `",
                                                     value.written, "` is \"", value.text, "\"; ",
                                                     status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::core
