// billing close, invoices list|show: per contract or partner and month; as JSON, or as EN 16931 in
// UBL 2.1.
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/check.h"
#include "core/decimal.h"
#include "core/timestamp.h"
#include "core/units.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {
namespace {

std::string Xml(const std::string& text) {
  return absl::StrReplaceAll(text,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

// EN 16931's VAT category and rate of a line of taxes.
struct Category {
  std::string code;
  std::string percent;
};

Category ToCategory(const v1::TaxLine& line) {
  if (!line.has_vat_e4()) return {"O", ""};
  std::string percent = core::FormatDecimal(line.vat_e4(), 4, 2);
  return {line.vat_e4() == 0 ? "Z" : "S", percent};
}

class UblWriter {
 public:
  UblWriter(const v1::Invoice& invoice, std::ostream& out)
      : invoice_(invoice), out_(out), sign_(invoice.credit_note() ? -1 : 1) {}

  void Write() {
    const bool credit = invoice_.credit_note();
    const char* root = credit ? "CreditNote" : "Invoice";
    out_ << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<" << root
         << " xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:" << root
         << "-2\"\n  xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:"
            "CommonAggregateComponents-2\"\n  "
            "xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">\n";
    Basic("CustomizationID", "urn:cen.eu:en16931:2017");
    Basic("ID", invoice_.number());
    Basic("IssueDate", invoice_.issue_date());
    if (!credit) Basic("DueDate", invoice_.due_date());
    Basic(credit ? "CreditNoteTypeCode" : "InvoiceTypeCode", credit ? "381" : "380");
    Basic("DocumentCurrencyCode", invoice_.currency());
    Basic("BuyerReference", invoice_.party());
    out_ << "  <cac:InvoicePeriod><cbc:StartDate>" << invoice_.period_start()
         << "</cbc:StartDate><cbc:EndDate>" << invoice_.period_end()
         << "</cbc:EndDate></cac:InvoicePeriod>\n";
    const v1::BillingPolicySet::Seller& seller = invoice_.seller();
    Party("AccountingSupplierParty", seller.name(), seller.address(), seller.city(),
          seller.postal_code(), seller.country(), seller.vat_id());
    const v1::ContractRegistered& buyer = invoice_.buyer();
    Party("AccountingCustomerParty", buyer.name().empty() ? invoice_.party() : buyer.name(),
          buyer.address(), buyer.city(), buyer.postal_code(), buyer.country(), buyer.vat_id());
    Taxes();
    const v1::Price& total = invoice_.total();
    out_ << "  <cac:LegalMonetaryTotal>\n";
    Amount("LineExtensionAmount", total.excl_vat_e4(), "    ");
    Amount("TaxExclusiveAmount", total.excl_vat_e4(), "    ");
    Amount("TaxInclusiveAmount", total.incl_vat_e4(), "    ");
    Amount("PayableAmount", total.incl_vat_e4(), "    ");
    out_ << "  </cac:LegalMonetaryTotal>\n";
    int number = 0;
    for (const v1::Invoice::Line& line : invoice_.lines()) {
      for (const v1::TaxLine& tax : line.taxes()) Line(++number, line, tax);
    }
    out_ << "</" << root << ">\n";
  }

 private:
  void Basic(const char* name, const std::string& text) {
    out_ << "  <cbc:" << name << ">" << Xml(text) << "</cbc:" << name << ">\n";
  }
  void Amount(const char* name, int64_t e4, const char* indent) {
    out_ << indent << "<cbc:" << name << " currencyID=\"" << invoice_.currency() << "\">"
         << HumanMoney(sign_ * e4, invoice_.currency()) << "</cbc:" << name << ">\n";
  }
  void Party(const char* role, const std::string& name, const std::string& address,
             const std::string& city, const std::string& postal_code, const std::string& country,
             const std::string& vat_id) {
    out_ << "  <cac:" << role << "><cac:Party>\n    <cac:PostalAddress>";
    const auto field = [&](const char* tag, const std::string& text) {
      if (!text.empty()) out_ << "<cbc:" << tag << ">" << Xml(text) << "</cbc:" << tag << ">";
    };
    field("StreetName", address);
    field("CityName", city);
    field("PostalZone", postal_code);
    out_ << "<cac:Country><cbc:IdentificationCode>" << Xml(country.empty() ? "ZZ" : country)
         << "</cbc:IdentificationCode></cac:Country></cac:PostalAddress>\n";
    if (!vat_id.empty()) {
      out_ << "    <cac:PartyTaxScheme><cbc:CompanyID>" << Xml(vat_id)
           << "</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
              "</cac:PartyTaxScheme>\n";
    }
    out_ << "    <cac:PartyLegalEntity><cbc:RegistrationName>" << Xml(name)
         << "</cbc:RegistrationName></cac:PartyLegalEntity>\n  </cac:Party></cac:" << role << ">\n";
  }
  void TaxCategory(const char* tag, const v1::TaxLine& line) {
    const Category category = ToCategory(line);
    out_ << "<cac:" << tag << "><cbc:ID>" << category.code << "</cbc:ID>";
    if (!category.percent.empty()) out_ << "<cbc:Percent>" << category.percent << "</cbc:Percent>";
    if (category.code == "O" && std::string(tag) == "TaxCategory") {
      out_ << "<cbc:TaxExemptionReason>Not subject to VAT</cbc:TaxExemptionReason>";
    }
    out_ << "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:" << tag << ">";
  }
  void Taxes() {
    out_ << "  <cac:TaxTotal>\n";
    Amount("TaxAmount", invoice_.total().incl_vat_e4() - invoice_.total().excl_vat_e4(), "    ");
    for (const v1::TaxLine& line : invoice_.taxes()) {
      out_ << "    <cac:TaxSubtotal>\n";
      Amount("TaxableAmount", line.excl_vat_e4(), "      ");
      Amount("TaxAmount", line.tax_e4(), "      ");
      out_ << "      ";
      TaxCategory("TaxCategory", line);
      out_ << "\n    </cac:TaxSubtotal>\n";
    }
    out_ << "  </cac:TaxTotal>\n";
  }
  void Line(int number, const v1::Invoice::Line& line, const v1::TaxLine& tax) {
    const bool credit = invoice_.credit_note();
    const char* tag = credit ? "CreditNoteLine" : "InvoiceLine";
    const char* quantity = credit ? "CreditedQuantity" : "InvoicedQuantity";
    // A price is never negative: what is given back has a negative quantity.
    const int64_t net = sign_ * tax.excl_vat_e4();
    out_ << "  <cac:" << tag << ">\n    <cbc:ID>" << number << "</cbc:ID>\n    <cbc:" << quantity
         << " unitCode=\"C62\">" << (net < 0 ? -1 : 1) << "</cbc:" << quantity << ">\n";
    Amount("LineExtensionAmount", tax.excl_vat_e4(), "    ");
    out_ << "    <cac:Item><cbc:Description>"
         << Xml(absl::StrCat(
                core::FormatKilowattHours(core::MilliwattHours(line.energy_mwh())), " kWh on ",
                HumanTime(line.started_at_us()), " UTC at ", line.site(), " ",
                line.charge_point_id(),
                line.credit() ? absl::StrCat(", credit of ", line.credit_reference_id()) : ""))
         << "</cbc:Description><cbc:Name>Charging " << Xml(line.cdr_id()) << "</cbc:Name>";
    TaxCategory("ClassifiedTaxCategory", tax);
    out_ << "</cac:Item>\n    <cac:Price><cbc:PriceAmount currencyID=\"" << invoice_.currency()
         << "\">" << HumanMoney(std::abs(net), invoice_.currency())
         << "</cbc:PriceAmount></cac:Price>\n  </cac:" << tag << ">\n";
  }

  const v1::Invoice& invoice_;
  std::ostream& out_;
  // Amounts of a credit note are what is given back.
  const int64_t sign_;
};

}  // namespace

absl::Status ClosePeriod(const Context& context, v1::ClosePeriodRequest request,
                         const Review& who) {
  request.set_by(who.by);
  request.set_reason(who.reason);
  CL_ASSIGN_OR_RETURN(const v1::ClosePeriodResponse response, context.client.ClosePeriod(request));
  if (context.format == Format::kJson) return PrintJson(response, context.out);
  const v1::PeriodClosed& closed = response.closed();
  context.out << "period " << closed.period() << " is closed: " << closed.count()
              << " invoices in series " << closed.series();
  if (closed.count() > 0) {
    context.out << ", from number " << closed.first_number() << " on";
  }
  context.out << "\n";
  return absl::OkStatus();
}

absl::Status ReopenPeriod(const Context& context, const std::string& period, const Review& who) {
  v1::RecordFactRequest request;
  request.mutable_fact()->set_by(who.by);
  request.mutable_fact()->set_reason(who.reason);
  request.mutable_fact()->mutable_period_reopened()->set_period(period);
  CL_RETURN_IF_ERROR(context.client.RecordFact(request).status());
  context.out << "period " << period << " may be closed again; its invoices stay as they are\n";
  return absl::OkStatus();
}

absl::Status AcceptFacts(const Context& context, const std::string& log_id, const Review& who) {
  v1::RecordFactRequest request;
  request.mutable_fact()->set_by(who.by);
  request.mutable_fact()->set_reason(who.reason);
  request.mutable_fact()->mutable_known_facts_accepted()->set_log_id(
      absl::HexStringToBytes(log_id));
  CL_RETURN_IF_ERROR(context.client.RecordFact(request).status());
  context.out << "accepted: what was held because of them is billed\n";
  return absl::OkStatus();
}

absl::Status CompareInvoices(const Context& context, const std::string& period) {
  v1::ListInvoicesRequest request;
  request.set_period(period);
  request.set_with_today(true);
  uint64_t compared = 0;
  std::vector<v1::ListInvoicesResponse> others;
  CL_RETURN_IF_ERROR(context.client.ListInvoices(request, [&](const v1::ListInvoicesResponse& r) {
    ++compared;
    if (r.invoice().SerializeAsString() != r.today().SerializeAsString()) others.push_back(r);
  }));
  if (context.format == Format::kJson) {
    for (const v1::ListInvoicesResponse& other : others) {
      CL_RETURN_IF_ERROR(PrintJson(other, context.out));
    }
    return absl::OkStatus();
  }
  for (const v1::ListInvoicesResponse& other : others) {
    const v1::Invoice& issued = other.invoice();
    context.out << issued.number() << ": "
                << HumanMoney(issued.total().incl_vat_e4(), issued.currency()) << " "
                << issued.currency() << " was issued; today ";
    if (!other.has_today()) {
      context.out << "there would be none\n";
    } else if (other.today().total().incl_vat_e4() == issued.total().incl_vat_e4()) {
      context.out << "the same, with other words or lines\n";
    } else {
      context.out << "it would be "
                  << HumanMoney(other.today().total().incl_vat_e4(), issued.currency()) << "\n";
    }
  }
  context.out << compared << " invoices, " << others.size() << " would be others today\n";
  return absl::OkStatus();
}

absl::Status ListInvoices(const Context& context, const std::string& period) {
  v1::ListInvoicesRequest request;
  request.set_period(period);
  std::vector<v1::Invoice> invoices;
  CL_RETURN_IF_ERROR(context.client.ListInvoices(
      request, [&](const v1::ListInvoicesResponse& r) { invoices.push_back(r.invoice()); }));
  if (context.format == Format::kJson) {
    for (const v1::Invoice& invoice : invoices) {
      CL_RETURN_IF_ERROR(PrintJson(invoice, context.out));
    }
    return absl::OkStatus();
  }
  auto number = [](const v1::Invoice& i) { return i.number(); };
  auto of = [](const v1::Invoice& i) { return i.period(); };
  auto party = [](const v1::Invoice& i) { return i.party(); };
  auto kind = [](const v1::Invoice& i) {
    return std::string(i.credit_note() ? "credit-note" : "invoice");
  };
  auto lines = [](const v1::Invoice& i) { return absl::StrCat(i.lines_size()); };
  auto net = [](const v1::Invoice& i) { return HumanMoney(i.total().excl_vat_e4(), i.currency()); };
  auto vat = [](const v1::Invoice& i) {
    return HumanMoney(i.total().incl_vat_e4() - i.total().excl_vat_e4(), i.currency());
  };
  auto total = [](const v1::Invoice& i) {
    return HumanMoney(i.total().incl_vat_e4(), i.currency());
  };
  auto currency = [](const v1::Invoice& i) { return i.currency(); };
  const std::vector<Column<v1::Invoice>> columns = {
      {{"INVOICE"}, number, "invoice", number}, {{"PERIOD"}, of, "period", of},
      {{"PARTY"}, party, "party", party},       {{"KIND"}, kind, "kind", kind},
      {{"CDRS", true}, lines, "cdrs", lines},   {{"NET", true}, net, "excl_vat", net},
      {{"VAT", true}, vat, "vat", vat},         {{"TOTAL", true}, total, "incl_vat", total},
      {{"CUR"}, currency, "currency", currency}};
  PrintRows(context.format, columns, invoices, "invoices", context.out);
  return absl::OkStatus();
}

absl::Status ShowInvoice(const Context& context, const std::string& number,
                         const std::string& layout) {
  v1::ListInvoicesRequest request;
  request.set_number(number);
  std::vector<v1::ListInvoicesResponse> found;
  CL_RETURN_IF_ERROR(context.client.ListInvoices(
      request, [&](const v1::ListInvoicesResponse& r) { found.push_back(r); }));
  if (found.empty()) return absl::NotFoundError(absl::StrCat("there is no invoice ", number));
  const v1::Invoice& invoice = found.front().invoice();
  if (layout == "artefact") {
    if (found.front().artefact().empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("invoice ", number, " was issued before artefacts were stored"));
    }
    context.out << found.front().artefact();
    return absl::OkStatus();
  }
  if (layout == "ubl") {
    if (invoice.seller().name().empty() || invoice.seller().vat_id().empty()) {
      return absl::FailedPreconditionError(
          "an invoice of EN 16931 names its seller: record a billing policy with a seller "
          "(docs/billing.md)");
    }
    UblWriter(invoice, context.out).Write();
    return absl::OkStatus();
  }
  if (context.format == Format::kJson) return PrintJson(invoice, context.out);
  context.out << (invoice.credit_note() ? "Credit note " : "Invoice ") << invoice.number() << " of "
              << invoice.period() << " to " << invoice.party() << "\n";
  auto cdr = [](const v1::Invoice::Line& l) { return l.cdr_id(); };
  auto day = [](const v1::Invoice::Line& l) { return HumanTime(l.started_at_us()); };
  auto place = [](const v1::Invoice::Line& l) {
    return absl::StrCat(l.site(), " ", l.charge_point_id());
  };
  auto kwh = [](const v1::Invoice::Line& l) {
    return core::FormatKilowattHours(core::MilliwattHours(l.energy_mwh()));
  };
  auto net = [&](const v1::Invoice::Line& l) {
    return HumanMoney(l.price().excl_vat_e4(), invoice.currency());
  };
  auto total = [&](const v1::Invoice::Line& l) {
    return HumanMoney(l.price().incl_vat_e4(), invoice.currency());
  };
  const std::vector<Column<v1::Invoice::Line>> columns = {
      {{"CDR"}, cdr, "cdr", cdr},
      {{"STARTED (UTC)"}, day, "started_at", day},
      {{"PLACE"}, place, "place", place},
      {{"KWH", true}, kwh, "energy_kwh", kwh},
      {{"NET", true}, net, "excl_vat", net},
      {{"TOTAL", true}, total, "incl_vat", total}};
  PrintRows(context.format, columns, invoice.lines(), "lines", context.out);
  for (const v1::TaxLine& line : invoice.taxes()) {
    context.out << "VAT "
                << (line.has_vat_e4() ? core::FormatDecimal(line.vat_e4(), 4, 2) + " %" : "none")
                << " on " << HumanMoney(line.excl_vat_e4(), invoice.currency()) << ": "
                << HumanMoney(line.tax_e4(), invoice.currency()) << "\n";
  }
  context.out << "Total " << HumanMoney(invoice.total().excl_vat_e4(), invoice.currency())
              << " before tax, " << HumanMoney(invoice.total().incl_vat_e4(), invoice.currency())
              << " " << invoice.currency() << "\n";
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
