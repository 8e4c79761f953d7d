#include "server/ocpi/partners.h"

#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/json.h"
#include "ocpi/reading.h"

namespace chargeledger::server {
namespace {

std::string Required(ocpi::ObjectReader& object, const char* name, size_t least, size_t most,
                     ocpi::Findings& findings) {
  const std::string text = object.Text(name, most);
  if (text.size() < least) {
    findings.Error(object.PathOf(name),
                   absl::StrCat("is \"", absl::CHexEscape(text), "\"; it must have ", least,
                                least == most ? "" : absl::StrCat(" to ", most), " characters"));
  }
  return text;
}

std::string Url(ocpi::ObjectReader& object, const char* name, ocpi::Findings& findings) {
  std::string url = object.Text(name, 255);
  if (!url.empty() && !absl::StartsWith(url, "https://") && !absl::StartsWith(url, "http://")) {
    findings.Error(object.PathOf(name),
                   absl::StrCat("is \"", absl::CHexEscape(url), "\"; it must begin with https://"));
  }
  while (absl::EndsWith(url, "/")) url.pop_back();
  return url;
}

}  // namespace

const Partner* Partners::Find(const std::string& country, const std::string& party) const {
  for (const Partner& partner : all) {
    if (partner.country_code == country && partner.party_id == party) return &partner;
  }
  return nullptr;
}

const Partner* Partners::FindByToken(const std::string& shown) const {
  std::string decoded;
  const bool encoded = absl::Base64Unescape(shown, &decoded);
  for (const Partner& partner : all) {
    if (partner.their_token.empty()) continue;
    if (shown == partner.their_token || (encoded && decoded == partner.their_token)) {
      return &partner;
    }
  }
  return nullptr;
}

absl::StatusOr<Partners> ReadPartners(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return absl::InvalidArgumentError(absl::StrCat("--ocpi-partners: cannot read ", path));
  auto json = core::Json::Parse(text);
  if (!json.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--ocpi-partners: ", path, " ", json.status().message()));
  }
  ocpi::Findings findings;
  Partners partners;
  {
    ocpi::ObjectReader object(*json, "$", findings);
    partners.country_code = Required(object, "country_code", 2, 2, findings);
    partners.party_id = Required(object, "party_id", 3, 3, findings);
    std::set<std::string> names;
    const auto list = object.List("partners");
    for (size_t i = 0; i < list.size(); ++i) {
      ocpi::ObjectReader one(*list[i], absl::StrCat("$.partners[", i, "]"), findings);
      Partner& partner = partners.all.emplace_back();
      partner.country_code = Required(one, "country_code", 2, 2, findings);
      partner.party_id = Required(one, "party_id", 3, 3, findings);
      partner.token = one.Text("token", 64);
      partner.their_token = one.Text("their_token", 64);
      partner.sessions_url = Url(one, "sessions_url", findings);
      partner.cdrs_url = Url(one, "cdrs_url", findings);
      const bool sends = !partner.sessions_url.empty() || !partner.cdrs_url.empty();
      if (sends && partner.token.empty()) findings.Error(one.PathOf("token"), "is missing");
      if (!names.insert(partner.name()).second) {
        findings.Error(one.path(), absl::StrCat("is ", partner.name(), " a second time"));
      }
    }
  }
  // A setting that is misspelt is a setting that does not count.
  for (const ocpi::Finding& finding : findings.all()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--ocpi-partners: ", path, ": ", finding.ToText()));
  }
  return partners;
}

}  // namespace chargeledger::server
