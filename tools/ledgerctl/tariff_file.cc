#include "tools/ledgerctl/tariff_file.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "ocpi/tariff.h"

namespace chargeledger::ledgerctl {
namespace {

constexpr size_t kMostBytes = size_t{64} << 20;

}  // namespace

absl::StatusOr<core::Json> ReadDocument(const std::string& option, const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), {});
    if (!file) {
      return absl::InvalidArgumentError(absl::StrCat(option, ": cannot read ", path));
    }
  }
  if (text.size() > kMostBytes) {
    return absl::InvalidArgumentError(absl::StrCat(option, ": ", path, " has ", text.size(),
                                                   " bytes; at most ", kMostBytes, " are read"));
  }
  auto json = core::Json::Parse(text);
  if (!json.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": ", path, " ", json.status().message()));
  }
  // OCPI's answer: the object is in its data, alone or in a list of one.
  const core::Json* found = &*json;
  if (const core::Json* data = json->Find("data")) found = data;
  if (found->is(core::Json::Kind::kArray)) {
    if (found->items().size() != 1) {
      return absl::InvalidArgumentError(absl::StrCat(option, ": ", path, " has a list of ",
                                                     found->items().size(),
                                                     " objects; it must have one"));
    }
    found = &found->items()[0];
  }
  return core::Json(*found);
}

absl::StatusOr<v1::Tariff> ReadTariffFile(const std::string& option, const std::string& path,
                                          ocpi::Findings& findings) {
  CL_ASSIGN_OR_RETURN(core::Json json, ReadDocument(option, path));
  v1::Tariff tariff = ocpi::ReadTariff(json, "$", findings);
  CL_RETURN_IF_ERROR(findings.status());
  ocpi::CheckTariff(tariff, "$", findings);
  return tariff;
}

}  // namespace chargeledger::ledgerctl
