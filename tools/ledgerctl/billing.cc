// tariff publish|assign|list|export, billing record|what-if: what the ledger records of tariffs.
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "core/units.h"
#include "ocpi/tariff.h"
#include "tools/ledgerctl/commands.h"
#include "tools/ledgerctl/tariff_file.h"

namespace chargeledger::ledgerctl {
namespace {

absl::StatusOr<int64_t> ParseTime(const std::string& option, const std::string& text) {
  if (text.empty()) return 0;
  auto us = core::ParseTimestamp(text);
  if (us.ok()) return *us;
  return absl::InvalidArgumentError(absl::StrCat(option, ": ", us.status().message()));
}

absl::StatusOr<int64_t> ParseWatts(const std::string& option, const std::string& text) {
  if (text.empty()) return 0;
  auto watts = core::ParseDecimal(text, 3, core::Excess::kRefuse);
  if (watts.ok() && *watts >= 0) return *watts;
  return absl::InvalidArgumentError(
      absl::StrCat(option, " is \"", text, "\"; it must be kilowatts such as 50"));
}

absl::Status ParsePair(const std::string& option, const std::string& text, std::string* country,
                       std::string* party) {
  if (text.empty()) return absl::OkStatus();
  const std::vector<std::string> parts = absl::StrSplit(text, '-');
  if (parts.size() != 2 || parts[0].size() != 2 || parts[1].size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        option, " is \"", text, "\"; it must be a country and a party such as NL-TNM"));
  }
  *country = parts[0];
  *party = parts[1];
  return absl::OkStatus();
}

// A published tariff by its id, or COUNTRY-PARTY/id.
absl::StatusOr<v1::TariffVersion> FindTariff(const Context& context, const std::string& name,
                                             uint32_t version) {
  v1::ListTariffsRequest request;
  request.set_all_versions(true);
  CL_ASSIGN_OR_RETURN(const v1::ListTariffsResponse response, context.client.ListTariffs(request));
  const v1::TariffVersion* found = nullptr;
  for (const v1::TariffVersion& one : response.tariffs()) {
    const v1::Tariff& tariff = one.tariff();
    const std::string whole =
        absl::StrCat(tariff.country_code(), "-", tariff.party_id(), "/", tariff.id());
    if (name != tariff.id() && name != whole) continue;
    if (version != 0 && version != one.version()) continue;
    if (found != nullptr && (found->tariff().party_id() != tariff.party_id() ||
                             found->tariff().country_code() != tariff.country_code())) {
      return absl::InvalidArgumentError(
          absl::StrCat("several parties have a tariff ", name, "; say which, as in ", whole));
    }
    found = &one;
  }
  if (found != nullptr) return *found;
  return absl::NotFoundError(absl::StrCat("there is no tariff ", name,
                                          version == 0 ? "" : absl::StrCat(" version ", version)));
}

std::string ScopeOf(const v1::TariffAssigned& a) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) parts.push_back(absl::StrCat(name, " ", value));
  };
  add("site", a.site());
  add("station", a.charge_point_id());
  if (a.connector_id() != 0) add("connector", absl::StrCat(a.connector_id()));
  if (a.min_power_w() != 0) add("from", absl::StrCat(a.min_power_w(), " W"));
  if (a.max_power_w() != 0) add("below", absl::StrCat(a.max_power_w(), " W"));
  add("contract", a.contract_id());
  if (!a.partner_party_id().empty()) {
    add("partner", absl::StrCat(a.partner_country_code(), "-", a.partner_party_id()));
  }
  return parts.empty() ? "everybody" : absl::StrJoin(parts, ", ");
}

// What one line of a comparison comes to.
struct Sum {
  int64_t sessions = 0;
  int64_t energy_mwh = 0;
  // In 10^-9.
  int64_t billed = 0;
  int64_t what_if = 0;
};

}  // namespace

absl::Status PublishTariff(const Context& context, const std::string& path, const Review& who) {
  ocpi::Findings findings;
  v1::PublishTariffRequest request;
  CL_ASSIGN_OR_RETURN(*request.mutable_tariff(), ReadTariffFile("tariff", path, findings));
  CL_RETURN_IF_ERROR(findings.status());
  request.set_by(who.by);
  request.set_reason(who.reason);
  CL_ASSIGN_OR_RETURN(const v1::PublishTariffResponse response,
                      context.client.PublishTariff(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  for (const std::string& warning : findings.warnings()) {
    context.out << "warning: " << warning << "\n";
  }
  context.out << "tariff " << response.version().tariff().id() << " version "
              << response.version().version() << " is published\n";
  return absl::OkStatus();
}

absl::Status AssignTariff(const Context& context, const Assignment& assignment, const Review& who) {
  CL_ASSIGN_OR_RETURN(const v1::TariffVersion version, FindTariff(context, assignment.tariff, 0));
  v1::RecordFactRequest request;
  request.mutable_fact()->set_by(who.by);
  request.mutable_fact()->set_reason(who.reason);
  v1::TariffAssigned& a = *request.mutable_fact()->mutable_tariff_assigned();
  a.mutable_tariff()->set_country_code(version.tariff().country_code());
  a.mutable_tariff()->set_party_id(version.tariff().party_id());
  a.mutable_tariff()->set_id(version.tariff().id());
  a.set_site(assignment.site);
  a.set_charge_point_id(assignment.station);
  a.set_connector_id(assignment.connector);
  CL_ASSIGN_OR_RETURN(const int64_t min_w, ParseWatts("--min-power-kw", assignment.min_power_kw));
  CL_ASSIGN_OR_RETURN(const int64_t max_w, ParseWatts("--max-power-kw", assignment.max_power_kw));
  a.set_min_power_w(min_w);
  a.set_max_power_w(max_w);
  a.set_contract_id(assignment.contract);
  CL_RETURN_IF_ERROR(ParsePair("--partner", assignment.partner, a.mutable_partner_country_code(),
                               a.mutable_partner_party_id()));
  CL_ASSIGN_OR_RETURN(const int64_t from_us, ParseTime("--from", assignment.from));
  CL_ASSIGN_OR_RETURN(const int64_t to_us, ParseTime("--to", assignment.to));
  a.set_from_us(from_us);
  a.set_to_us(to_us);
  a.set_priority(assignment.priority);
  a.set_for_past(assignment.for_past);
  a.set_withdrawn(assignment.withdraw);
  CL_RETURN_IF_ERROR(context.client.RecordFact(request).status());
  context.out << "tariff " << version.tariff().id()
              << (assignment.withdraw ? " is no longer" : " is") << " in force for " << ScopeOf(a)
              << "\n";
  return absl::OkStatus();
}

absl::Status ListTariffs(const Context& context, bool all_versions) {
  v1::ListTariffsRequest request;
  request.set_all_versions(all_versions);
  CL_ASSIGN_OR_RETURN(const v1::ListTariffsResponse response, context.client.ListTariffs(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::TariffVersion& t) { return t.tariff().id(); };
  auto party = [](const v1::TariffVersion& t) {
    return absl::StrCat(t.tariff().country_code(), "-", t.tariff().party_id());
  };
  auto version = [](const v1::TariffVersion& t) { return absl::StrCat(t.version()); };
  auto currency = [](const v1::TariffVersion& t) { return t.tariff().currency(); };
  auto elements = [](const v1::TariffVersion& t) {
    return absl::StrCat(t.tariff().elements_size());
  };
  auto by = [](const v1::TariffVersion& t) { return t.by(); };
  auto force = [&](const v1::TariffVersion& t) {
    std::vector<std::string> scopes;
    for (const v1::TariffAssigned& a : response.assignments()) {
      if (a.tariff().id() != t.tariff().id() || a.tariff().party_id() != t.tariff().party_id()) {
        continue;
      }
      scopes.push_back(absl::StrCat(a.withdrawn() ? "no longer " : "", ScopeOf(a)));
    }
    return absl::StrJoin(scopes, "; ");
  };
  const std::vector<Column<v1::TariffVersion>> columns = {
      {{"TARIFF"}, id, "tariff", id},
      {{"PARTY"}, party, "party", party},
      {{"V", true}, version, "version", version},
      {{"CUR"}, currency, "currency", currency},
      {{"ELEMENTS", true}, elements, "elements", elements},
      {{"PUBLISHED (UTC)"},
       [](const v1::TariffVersion& t) { return HumanTime(t.known_at_us()); },
       "published_at",
       [](const v1::TariffVersion& t) { return RawTime(t.known_at_us()); }},
      {{"BY"}, by, "by", by},
      {{"IN FORCE FOR"}, force, "in_force_for", force}};
  PrintRows(context.format, columns, response.tariffs(), "tariffs", context.out);
  return absl::OkStatus();
}

absl::Status ExportTariff(const Context& context, const std::string& id, uint32_t version,
                          const std::string& ocpi) {
  if (ocpi != "2.2.1" && ocpi != "2.3.0") {
    return absl::InvalidArgumentError(
        absl::StrCat("--ocpi is \"", ocpi, "\"; it must be 2.2.1 or 2.3.0"));
  }
  CL_ASSIGN_OR_RETURN(const v1::TariffVersion found, FindTariff(context, id, version));
  if (ocpi == "2.2.1" && found.tariff().tax_included() == v1::TAX_INCLUDED_YES) {
    return absl::FailedPreconditionError(absl::StrCat(
        "tariff ", id, " has prices with tax, which OCPI 2.2.1 cannot say; --ocpi 2.3.0 can"));
  }
  context.out << ocpi::WriteTariff(found.tariff(),
                                   ocpi == "2.2.1" ? ocpi::Version::k221 : ocpi::Version::k230)
                     .ToText(/*indent=*/true)
              << "\n";
  return absl::OkStatus();
}

absl::Status RecordFact(const Context& context, const std::string& path, const Review& who) {
  std::ifstream file(path, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  v1::RecordFactRequest request;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, request.mutable_fact());
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no control fact: ", std::string(parsed.message()),
                     "; docs/billing.md shows each"));
  }
  if (!who.by.empty()) request.mutable_fact()->set_by(who.by);
  if (!who.reason.empty()) request.mutable_fact()->set_reason(who.reason);
  CL_RETURN_IF_ERROR(context.client.RecordFact(request).status());
  context.out << "recorded\n";
  return absl::OkStatus();
}

absl::Status ShowWhatIf(const Context& context, const std::string& tariff_path,
                        const std::string& site, const std::string& from, const std::string& to,
                        const std::string& by) {
  if (by != "session" && by != "station" && by != "hour") {
    return absl::InvalidArgumentError(
        absl::StrCat("--by is \"", by, "\"; it must be session, station or hour"));
  }
  ocpi::Findings findings;
  v1::WhatIfRequest request;
  CL_ASSIGN_OR_RETURN(*request.mutable_tariff(), ReadTariffFile("--tariff", tariff_path, findings));
  request.set_site(site);
  CL_ASSIGN_OR_RETURN(const int64_t from_us, ParseTime("--from", from));
  CL_ASSIGN_OR_RETURN(const int64_t to_us, ParseTime("--to", to));
  request.set_from_us(from_us);
  request.set_to_us(to_us);
  std::map<std::string, Sum> sums;
  Sum total;
  const auto add = [](Sum& sum, const v1::WhatIfResponse& line, int64_t billed, int64_t what_if) {
    ++sum.sessions;
    sum.energy_mwh += line.energy_mwh();
    sum.billed += billed;
    sum.what_if += what_if;
  };
  CL_RETURN_IF_ERROR(context.client.WhatIf(request, [&](const v1::WhatIfResponse& line) {
    const int64_t billed = line.billed().incl_vat_e4() * 100'000;
    const int64_t what_if = line.what_if().incl_vat_e4() * 100'000;
    if (by == "session") add(sums[line.session_id()], line, billed, what_if);
    if (by == "station") {
      add(sums[absl::StrCat(line.site(), "/", line.charge_point_id())], line, billed, what_if);
    }
    for (const auto& hour : line.hours()) {
      if (by != "hour") break;
      add(sums[core::FormatTimestamp(hour.start_us()).substr(0, 16)], line, hour.billed_e9(),
          hour.what_if_e9());
    }
    add(total, line, billed, what_if);
  }));
  std::vector<std::pair<std::string, Sum>> rows(sums.begin(), sums.end());
  if (by != "hour") rows.emplace_back("TOTAL", total);
  using Row = std::pair<std::string, Sum>;
  const std::string currency = request.tariff().currency();
  auto key = [](const Row& r) { return r.first; };
  auto count = [](const Row& r) { return absl::StrCat(r.second.sessions); };
  auto energy = [](const Row& r) {
    return core::FormatKilowattHours(core::MilliwattHours(r.second.energy_mwh));
  };
  auto money = [](int64_t e9) { return core::FormatDecimal(e9, 9, 4); };
  auto billed = [&](const Row& r) { return money(r.second.billed); };
  auto what_if = [&](const Row& r) { return money(r.second.what_if); };
  auto difference = [&](const Row& r) { return money(r.second.what_if - r.second.billed); };
  const std::vector<Column<Row>> columns = {
      {{by == "session"   ? "SESSION"
        : by == "station" ? "STATION"
                          : "HOUR (UTC)"},
       key,
       by,
       key},
      {{"SESSIONS", true}, count, "sessions", count},
      {{"KWH", true}, energy, "energy_kwh", energy},
      {{"BILLED", true}, billed, "billed", billed},
      {{"WHAT IF", true}, what_if, "what_if", what_if},
      {{"DIFFERENCE", true}, difference, "difference", difference}};
  if (context.format == Format::kJson) {
    core::Json json = core::Json::Array();
    for (const Row& row : rows) {
      core::Json& out = json.Append(core::Json::Object());
      out.Set(by, core::Json::String(row.first));
      out.Set("sessions", core::Json::Number(row.second.sessions));
      out.Set("energy_kwh", core::Json::Number(energy(row)));
      out.Set("billed", core::Json::Number(billed(row)));
      out.Set("what_if", core::Json::Number(what_if(row)));
      out.Set("difference", core::Json::Number(difference(row)));
    }
    context.out << json.ToText(/*indent=*/true) << "\n";
    return absl::OkStatus();
  }
  PrintRows(context.format, columns, rows, "sessions", context.out);
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
