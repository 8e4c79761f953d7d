// The commands of ledgerctl, one function each: asks the ledger and prints in the wanted format.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/ledgerctl/rpc/client.h"
#include "tools/ledgerctl/table.h"

namespace chargeledger::ledgerctl {

struct Context {
  Client& client;
  Format format;
  std::ostream& out;
};

// What narrows a list; empty means all.
struct Filter {
  std::string site;
  std::string station;
  // open or closed.
  std::string state;
  // As flags are shown, such as missing_stop.
  std::string flag;
  std::string session;
  // How an account of the journal begins.
  std::string account;
  bool active = false;
  bool held = false;
  uint64_t limit = 0;
  // A time (ISO 8601), or LOG:GENERATION:SIZE, several of them with commas between; empty: now.
  std::string as_of;
};

absl::Status ListSites(const Context& context);
absl::Status ListStations(const Context& context, const Filter& filter);
absl::Status ShowStatus(const Context& context, const Filter& filter);
absl::Status ListSessions(const Context& context, const Filter& filter);
absl::Status ShowSession(const Context& context, const std::string& id, const Filter& filter);
// Until it is ended.
absl::Status WatchSessions(const Context& context, const Filter& filter);
absl::Status ListCdrs(const Context& context, const Filter& filter);
// `layout` "ocpi": as partners are sent it.
absl::Status ShowCdr(const Context& context, const std::string& id, const Filter& filter,
                     const std::string& layout);
// From each amount to the tariff, the period, the meter values and their entries.
absl::Status ExplainCdr(const Context& context, const std::string& id, const Filter& filter);
absl::Status ListHolds(const Context& context, const Filter& filter);

// What a person decided of a session, who and why.
struct Review {
  std::string by;
  std::string reason;
  // Of an adjustment; empty: as it was.
  std::string energy_kwh;
  std::string start;
  std::string stop;
};
absl::Status ReviewSession(const Context& context, const std::string& id,
                           v1::ReviewDecision decision, const Review& review);

// `layout`: hledger, beancount, or empty for the format asked for.
absl::Status ListJournal(const Context& context, const Filter& filter, const std::string& layout);
absl::Status ShowBalance(const Context& context, const Filter& filter);
// DATA_LOSS if the books do not balance.
absl::Status ShowTrialBalance(const Context& context, const Filter& filter);

// For whom a tariff is in force; empty fields match everything.
struct Assignment {
  std::string tariff;
  std::string site;
  std::string station;
  uint32_t connector = 0;
  std::string min_power_kw;
  std::string max_power_kw;
  std::string contract;
  // Such as NL-TNM.
  std::string partner;
  std::string from;
  std::string to;
  int32_t priority = 0;
  bool for_past = false;
  bool withdraw = false;
};
absl::Status PublishTariff(const Context& context, const std::string& path, const Review& who);
absl::Status AssignTariff(const Context& context, const Assignment& assignment, const Review& who);
absl::Status ListTariffs(const Context& context, bool all_versions);
// As OCPI JSON; `version` 0: the newest; `ocpi` 2.2.1 or 2.3.0.
absl::Status ExportTariff(const Context& context, const std::string& id, uint32_t version,
                          const std::string& ocpi);
// Records a site, a contract or a policy: a ControlFact in the protobuf JSON mapping.
absl::Status RecordFact(const Context& context, const std::string& path, const Review& who);
// `by`: session, station or hour.
absl::Status ShowWhatIf(const Context& context, const std::string& tariff_path,
                        const std::string& site, const std::string& from, const std::string& to,
                        const std::string& by);

absl::Status ClosePeriod(const Context& context, v1::ClosePeriodRequest request, const Review& who);
absl::Status ListInvoices(const Context& context, const std::string& period);
// The last closed month may be closed again.
absl::Status ReopenPeriod(const Context& context, const std::string& period, const Review& who);
// What a log's bills rest on, and the control log does not have, is taken for right up to now.
absl::Status AcceptFacts(const Context& context, const std::string& log_id, const Review& who);
// Invoices that today's code and master data would make otherwise.
absl::Status CompareInvoices(const Context& context, const std::string& period);
// `layout`: ubl for EN 16931, artefact for the issued bytes, or empty for the format asked for.
absl::Status ShowInvoice(const Context& context, const std::string& number,
                         const std::string& layout);

// What is sent to OCPI partners. `state`: pending, taken, dead, or empty for all.
absl::Status ListOutbox(const Context& context, const std::string& partner,
                        const std::string& state);
absl::Status ResendOutbox(const Context& context, const std::string& partner,
                          const std::string& id);

absl::Status ListFaults(const Context& context, const Filter& filter);
absl::Status ListTopFaults(const Context& context, const Filter& filter);
absl::Status ListLogs(const Context& context);
absl::Status ListEntries(const Context& context, const std::string& log, uint32_t generation,
                         uint64_t from, uint64_t count);
absl::Status ShowHead(const Context& context, const std::string& log, uint32_t generation,
                      std::optional<uint64_t> size);

// How the two sides of a log differ, or did.
absl::Status ListDivergences(const Context& context, const std::string& log, bool open_only);
absl::Status ShowDivergence(const Context& context, const std::string& id);
absl::Status CompareLog(const Context& context, const std::string& log);
absl::Status RestoreLog(const Context& context, const std::string& log, uint32_t generation);

// What can be checked without the ledger. Proofs go to `path`, or to the terminal if it is empty.
absl::Status ListKeys(const Context& context, const std::string& log);
absl::Status ShowCheckpoint(const Context& context, const std::string& log, uint32_t generation,
                            std::optional<uint64_t> size);
absl::Status ProveInclusion(const Context& context, const std::string& log, uint32_t generation,
                            uint64_t entry, std::optional<uint64_t> size, const std::string& path);
absl::Status ProveConsistency(const Context& context, const std::string& log, uint32_t generation,
                              uint64_t from, std::optional<uint64_t> to, const std::string& path);
absl::Status ExportLog(const Context& context, const std::string& log, uint32_t generation,
                       const std::string& directory);
absl::Status ScrubLog(const Context& context, const std::string& log, uint32_t generation);

// Text of values, shared by the commands.
// `2026-11-20 21:46:00`, "-" for 0.
std::string HumanTime(int64_t us);
// ISO 8601, empty for 0.
std::string RawTime(int64_t us);
// What --as-of says. INVALID_ARGUMENT names it.
absl::StatusOr<v1::AsOf> ParseAsOf(const std::string& text);
// SESSION_FLAG_... of its short name; INVALID_ARGUMENT names all there are.
absl::StatusOr<v1::SessionFlag> ParseFlag(const std::string& text);
// `1:02:03`.
std::string HumanDuration(int64_t us);
// "SESSION_FLAG_MISSING_STOP" without its prefix is "missing_stop".
std::string ShortName(const std::string& enum_name, const std::string& prefix);
std::string HumanMoney(int64_t e4, const std::string& currency);
// The protobuf JSON mapping, with fields that are zero.
absl::Status PrintJson(const google::protobuf::Message& message, std::ostream& out);

}  // namespace chargeledger::ledgerctl
