// ocpi list|resend: what is sent to OCPI partners.
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "tools/ledgerctl/commands.h"

namespace chargeledger::ledgerctl {

absl::Status ListOutbox(const Context& context, const std::string& partner,
                        const std::string& state) {
  v1::ListOutboxRequest request;
  request.set_partner(partner);
  v1::OutboxState wanted = v1::OUTBOX_STATE_UNSPECIFIED;
  if (!state.empty() &&
      !v1::OutboxState_Parse("OUTBOX_STATE_" + absl::AsciiStrToUpper(state), &wanted)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--state is \"", state, "\"; it must be pending, taken or dead"));
  }
  request.set_state(wanted);
  std::vector<v1::OutboxItem> items;
  int64_t open_until_us = 0;
  CL_RETURN_IF_ERROR(context.client.ListOutbox(request, [&](const v1::ListOutboxResponse& r) {
    items.push_back(r.item());
    open_until_us = std::max(open_until_us, r.circuit_open_until_us());
  }));
  if (context.format == Format::kJson) {
    // One after the other; the whole list may be large.
    context.out << "[";
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) context.out << ",";
      CL_RETURN_IF_ERROR(PrintJson(items[i], context.out));
    }
    context.out << "]\n";
    return absl::OkStatus();
  }
  auto to = [](const v1::OutboxItem& i) { return i.partner(); };
  auto kind = [](const v1::OutboxItem& i) {
    return ShortName(v1::OutboxKind_Name(i.kind()), "OUTBOX_KIND_");
  };
  auto id = [](const v1::OutboxItem& i) { return i.id(); };
  auto is = [](const v1::OutboxItem& i) {
    return ShortName(v1::OutboxState_Name(i.state()), "OUTBOX_STATE_");
  };
  auto attempts = [](const v1::OutboxItem& i) { return absl::StrCat(i.attempts()); };
  auto error = [](const v1::OutboxItem& i) { return i.error(); };
  const std::vector<Column<v1::OutboxItem>> columns = {
      {{"PARTNER"}, to, "partner", to},
      {{"KIND"}, kind, "kind", kind},
      {{"ID"}, id, "id", id},
      {{"STATE"}, is, "state", is},
      {{"ATTEMPTS", true}, attempts, "attempts", attempts},
      {{"NEXT (UTC)"},
       [](const v1::OutboxItem& i) {
         return i.state() == v1::OUTBOX_STATE_PENDING ? HumanTime(i.next_attempt_us()) : "-";
       },
       "next_attempt_at",
       [](const v1::OutboxItem& i) { return RawTime(i.next_attempt_us()); }},
      {{"ERROR"}, error, "error", error},
      {{}, nullptr, "location", [](const v1::OutboxItem& i) { return i.location(); }}};
  PrintRows(context.format, columns, items, "objects", context.out);
  if (context.format == Format::kTable && open_until_us != 0) {
    context.out << "the circuit is open until " << HumanTime(open_until_us) << " UTC\n";
  }
  return absl::OkStatus();
}

absl::Status ResendOutbox(const Context& context, const std::string& partner,
                          const std::string& id) {
  v1::ResendOutboxRequest request;
  request.set_partner(partner);
  request.set_id(id);
  CL_RETURN_IF_ERROR(context.client.ResendOutbox(request).status());
  context.out << id << " is sent to " << partner << " again\n";
  return absl::OkStatus();
}

}  // namespace chargeledger::ledgerctl
