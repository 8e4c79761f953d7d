// cdrs list|show|explain, billing holds, sessions release|adjust|waive.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "core/units.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

using Fields = std::vector<std::vector<std::string>>;

std::string Flags(const google::protobuf::RepeatedField<int>& flags) {
  return absl::StrJoin(flags, " ", [](std::string* out, int flag) {
    absl::StrAppend(out, ShortName(v1::SessionFlag_Name(flag), "SESSION_FLAG_"));
  });
}

std::string Kwh(int64_t mwh) { return core::FormatKilowattHours(core::MilliwattHours(mwh)); }

std::string OrDash(const std::string& text) { return text.empty() ? "-" : text; }

std::string Trimmed(int64_t value, int scale) {
  std::string text = core::FormatDecimal(value, scale, scale);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

void PrintFields(const Context& context, const Fields& fields) {
  if (context.format == Format::kCsv) return PrintCsv({"field", "value"}, fields, context.out);
  PrintTable({{"FIELD"}, {"VALUE"}}, fields, context.out);
}

std::string TariffName(const v1::Cdr& cdr) {
  return absl::StrCat(cdr.tariff().id(), " version ", cdr.tariff_version());
}

std::string VatText(const v1::TaxLine& line, const std::string& currency) {
  return absl::StrCat(
      HumanMoney(line.tax_e4(), currency), " on ", HumanMoney(line.excl_vat_e4(), currency),
      line.has_vat_e4() ? absl::StrCat(" at ", Trimmed(line.vat_e4(), 4), " %") : " without VAT");
}

// A volume in the unit of its price: kWh or hours.
std::string VolumeText(const v1::PricedVolume& volume, int64_t amount) {
  switch (volume.dimension()) {
    case v1::TARIFF_DIMENSION_ENERGY:
      return Trimmed(amount, 9) + " kWh";
    case v1::TARIFF_DIMENSION_FLAT:
      return "1";
    default:
      return HumanDuration(amount / 1'000) + " h";
  }
}

std::string RestrictionText(const v1::TariffElement& element) {
  return element.has_restrictions()
             ? absl::StrCat(" {", element.restrictions().ShortDebugString(), "}")
             : "";
}

void PrintVolume(const v1::ExplainedVolume& volume, const v1::Cdr& cdr, std::ostream& out) {
  const v1::PricedVolume& priced = volume.volume();
  out << "    " << HumanTime(volume.start_us()) << " to " << HumanTime(volume.end_us()).substr(11)
      << ": " << VolumeText(priced, priced.volume());
  if (priced.element() < 0) {
    out << ", which no element prices: free\n";
  } else {
    if (priced.billed_volume() != priced.volume()) {
      out << ", billed as " << VolumeText(priced, priced.billed_volume());
    }
    out << " x " << Trimmed(priced.price_e9(), 9) << " = " << Trimmed(priced.cost_e9(), 9) << " "
        << cdr.currency() << "\n      element " << priced.element() << ", price component "
        << priced.price_component() << RestrictionText(volume.element()) << "\n";
  }
  // The first and the last say it; the others are in the JSON.
  const int count = volume.readings_size();
  for (int i = 0; i < count; ++i) {
    if (i > 1 && i + 2 < count) {
      if (i == 2) out << "      ... " << count - 4 << " more readings\n";
      continue;
    }
    const v1::MeterReading& reading = volume.readings(i);
    out << "      " << HumanTime(reading.told_us()) << "  register " << Kwh(reading.register_mwh())
        << " kWh  [entry " << reading.entry().sequence() << "]\n";
  }
}

}  // namespace

absl::Status ListCdrs(const Context& context, const Filter& filter) {
  v1::ListCdrsRequest request;
  request.set_site(filter.site);
  request.set_charge_point_id(filter.station);
  request.set_session_id(filter.session);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::ListCdrsResponse response,
                      context.client.ListCdrs(request, filter.limit));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::Cdr& c) { return c.id(); };
  auto site = [](const v1::Cdr& c) { return c.site(); };
  auto station = [](const v1::Cdr& c) { return c.charge_point_id(); };
  auto currency = [](const v1::Cdr& c) { return c.currency(); };
  auto money = [](auto get) {
    return [get](const v1::Cdr& c) { return HumanMoney(get(c), c.currency()); };
  };
  auto raw = [](auto get) { return [get](const v1::Cdr& c) { return absl::StrCat(get(c)); }; };
  auto net = [](const v1::Cdr& c) { return c.total_cost().excl_vat_e4(); };
  auto total = [](const v1::Cdr& c) { return c.total_cost().incl_vat_e4(); };
  const std::vector<Column<v1::Cdr>> columns = {
      {{"CDR"}, id, "cdr", id},
      {{"SITE"}, site, "site", site},
      {{"STATION"}, station, "station", station},
      {{"STOPPED (UTC)"},
       [](const v1::Cdr& c) { return HumanTime(c.stopped_at_us()); },
       "stopped_at",
       [](const v1::Cdr& c) { return RawTime(c.stopped_at_us()); }},
      {{"KWH", true},
       [](const v1::Cdr& c) { return Kwh(c.energy_mwh()); },
       "energy_mwh",
       raw([](const v1::Cdr& c) { return c.energy_mwh(); })},
      {{}, nullptr, "excl_vat_e4", raw(net)},
      {{"TOTAL", true}, money(total), "incl_vat_e4", raw(total)},
      {{"CUR"}, currency, "currency", currency},
      {{"TARIFF"},
       [](const v1::Cdr& c) { return absl::StrCat(c.tariff().id(), "/", c.tariff_version()); },
       "tariff",
       [](const v1::Cdr& c) { return absl::StrCat(c.tariff().id(), "/", c.tariff_version()); }},
      {{}, nullptr, "cause", [](const v1::Cdr& c) { return c.cause_kind(); }},
      {{},
       nullptr,
       "credit_reference_id",
       [](const v1::Cdr& c) { return c.credit_reference_id(); }},
      {{}, nullptr, "flags", [](const v1::Cdr& c) { return Flags(c.flags()); }}};
  PrintRows(context.format, columns, response.cdrs(), "CDRs", context.out);
  return absl::OkStatus();
}

absl::Status ShowCdr(const Context& context, const std::string& id, const Filter& filter,
                     const std::string& layout) {
  v1::GetCdrRequest request;
  request.set_id(id);
  request.set_with_ocpi(!layout.empty());
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::GetCdrResponse response, context.client.GetCdr(request));
  if (!layout.empty()) {
    context.out << response.ocpi() << "\n";
    return absl::OkStatus();
  }
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  const v1::Cdr& c = response.cdr();
  const auto price = [&](const v1::Price& p) {
    return absl::StrCat(HumanMoney(p.incl_vat_e4(), c.currency()), " (",
                        HumanMoney(p.excl_vat_e4(), c.currency()), " before tax)");
  };
  Fields fields = {{"CDR", c.id()},
                   {"session", c.session_id()},
                   {"site", c.site()},
                   {"station", c.charge_point_id()},
                   {"connector", absl::StrCat(c.connector_id())},
                   {"id tag", OrDash(c.id_tag())},
                   {"contract", OrDash(c.contract_id())},
                   {"started", HumanTime(c.started_at_us())},
                   {"stopped", HumanTime(c.stopped_at_us())},
                   {"energy", Kwh(c.energy_mwh()) + " kWh"},
                   {"not charging", HumanDuration(c.parking_us())},
                   {"tariff", TariffName(c)},
                   {"currency", c.currency()}};
  if (!c.partner_party_id().empty()) {
    fields.push_back(
        {"partner", absl::StrCat(c.partner_country_code(), "-", c.partner_party_id())});
  }
  const std::pair<const char*, const v1::Price*> parts[] = {
      {"fixed", &c.total_fixed_cost()},
      {"energy cost", &c.total_energy_cost()},
      {"time cost", &c.total_time_cost()},
      {"parking cost", &c.total_parking_cost()},
      {"reservation cost", &c.total_reservation_cost()}};
  for (const auto& [name, part] : parts) {
    if (part->incl_vat_e4() != 0) fields.push_back({name, price(*part)});
  }
  if (!c.limit_applied().empty()) fields.push_back({"limited by", c.limit_applied()});
  fields.push_back({"total", price(c.total_cost())});
  for (const v1::TaxLine& line : c.taxes()) {
    fields.push_back({"VAT", VatText(line, c.currency())});
  }
  if (c.credit()) fields.push_back({"credits", c.credit_reference_id()});
  fields.push_back({"made by", absl::StrCat(c.cause_kind(), ", entry ", c.cause().sequence(),
                                            " of generation ", c.cause().generation())});
  if (!c.remark().empty()) {
    fields.push_back({"reviewed", absl::StrCat(c.reviewed_by(), ": ", c.remark())});
  }
  fields.push_back({"flags", OrDash(Flags(c.flags()))});
  PrintFields(context, fields);
  return absl::OkStatus();
}

absl::Status ExplainCdr(const Context& context, const std::string& id, const Filter& filter) {
  v1::ExplainCdrRequest request;
  request.set_id(id);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::ExplainCdrResponse response, context.client.ExplainCdr(request));
  if (context.format != Format::kTable) return PrintJson(response, context.out);
  const v1::Cdr& cdr = response.cdr();
  const auto money = [&](int64_t e4) { return HumanMoney(e4, cdr.currency()); };
  std::ostream& out = context.out;
  out << "CDR " << cdr.id() << ": " << money(cdr.total_cost().incl_vat_e4()) << " "
      << cdr.currency() << ", " << money(cdr.total_cost().excl_vat_e4()) << " before tax\n";
  if (cdr.credit()) out << "  credits " << cdr.credit_reference_id() << "\n";
  out << "  made by " << cdr.cause_kind() << ": entry " << cdr.cause().sequence()
      << " of generation " << cdr.cause().generation() << " of log " << response.log_id() << "\n"
      << "  tariff " << TariffName(cdr) << ", known since entry "
      << response.tariff().known().sequence();
  if (!response.tariff().by().empty()) {
    out << ", published by " << response.tariff().by() << " (" << response.tariff().reason() << ")";
  }
  out << "\n";
  for (const v1::ExplainedAmount& amount : response.amounts()) {
    out << "  " << amount.name() << " " << money(amount.price().incl_vat_e4()) << " ("
        << money(amount.price().excl_vat_e4()) << " before tax)\n";
    for (const v1::ExplainedVolume& volume : amount.volumes()) PrintVolume(volume, cdr, out);
  }
  if (!cdr.limit_applied().empty()) {
    out << "  limited by the tariff's " << cdr.limit_applied() << "\n";
  }
  for (const v1::TaxLine& line : cdr.taxes())
    out << "  VAT " << VatText(line, cdr.currency()) << "\n";
  out << "  rounding: " << cdr.rounding() << "\n";
  for (const v1::JournalEntry& entry : response.journal()) {
    out << "  posted as " << entry.kind() << " " << entry.id() << "\n";
    for (const v1::Posting& posting : entry.postings()) {
      out << "    " << money(posting.amount_e4()) << "  " << posting.account() << "\n";
    }
  }
  out << "An entry is proved by `ledgerctl log proof inclusion " << response.log_id().substr(0, 12)
      << " --entry N`.\n";
  return absl::OkStatus();
}

absl::Status ListHolds(const Context& context, const Filter& filter) {
  v1::ListHoldsRequest request;
  request.set_site(filter.site);
  CL_ASSIGN_OR_RETURN(*request.mutable_as_of(), ParseAsOf(filter.as_of));
  CL_ASSIGN_OR_RETURN(v1::ListHoldsResponse response,
                      context.client.ListHolds(request, filter.limit));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  auto id = [](const v1::Hold& h) { return h.session_id(); };
  auto site = [](const v1::Hold& h) { return h.site(); };
  auto station = [](const v1::Hold& h) { return h.charge_point_id(); };
  auto reasons = [](const v1::Hold& h) {
    return absl::StrJoin(h.reasons(), " ", [](std::string* out, int reason) {
      absl::StrAppend(out, ShortName(v1::HoldReason_Name(reason), "HOLD_REASON_"));
    });
  };
  auto flags = [](const v1::Hold& h) { return Flags(h.flags()); };
  const std::vector<Column<v1::Hold>> columns = {
      {{"SESSION"}, id, "session", id},
      {{"SITE"}, site, "site", site},
      {{"STATION"}, station, "station", station},
      {{"STARTED (UTC)"},
       [](const v1::Hold& h) { return HumanTime(h.started_at_us()); },
       "started_at",
       [](const v1::Hold& h) { return RawTime(h.started_at_us()); }},
      {{"KWH", true},
       [](const v1::Hold& h) { return Kwh(h.energy_mwh()); },
       "energy_mwh",
       [](const v1::Hold& h) { return absl::StrCat(h.energy_mwh()); }},
      {{"ESTIMATE", true},
       [](const v1::Hold& h) {
         return h.has_estimate() ? HumanMoney(h.estimate().incl_vat_e4(), h.currency()) : "-";
       },
       "estimate_incl_vat_e4",
       [](const v1::Hold& h) {
         return h.has_estimate() ? absl::StrCat(h.estimate().incl_vat_e4()) : "";
       }},
      {{"WHY"},
       [&](const v1::Hold& h) { return absl::StrCat(reasons(h), " ", flags(h)); },
       "reasons",
       reasons},
      {{}, nullptr, "flags", flags},
      {{}, nullptr, "standing_cdr", [](const v1::Hold& h) { return h.cdr_id(); }}};
  PrintRows(context.format, columns, response.holds(), "held sessions", context.out);
  return absl::OkStatus();
}

absl::Status ReviewSession(const Context& context, const std::string& id,
                           v1::ReviewDecision decision, const Review& review) {
  v1::RecordFactRequest request;
  v1::ControlFact& fact = *request.mutable_fact();
  fact.set_by(review.by);
  fact.set_reason(review.reason);
  v1::SessionReviewed& said = *fact.mutable_session_reviewed();
  said.set_session_id(id);
  said.set_decision(decision);
  if (!review.energy_kwh.empty()) {
    auto energy = core::ParseDecimal(review.energy_kwh, 6, core::Excess::kRefuse);
    if (!energy.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--energy-kwh: ", energy.status().message()));
    }
    said.set_energy_mwh(*energy);
  }
  const auto time = [](const char* option, const std::string& text) -> absl::StatusOr<int64_t> {
    auto us = core::ParseTimestamp(text);
    if (us.ok()) return *us;
    return absl::InvalidArgumentError(absl::StrCat(option, ": ", us.status().message()));
  };
  if (!review.start.empty()) {
    CL_ASSIGN_OR_RETURN(const int64_t us, time("--start", review.start));
    said.set_started_at_us(us);
  }
  if (!review.stop.empty()) {
    CL_ASSIGN_OR_RETURN(const int64_t us, time("--stop", review.stop));
    said.set_stopped_at_us(us);
  }
  if (decision == v1::REVIEW_DECISION_ADJUST && !said.has_energy_mwh() &&
      !said.has_started_at_us() && !said.has_stopped_at_us()) {
    return absl::InvalidArgumentError("adjust needs --energy-kwh, --start or --stop");
  }
  CL_RETURN_IF_ERROR(context.client.RecordFact(request).status());
  context.out << "recorded; it counts when the site has it\n";
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
