// tariff lint|explain|simulate.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/process/time_zone.h"
#include "core/timestamp.h"
#include "ocpi/tariff.h"
#include "projections/pricing/pricing.h"
#include "tools/ledgerctl/tariff.h"
#include "tools/ledgerctl/tariff_file.h"

namespace chargeledger::ledgerctl {
namespace {

using core::Json;

void Warn(const ocpi::Findings& findings, const Output& output) {
  for (const ocpi::Finding& finding : findings.all()) {
    output.err << "ledgerctl: " << (finding.error ? "error: " : "warning: ") << finding.ToText()
               << "\n";
  }
}

// "30 minutes", "1 hour", "45 seconds".
std::string Seconds(int64_t seconds) {
  const auto unit = [](int64_t count, const char* name) {
    return absl::StrCat(count, " ", name, count == 1 ? "" : "s");
  };
  if (seconds % 3'600 == 0 && seconds > 0) return unit(seconds / 3'600, "hour");
  if (seconds % 60 == 0 && seconds > 0) return unit(seconds / 60, "minute");
  return unit(seconds, "second");
}

std::string Capitalized(std::string name) {
  name = absl::AsciiStrToLower(name);
  name[0] = absl::ascii_toupper(name[0]);
  return name;
}

// When an element applies, in words; empty: always.
std::string When(const v1::TariffRestrictions& r) {
  std::vector<std::string> parts;
  const auto range = [&](bool has_min, bool has_max, const std::string& from, const std::string& to,
                         const std::string& between) {
    if (has_min && has_max) parts.push_back(absl::StrCat(between, " ", from, " to ", to));
    if (has_min && !has_max) parts.push_back(absl::StrCat("from ", from, " on"));
    if (!has_min && has_max) parts.push_back(absl::StrCat("up to ", to));
  };
  if (r.days_of_week() != 0) {
    std::vector<std::string> days;
    for (size_t i = 0; i < 7; ++i) {
      if (r.days_of_week() & 1u << i) days.push_back(Capitalized(ocpi::WeekdayNames()[i]));
    }
    parts.push_back(absl::StrCat("on ", absl::StrJoin(days, ", ")));
  }
  if (r.has_start_minute() || r.has_end_minute()) {
    const std::string end = r.end_minute() == 0 ? "24:00" : ocpi::TimeOfDay(r.end_minute());
    parts.push_back(absl::StrCat("between ", ocpi::TimeOfDay(r.start_minute()), " and ", end));
  }
  range(r.has_start_day(), r.has_end_day(), ocpi::DateOf(r.start_day()),
        ocpi::DateOf(r.end_day() - 1), "from");
  const auto kwh = [](int64_t uwh) { return ocpi::PlainDecimal(uwh, 9) + " kWh"; };
  range(r.has_min_uwh(), r.has_max_uwh(), kwh(r.min_uwh()), kwh(r.max_uwh()), "for energy from");
  const auto amperes = [](int64_t ma) { return ocpi::PlainDecimal(ma, 3) + " A"; };
  range(r.has_min_current_ma(), r.has_max_current_ma(), amperes(r.min_current_ma()),
        amperes(r.max_current_ma()), "while the current is from");
  const auto kw = [](int64_t mw) { return ocpi::PlainDecimal(mw, 6) + " kW"; };
  range(r.has_min_power_mw(), r.has_max_power_mw(), kw(r.min_power_mw()), kw(r.max_power_mw()),
        "while the power is from");
  if (r.has_min_duration_s() && r.has_max_duration_s()) {
    parts.push_back(absl::StrCat("after ", Seconds(r.min_duration_s()), " and before ",
                                 Seconds(r.max_duration_s())));
  } else if (r.has_min_duration_s()) {
    parts.push_back(absl::StrCat("after ", Seconds(r.min_duration_s())));
  } else if (r.has_max_duration_s()) {
    parts.push_back(absl::StrCat("in the first ", Seconds(r.max_duration_s())));
  }
  return absl::StrJoin(parts, ", ");
}

class Words {
 public:
  Words(const v1::Tariff& tariff, core::Currency currency)
      : tariff_(tariff), currency_(std::move(currency)) {}

  void Print(std::ostream& out) const {
    out << "Tariff " << tariff_.id() << ", in " << tariff_.currency() << ".\n";
    if (!tariff_.type().empty()) out << "For sessions of type " << tariff_.type() << ".\n";
    if (tariff_.start_us() != 0) {
      out << "Valid from " << core::FormatTimestamp(tariff_.start_us()) << ".\n";
    }
    if (tariff_.end_us() != 0) {
      out << "Valid until " << core::FormatTimestamp(tariff_.end_us()) << ".\n";
    }
    const auto none = v1::RESERVATION_RESTRICTION_UNSPECIFIED;
    Section("Price per kWh", v1::TARIFF_DIMENSION_ENERGY, none, out);
    Section("Price per minute of charging", v1::TARIFF_DIMENSION_TIME, none, out);
    Section("Price per minute of standing without charging", v1::TARIFF_DIMENSION_PARKING_TIME,
            none, out);
    Section("Price per session", v1::TARIFF_DIMENSION_FLAT, none, out);
    Section("Price per minute of a reservation", v1::TARIFF_DIMENSION_TIME,
            v1::RESERVATION_RESTRICTION_RESERVATION, out);
    Section("Price per reservation", v1::TARIFF_DIMENSION_FLAT,
            v1::RESERVATION_RESTRICTION_RESERVATION, out);
    Section("Price per minute of a reservation that expires", v1::TARIFF_DIMENSION_TIME,
            v1::RESERVATION_RESTRICTION_RESERVATION_EXPIRES, out);
    Section("Price per reservation that expires", v1::TARIFF_DIMENSION_FLAT,
            v1::RESERVATION_RESTRICTION_RESERVATION_EXPIRES, out);
    if (tariff_.has_min_price()) Limit("A session costs at least", tariff_.min_price(), out);
    if (tariff_.has_max_price()) Limit("A session costs at most", tariff_.max_price(), out);
    for (const v1::DisplayText& text : tariff_.alt_text()) {
      out << "In the operator's words (" << text.language() << "): " << text.text() << "\n";
    }
    if (!tariff_.alt_url().empty()) out << "See " << tariff_.alt_url() << "\n";
  }

 private:
  // With tax first, since that is what a driver pays. `minutes`: of a price per hour.
  std::string PriceOf(const v1::PriceComponent& component, bool minutes) const {
    if (component.price_e9() == 0) return "free";
    const bool included = tariff_.tax_included() == v1::TAX_INCLUDED_YES;
    const core::Wide rate = 1'000'000 + component.vat_e4();
    // At most four decimals: prices per minute seldom are whole.
    const core::Wide per = (minutes ? 60 : 1) * core::Wide{100'000};
    const auto e4 = [&](core::Wide times, core::Wide by) {
      return static_cast<int64_t>(core::DivideHalfAway(component.price_e9() * times, per * by));
    };
    const int64_t incl = included ? e4(1, 1) : e4(rate, 1'000'000);
    const int64_t excl = included ? e4(1'000'000, rate) : e4(1, 1);
    std::string text = absl::StrCat(Money(incl), " ", tariff_.currency());
    if (component.has_vat_e4()) {
      absl::StrAppend(&text, " (", Money(excl), " and ", ocpi::PlainDecimal(component.vat_e4(), 4),
                      " % VAT)");
    } else {
      absl::StrAppend(&text, " (no VAT is stated)");
    }
    return text;
  }

  std::string Money(int64_t e4) const {
    const int64_t minor = 10'000 / Power(currency_.minor_digits());
    return e4 % minor == 0 ? core::FormatMoney(core::MoneyE4(e4), currency_)
                           : ocpi::PlainDecimal(e4, 4);
  }
  static int64_t Power(int digits) {
    int64_t power = 1;
    for (int i = 0; i < digits; ++i) power *= 10;
    return power;
  }

  void Section(const std::string& heading, v1::TariffDimension dimension,
               v1::ReservationRestriction reservation, std::ostream& out) const {
    bool first = true;
    bool fallback = false;
    const bool timed =
        dimension == v1::TARIFF_DIMENSION_TIME || dimension == v1::TARIFF_DIMENSION_PARKING_TIME;
    for (const v1::TariffElement& element : tariff_.elements()) {
      if (element.restrictions().reservation() != reservation) continue;
      for (const v1::PriceComponent& component : element.price_components()) {
        if (component.type() != dimension) continue;
        const std::string when = When(element.restrictions());
        if (first) out << heading << ":\n";
        out << "  " << (first || !when.empty() ? "" : "otherwise ") << PriceOf(component, timed);
        if (timed && component.price_e9() != 0) {
          out << ", which is " << PriceOf(component, false) << " an hour";
        }
        if (!when.empty()) out << ", " << when;
        if (dimension == v1::TARIFF_DIMENSION_ENERGY && component.step_size() > 1) {
          out << "; billed in steps of " << component.step_size() << " Wh";
        }
        if (timed && component.step_size() > 1) {
          out << "; billed in steps of " << Seconds(component.step_size());
        }
        out << "\n";
        first = false;
        fallback |= when.empty();
      }
    }
    if (!first && !fallback) out << "  otherwise free\n";
  }

  void Limit(const std::string& words, const v1::PriceLimit& limit, std::ostream& out) const {
    out << words << " ";
    if (limit.has_incl_vat_e4()) {
      out << Money(limit.incl_vat_e4()) << " " << tariff_.currency() << " (";
    }
    out << Money(limit.excl_vat_e4()) << " before tax" << (limit.has_incl_vat_e4() ? ")" : "")
        << ".\n";
  }

  const v1::Tariff& tariff_;
  const core::Currency currency_;
};

// "90m", "2h", "45s" or "1h30m", in microseconds.
absl::StatusOr<int64_t> ParseLength(const std::string& option, const std::string& text) {
  int64_t total = 0, number = 0;
  bool digits = false, wrong = text.empty();
  for (char c : text) {
    const int64_t unit = c == 'h' ? 3'600 : c == 'm' ? 60 : c == 's' ? 1 : 0;
    if (absl::ascii_isdigit(c) && number < 1'000'000) {
      number = number * 10 + (c - '0');
      digits = true;
    } else if (digits && unit > 0) {
      total += number * unit;
      number = 0;
      digits = false;
    } else {
      wrong = true;
    }
  }
  if (!wrong && !digits) return total * 1'000'000;
  return absl::InvalidArgumentError(
      absl::StrCat(option, " is \"", text, "\"; it must be a length such as 30m, 2h or 1h30m"));
}

}  // namespace

absl::Status LintTariff(const std::string& path, Format format, const Output& output) {
  ocpi::Findings findings;
  CL_ASSIGN_OR_RETURN(const Json document, ReadDocument("tariff", path));
  const v1::Tariff tariff = ocpi::ReadTariff(document, "$", findings);
  ocpi::CheckTariff(tariff, "$", findings);
  if (format == Format::kJson) {
    Json json = Json::Object();
    json.Set("ok", Json::Bool(findings.ok()));
    for (const bool error : {true, false}) {
      Json& list = json.Set(error ? "errors" : "warnings", Json::Array());
      for (const ocpi::Finding& finding : findings.all()) {
        if (finding.error != error) continue;
        Json& item = list.Append(Json::Object());
        item.Set("path", Json::String(finding.path));
        item.Set("detail", Json::String(finding.detail));
      }
    }
    output.out << json.ToText(/*indent=*/true) << "\n";
  } else if (format == Format::kCsv) {
    std::vector<std::vector<std::string>> rows;
    for (const ocpi::Finding& finding : findings.all()) {
      rows.push_back({finding.error ? "error" : "warning", finding.path, finding.detail});
    }
    PrintCsv({"severity", "path", "detail"}, rows, output.out);
  } else {
    for (const ocpi::Finding& finding : findings.all()) {
      output.out << (finding.error ? "error: " : "warning: ") << finding.ToText() << "\n";
    }
    if (findings.all().empty())
      output.out << "nothing is wrong with tariff " << tariff.id() << "\n";
  }
  if (findings.ok()) return absl::OkStatus();
  const auto errors = std::count_if(findings.all().begin(), findings.all().end(),
                                    [](const ocpi::Finding& f) { return f.error; });
  return absl::InvalidArgumentError(
      absl::StrCat(path, " is refused: ", errors, errors == 1 ? " error" : " errors"));
}

absl::Status ExplainTariff(const std::string& path, const Output& output) {
  ocpi::Findings findings;
  CL_ASSIGN_OR_RETURN(const v1::Tariff tariff, ReadTariffFile("tariff", path, findings));
  Warn(findings, output);
  CL_ASSIGN_OR_RETURN(core::Currency currency, core::Currency::FromCode(tariff.currency()));
  Words(tariff, std::move(currency)).Print(output.out);
  return absl::OkStatus();
}

absl::Status SimulateTariff(const std::string& path, const Simulation& simulation, Format format,
                            const Output& output) {
  ocpi::Findings findings;
  CL_ASSIGN_OR_RETURN(const v1::Tariff tariff, ReadTariffFile("tariff", path, findings));
  Warn(findings, output);
  CL_ASSIGN_OR_RETURN(const projections::Pricer pricer, projections::Pricer::Create(tariff));
  auto start = core::ParseTimestamp(simulation.start);
  if (!start.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--start: ", start.status().message()));
  }
  if (*start < 0 || *start > int64_t{7'258'118'400} * 1'000'000) {
    return absl::InvalidArgumentError("--start must be from 1970 to 2199");
  }
  CL_ASSIGN_OR_RETURN(const int64_t parking_us, ParseLength("--parking", simulation.parking));
  std::vector<int64_t> lengths;
  for (const std::string& text : simulation.durations) {
    CL_ASSIGN_OR_RETURN(const int64_t length_us, ParseLength("--durations", text));
    if (length_us == 0) return absl::InvalidArgumentError("--durations has a length of nothing");
    lengths.push_back(length_us);
  }
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end()) + parking_us;
  CL_ASSIGN_OR_RETURN(const core::LocalTime local,
                      core::LoadLocalTime(simulation.time_zone, *start, *start + longest));
  std::vector<std::vector<std::string>> rows, cells;
  for (const std::string& energy : simulation.energies) {
    auto uwh = core::ParseDecimal(energy, 9, core::Excess::kRefuse);
    if (!uwh.ok() || *uwh < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--energies has \"", energy, "\"; it must be kWh with commas between, such as 5,10.5"));
    }
    std::vector<std::string>& row = rows.emplace_back();
    row.push_back(energy + " kWh");
    for (size_t i = 0; i < lengths.size(); ++i) {
      projections::Stretch charging{*start, *start + lengths[i], *uwh, lengths[i] * 1'000};
      charging.min_power_mw = charging.max_power_mw =
          static_cast<int64_t>(core::DivideHalfAway(core::Wide{*uwh} * 3'600'000, lengths[i]));
      std::vector<projections::Stretch> stretches = {charging};
      if (parking_us > 0) {
        projections::Stretch parked{charging.end_us, charging.end_us + parking_us};
        parked.parking_ns = parking_us * 1'000;
        parked.min_power_mw = parked.max_power_mw = 0;
        stretches.push_back(parked);
      }
      CL_ASSIGN_OR_RETURN(const projections::Bill bill, pricer.Price(stretches, local));
      const auto text = [&](int64_t e4) {
        return core::FormatMoney(core::MoneyE4(e4), pricer.currency());
      };
      row.push_back(text(bill.total.incl_e4));
      cells.push_back({absl::StrCat(lengths[i] / 1'000'000), energy, text(bill.total.excl_e4),
                       text(bill.total.incl_e4), tariff.currency()});
    }
  }
  if (format == Format::kCsv) {
    PrintCsv({"duration_s", "energy_kwh", "excl_vat", "incl_vat", "currency"}, cells, output.out);
    return absl::OkStatus();
  }
  if (format == Format::kJson) {
    Json json = Json::Array();
    for (const auto& cell : cells) {
      Json& out = json.Append(Json::Object());
      out.Set("duration_s", Json::Number(cell[0]));
      out.Set("energy_kwh", Json::Number(ocpi::PlainDecimal(
                                *core::ParseDecimal(cell[1], 9, core::Excess::kRefuse), 9)));
      out.Set("excl_vat", Json::Number(cell[2]));
      out.Set("incl_vat", Json::Number(cell[3]));
      out.Set("currency", Json::String(cell[4]));
    }
    output.out << json.ToText(/*indent=*/true) << "\n";
    return absl::OkStatus();
  }
  std::vector<Heading> headings = {{tariff.currency() + " WITH TAX"}};
  for (const std::string& length : simulation.durations) headings.push_back({length, true});
  PrintTable(headings, rows, output.out);
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
