#include "server/ocpi/pages.h"

#include <algorithm>
#include <limits>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/timestamp.h"
#include "ocpi/tariff.h"
#include "projections/billing/billing.h"
#include "projections/books.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::server {
namespace {

using core::Json;
using projections::Books;

constexpr char kVersion[] = "/ocpi/2.2.1";
constexpr char kModules[] = "/ocpi/cpo/2.2.1/";

net::HttpResponse Answer(int http, int64_t code, const std::string& message, Json data,
                         int64_t now_us) {
  Json json = Json::Object();
  if (!data.is(Json::Kind::kNull)) json.Set("data", std::move(data));
  json.Set("status_code", Json::Number(code));
  if (!message.empty()) json.Set("status_message", Json::String(message));
  json.Set("timestamp", Json::String(core::FormatTimestamp(now_us)));
  return {http, "application/json", {}, json.ToText()};
}

// %XX of a query's value.
std::string Unescaped(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2]) && absl::SimpleHexAtoi(text.substr(i + 1, 2), &value)) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return out;
}

}  // namespace

// What of a list is asked for.
struct OcpiPages::Window {
  int64_t from_us = std::numeric_limits<int64_t>::min();
  int64_t to_us = std::numeric_limits<int64_t>::max();
  size_t offset = 0;
  size_t limit = kOcpiMostPerPage;
  size_t total = 0;
  std::string error;
  Json data = Json::Array();

  explicit Window(absl::string_view query) {
    for (absl::string_view part : absl::StrSplit(query, '&', absl::SkipEmpty())) {
      const std::pair<absl::string_view, absl::string_view> pair =
          absl::StrSplit(part, absl::MaxSplits('=', 1));
      const std::string value = Unescaped(pair.second);
      if (pair.first == "date_from" || pair.first == "date_to") {
        auto us = core::ParseTimestamp(value);
        if (!us.ok()) error = absl::StrCat(pair.first, ": ", us.status().message());
        if (us.ok()) (pair.first == "date_from" ? from_us : to_us) = *us;
      } else if (pair.first == "offset") {
        if (!absl::SimpleAtoi(value, &offset)) error = "offset is no number";
      } else if (pair.first == "limit") {
        if (!absl::SimpleAtoi(value, &limit) || limit == 0) error = "limit is no number above 0";
        limit = std::min(limit, kOcpiMostPerPage);
      }
    }
  }

  // Whether the object, which is in the list if its time is, stands on this page.
  bool Wants(int64_t updated_us) {
    if (updated_us < from_us || updated_us >= to_us) return false;
    const size_t at = total++;
    return at >= offset && at < offset + limit;
  }
};

net::HttpResponse OcpiPages::Get(const std::string& target,
                                 const std::string& authorization) const {
  const int64_t now_us = clock_.WallMicros();
  absl::string_view token = authorization;
  if (absl::StartsWithIgnoreCase(token, "Token ")) token.remove_prefix(6);
  const Partner* partner = partners_.FindByToken(std::string(absl::StripAsciiWhitespace(token)));
  if (partner == nullptr) {
    return Answer(401, 2001, "the header Authorization: Token ... is not one that was agreed", {},
                  now_us);
  }
  const std::string path = target.substr(0, target.find('?'));
  const auto link = [](const std::string& name, const std::string& url) {
    Json json = Json::Object();
    json.Set(name == "2.2.1" ? "version" : "identifier", Json::String(name));
    if (name != "2.2.1") json.Set("role", Json::String("SENDER"));
    json.Set("url", Json::String(url));
    return json;
  };
  if (path == "/ocpi/versions") {
    Json data = Json::Array();
    data.Append(link("2.2.1", base_url_ + kVersion));
    return Answer(200, 1000, "", std::move(data), now_us);
  }
  if (path == kVersion) {
    Json data = Json::Object();
    data.Set("version", Json::String("2.2.1"));
    Json& endpoints = data.Set("endpoints", Json::Array());
    for (const char* module : {"sessions", "cdrs", "tariffs"}) {
      endpoints.Append(link(module, absl::StrCat(base_url_, kModules, module)));
    }
    return Answer(200, 1000, "", std::move(data), now_us);
  }
  for (const char* module : {"sessions", "cdrs", "tariffs"}) {
    if (path == absl::StrCat(kModules, module) || path == absl::StrCat(kModules, module, "/")) {
      return List(module, target, *partner, now_us);
    }
  }
  return Answer(404, 2003, "there is no such endpoint; /ocpi/versions says which there are", {},
                now_us);
}

net::HttpResponse OcpiPages::List(const std::string& module, const std::string& target,
                                  const Partner& partner, int64_t now_us) const {
  const size_t query_at = target.find('?');
  const std::string query = query_at == target.npos ? "" : target.substr(query_at + 1);
  Window window(query);
  if (!window.error.empty()) return Answer(400, 2001, window.error, {}, now_us);
  if (module == "tariffs") {
    for (v1::TariffVersion& version : facts_.Tariffs(false)) {
      v1::Tariff& tariff = *version.mutable_tariff();
      if (tariff.last_updated_us() == 0) tariff.set_last_updated_us(version.known_at_us());
      if (tariff.country_code().empty()) tariff.set_country_code(partners_.country_code);
      if (tariff.party_id().empty()) tariff.set_party_id(partners_.party_id);
      // 2.2.1 cannot say a price that includes its tax.
      if (tariff.tax_included() == v1::TAX_INCLUDED_YES) continue;
      if (window.Wants(tariff.last_updated_us())) {
        window.data.Append(ocpi::WriteTariff(tariff, ocpi::Version::k221));
      }
    }
  } else {
    const auto states = states_.Snapshot();
    const bool cdrs = module == "cdrs";
    for (const HeldLog* held : ledger_.logs()) {
      const size_t part = cdrs ? Books::kBilling : Books::kSessions;
      const char kind = cdrs ? projections::kCdrKind : projections::kSessionKind;
      const std::string prefix = projections::StatePrefix(held->log_id(), part) + kind;
      const absl::Status status = states->Scan(
          prefix, log::AfterPrefix(prefix), [&](absl::string_view, absl::string_view bytes) {
            const int size = static_cast<int>(bytes.size());
            if (cdrs) {
              v1::Cdr cdr;
              if (!cdr.ParseFromArray(bytes.data(), size) || objects_.PartnerOf(cdr) != &partner ||
                  objects_.IsHeld(cdr, held->log_id()) || !window.Wants(cdr.made_at_us())) {
                return true;
              }
              auto json = objects_.ToJson(cdr, *states, held->log_id());
              if (json.has_value()) window.data.Append(*std::move(json));
              return true;
            }
            v1::Session session;
            if (!session.ParseFromArray(bytes.data(), size) ||
                objects_.PartnerOf(session) != &partner) {
              return true;
            }
            const int64_t updated_us =
                std::max({session.start_received_at_us(), session.stop_received_at_us(),
                          session.last_sample_at_us()});
            if (window.Wants(updated_us)) window.data.Append(objects_.ToJson(session));
            return true;
          });
      if (!status.ok()) return Answer(500, 3000, std::string(status.message()), {}, now_us);
    }
  }
  const size_t next = window.offset + window.limit;
  const size_t total = window.total;
  net::HttpResponse answer = Answer(200, 1000, "", std::move(window.data), now_us);
  answer.headers = {{"X-Total-Count", absl::StrCat(total)},
                    {"X-Limit", absl::StrCat(kOcpiMostPerPage)}};
  if (next < total) {
    std::string more;
    for (absl::string_view part : absl::StrSplit(query, '&', absl::SkipEmpty())) {
      if (!absl::StartsWith(part, "offset=") && !absl::StartsWith(part, "limit=")) {
        absl::StrAppend(&more, "&", part);
      }
    }
    answer.headers.emplace_back("Link",
                                absl::StrCat("<", base_url_, kModules, module, "?offset=", next,
                                             "&limit=", window.limit, more, ">; rel=\"next\""));
  }
  return answer;
}

}  // namespace chargeledger::server
