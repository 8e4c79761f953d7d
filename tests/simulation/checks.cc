#include "tests/simulation/checks.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "chargeledger/v1/types.pb.h"
#include "log/memory_store.h"
#include "log/salvage.h"
#include "log/tlog/checkpoint.h"
#include "projections/books.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"

namespace chargeledger::simulation {
namespace {

using projections::Books;

// A session or a transaction as both sides can tell it: charge point, transaction id, second of the
// start, registers in Wh.
using Told = std::tuple<std::string, int64_t, int64_t, int64_t, int64_t>;

server::HeldLog* FindHeld(LedgerNode& ledger, const core::LogId& log_id) {
  for (server::HeldLog* held : ledger.core()->ledger().logs()) {
    if (held->log_id() == log_id) return held;
  }
  return nullptr;
}

std::string Differs(const std::string& what, const log::EventLog* ours,
                    const log::EventLog* theirs) {
  if (ours == nullptr || theirs == nullptr) {
    return absl::StrCat(what, " is not open at ", ours == nullptr ? "the site" : "the ledger");
  }
  const log::TreeHead a = ours->head(), b = theirs->head();
  if (a.size == b.size && a.root == b.root) return "";
  return absl::StrCat(what, ": the site has ", a.size, " entries with root ", a.root.ToHex(),
                      ", the ledger ", b.size, " with ", b.root.ToHex());
}

std::string Digests(const v1::StoredFold& fold) {
  std::string text = absl::StrCat(fold.generation(), "/", fold.size());
  for (const v1::StoredFold::Part& part : fold.parts()) {
    absl::StrAppend(&text, " ", part.name(), " ",
                    core::Hash::FromBytes(part.digest()).value_or(core::Hash()).ToHex());
  }
  return text;
}

template <typename Message>
std::vector<Message> AllOf(LedgerNode& ledger, size_t part, char kind) {
  std::vector<Message> all;
  // Damage that no fold has met yet is not what is judged here.
  auto states = ledger.disk().Look("state", log::SimulatedDisk::Sight::kBehindDamage);
  for (const server::HeldLog* held : ledger.core()->ledger().logs()) {
    const std::string prefix = projections::StatePrefix(held->log_id(), part) + kind;
    (void)states->Scan(
        prefix, log::AfterPrefix(prefix), [&](absl::string_view, absl::string_view value) {
          all.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size()));
          return true;
        });
  }
  return all;
}

std::string ToText(const Told& told) {
  return absl::StrCat(std::get<0>(told), " transaction ", std::get<1>(told), " from ",
                      std::get<3>(told), " Wh to ", std::get<4>(told), " Wh, begun at second ",
                      std::get<2>(told));
}

Told ToldBy(const v1::Session& session) {
  return {session.charge_point_id(), session.transaction_id(),
          session.started_told_us() / 1'000'000, session.meter_start_mwh() / 1000,
          session.meter_last_mwh() / 1000};
}

Told ToldBy(const chargesim::Transaction& t) {
  return {t.charge_point_id, t.transaction_id, t.started_at_us / 1'000'000, t.meter_start_wh,
          t.meter_stop_wh};
}

// What is known of a transaction, in words.
std::string Known(const std::vector<v1::Session>& sessions, const chargesim::Transaction& t) {
  std::string text;
  for (const v1::Session& session : sessions) {
    if (session.charge_point_id() != t.charge_point_id ||
        session.transaction_id() != t.transaction_id) {
      continue;
    }
    absl::StrAppend(&text, "; known is ", session.id(), ", ",
                    v1::SessionState_Name(session.state()), ", ", ToText(ToldBy(session)));
    for (int flag : session.flags()) {
      absl::StrAppend(&text, " ", v1::SessionFlag_Name(static_cast<v1::SessionFlag>(flag)));
    }
  }
  return text.empty() ? "; nothing is known of it" : text;
}

// Whether a session that a person looks at ended as `t` did.
bool HasFlagged(const std::vector<v1::Session>& sessions, const chargesim::Transaction& t) {
  return std::any_of(sessions.begin(), sessions.end(), [&](const v1::Session& session) {
    return session.flags_size() > 0 && session.charge_point_id() == t.charge_point_id &&
           session.transaction_id() == t.transaction_id;
  });
}

// What names a start: charge point, connector, second, register.
Told Begun(const std::string& charge_point_id, int64_t connector, int64_t at_us, int64_t meter_wh) {
  return {charge_point_id, connector, at_us / 1'000'000, meter_wh, 0};
}

std::string FlagsOf(const v1::Session& session) {
  std::string text;
  for (int flag : session.flags()) {
    absl::StrAppend(&text, " ", v1::SessionFlag_Name(static_cast<v1::SessionFlag>(flag)));
  }
  return text;
}

bool HasFlag(const v1::Session& session, v1::SessionFlag flag) {
  return std::find(session.flags().begin(), session.flags().end(), flag) != session.flags().end();
}

// Energy and times are what they really were, or the flag that says why not is up.
void CheckTruth(const v1::Session& session, const chargesim::Transaction& t, Judge& judge) {
  const int64_t energy_mwh = t.energy_wh * 1000;
  const std::string what = absl::StrCat("session ", session.id(), " of ", ToText(ToldBy(t)));
  if (t.register_reset) {
    // What flowed between the last value and the reset is nowhere.
    // Near the end of its range nobody can tell a reset from a rollover: then a person looks.
    judge.Expect(
        session.energy_mwh() <= energy_mwh || HasFlag(session, v1::SESSION_FLAG_REGISTER_ROLLOVER),
        "truth",
        absl::StrCat(what, " has ", session.energy_mwh(), " mWh, more than flowed: ", energy_mwh));
    // Where values are missing around it, a flag says so.
    const bool unseen = t.reset_unseen || HasFlag(session, v1::SESSION_FLAG_METER_GAP);
    judge.Expect(session.energy_mwh() == energy_mwh || session.held() || unseen, "truth",
                 absl::StrCat(what, " has ", session.energy_mwh(), " of ", energy_mwh,
                              " mWh, and nothing holds it:", FlagsOf(session)));
  } else {
    judge.Expect(session.energy_mwh() == energy_mwh || session.held(), "truth",
                 absl::StrCat(what, " has ", session.energy_mwh(), " of ", energy_mwh,
                              " mWh, and nothing holds it:", FlagsOf(session)));
  }
  // To the second, as the charge points tell it.
  const bool times = session.started_at_us() / 1'000'000 == t.started_at_us / 1'000'000 &&
                     session.stopped_at_us() / 1'000'000 == t.stopped_at_us / 1'000'000;
  judge.Expect(times || HasFlag(session, v1::SESSION_FLAG_CLOCK_SKEW) || session.held(), "truth",
               absl::StrCat(what, " was used as from ", session.started_at_us(), " to ",
                            session.stopped_at_us(), ", and was from ", t.started_at_us, " to ",
                            t.stopped_at_us, ":", FlagsOf(session)));
}

// A stop that was never sent: the session is open, or its end is inferred and waits for a person.
void CheckForgotten(const std::vector<v1::Session>& sessions, const chargesim::Transaction& t,
                    Judge& judge) {
  for (const v1::Session& session : sessions) {
    if (session.charge_point_id() != t.charge_point_id ||
        session.transaction_id() != t.transaction_id) {
      continue;
    }
    const bool doubtful = session.state() == v1::SESSION_STATE_OPEN || session.held() ||
                          session.end() != v1::SESSION_END_STOP;
    judge.Expect(doubtful, "truth",
                 absl::StrCat("session ", session.id(), " of ", ToText(ToldBy(t)),
                              " was never stopped, and passes for whole:", FlagsOf(session)));
  }
}

}  // namespace

std::string DifferenceOfLogs(LedgerNode& ledger, SiteNode& site) {
  const log::Recorder& recorder = site.core()->recorder();
  server::HeldLog* held = FindHeld(ledger, recorder.log().log_id());
  if (held == nullptr) return absl::StrCat("the ledger has no log of ", site.name());
  std::map<uint32_t, const log::EventLog*> theirs;
  for (log::EventLog* log : held->generations()) {
    theirs[log->generation().value()] = log;
    if (held->contradicts(log->generation())) {
      return absl::StrCat(site.name(), " generation ", log->generation().value(),
                          " contradicts what the ledger has signed");
    }
  }
  const uint32_t newest = recorder.log().generation().value();
  for (uint32_t generation = 1; generation <= newest; ++generation) {
    auto opened = generation == newest ? absl::StatusOr<log::Archive::Opened>(
                                             log::Archive::Opened{&recorder.mutable_log(), {}, {}})
                                       : site.core()->archive().OpenLog(
                                             recorder.log().log_id(), core::Generation(generation));
    std::string difference = Differs(absl::StrCat(site.name(), " generation ", generation),
                                     opened.ok() ? opened->log : nullptr, theirs[generation]);
    if (!difference.empty()) return difference;
  }
  const log::EventLog& control = ledger.core()->control().log();
  auto copy = site.core()->archive().OpenLog(control.log_id(), control.generation());
  return Differs(absl::StrCat("the control log at ", site.name()), copy.ok() ? copy->log : nullptr,
                 &control);
}

std::string Unreadable(LedgerNode& ledger, SiteNode& site) {
  auto look = [](absl::string_view where, const log::EventLog& log) {
    auto sequence = log::FirstUnreadable(log, log.dropped() * log::kTileWidth);
    return sequence.has_value()
               ? absl::StrCat("entry ", *sequence, " of log ", log.log_id().ToHex(), " generation ",
                              log.generation().value(), " cannot be read at ", where)
               : std::string();
  };
  for (const log::EventLog* log : site.core()->archive().logs()) {
    if (std::string found = look(site.name(), *log); !found.empty()) return found;
  }
  const core::LogId log_id = site.core()->recorder().log().log_id();
  for (const log::EventLog* log : ledger.core()->archive().logs()) {
    // A log whose author is gone is as it is.
    const bool looked_after =
        log->log_id() == log_id || log->log_id() == ledger.core()->control().log().log_id();
    if (!looked_after) continue;
    if (std::string found = look("the ledger", *log); !found.empty()) return found;
  }
  return "";
}

void CheckDigests(LedgerNode& ledger, SiteNode& site, Judge& judge) {
  const core::LogId log_id = site.core()->recorder().log().log_id();
  if (absl::Status status = site.core()->KeepBooks(); !status.ok()) {
    return judge.Violate("digests", absl::StrCat(site.name(), ": ", status.ToString()));
  }
  auto ours = projections::ReadPosition(site.core()->books(), log_id);
  auto theirs = projections::ReadPosition(ledger.core()->states(), log_id);
  if (!ours.ok() || !theirs.ok()) {
    return judge.Violate("digests", absl::StrCat(site.name(), ": ", ours.status().ToString(), " ",
                                                 theirs.status().ToString()));
  }
  log::MemoryStore store;
  Books books;
  projections::Folder folder(store, books, 1000);
  v1::StoredFold again;
  for (log::EventLog* log : FindHeld(ledger, log_id)->generations()) {
    auto folded = folder.Fold(*log, site.name());
    if (!folded.ok()) {
      return judge.Violate("digests",
                           absl::StrCat(site.name(), ": a rebuild: ", folded.status().ToString()));
    }
    again = *std::move(folded);
  }
  judge.Expect(Digests(*theirs) == Digests(again), "digests",
               absl::StrCat(site.name(), ": the ledger has ", Digests(*theirs),
                            ", a rebuild gives ", Digests(again)));
  // After retention a site may have begun in the middle.
  if (ours->partial()) return;
  judge.Expect(
      Digests(*ours) == Digests(*theirs), "digests",
      absl::StrCat(site.name(), " has ", Digests(*ours), ", the ledger ", Digests(*theirs)));
}

void CheckCosigned(LedgerNode& ledger, Judge& judge) {
  for (const server::HeldLog* held : ledger.core()->ledger().logs()) {
    for (const log::EventLog* log : held->generations()) {
      const std::string origin =
          log::tlog::Origin(held->operator_name(), held->site(), held->log_id(), log->generation());
      auto signed_root = judge.cosigned().lower_bound({origin, 0});
      for (; signed_root != judge.cosigned().end() && signed_root->first.first == origin;
           ++signed_root) {
        const uint64_t size = signed_root->first.second;
        // What was lost with a machine, and by the ledger before, is gone with both.
        if (size > log->head().size) break;
        auto root = log->RootAt(size);
        // What was damaged here while the site's copy of it was gone too is nowhere any more.
        if (judge.was_damaged("ledger") && judge.anything_endangered()) continue;
        judge.Expect(root.ok() && root->bytes() == absl::string_view(signed_root->second),
                     "cosigned",
                     absl::StrCat(origin, " at size ", size,
                                  ": the ledger no longer has the root that it has signed"));
      }
    }
  }
}

void CheckSessions(LedgerNode& ledger, const std::vector<std::unique_ptr<Charger>>& chargers,
                   Judge& judge) {
  const auto sessions = AllOf<v1::Session>(ledger, Books::kSessions, projections::kSessionKind);
  std::multimap<Told, const v1::Session*> closed;
  // Sessions by what their start says.
  std::map<Told, int> begun;
  for (const v1::Session& session : sessions) {
    ++begun[Begun(session.charge_point_id(), session.connector_id(), session.started_told_us(),
                  session.meter_start_mwh() / 1000)];
    if (session.state() != v1::SESSION_STATE_CLOSED) continue;
    closed.emplace(ToldBy(session), &session);
    const int64_t told = std::max<int64_t>(0, session.meter_last_mwh() - session.meter_start_mwh());
    judge.Expect(session.energy_mwh() == told || session.energy_rule() != v1::ENERGY_RULE_REGISTER,
                 "sessions",
                 absl::StrCat("session ", session.id(), " has ", session.energy_mwh(),
                              " mWh, its registers say ", told));
  }
  std::set<Told> truth;
  for (const auto& charger : chargers) {
    for (const chargesim::Transaction& t : charger->point().transactions()) {
      const int times =
          begun[Begun(t.charge_point_id, t.connector, t.started_at_us, t.meter_start_wh)];
      judge.Expect(times <= 1 || judge.disturbed(charger->site().name()), "sessions",
                   absl::StrCat(times, " sessions began as ", ToText(ToldBy(t))));
      if (t.stopped_at_us == 0 || t.transaction_id == 0) continue;
      truth.insert(ToldBy(t));
      // What the charge point itself did not say, or not in order, cannot be known.
      if (t.stop_forgotten) CheckForgotten(sessions, t, judge);
      if (!t.settled || t.stop_forgotten || t.lost || t.swapped) continue;
      ++judge.statistics().sessions_compared;
      auto [first, last] = closed.equal_range(ToldBy(t));
      if (first == last) {
        const bool excused = judge.excused(t.charge_point_id) ||
                             (judge.disturbed(charger->site().name()) && HasFlagged(sessions, t));
        judge.Expect(excused, "sessions",
                     absl::StrCat("no closed session is ", ToText(ToldBy(t)), ", ended at second ",
                                  t.stopped_at_us / 1'000'000, Known(sessions, t)));
        continue;
      }
      for (auto it = first; it != last; ++it) CheckTruth(*it->second, t, judge);
      const bool one = std::next(first) == last;
      judge.Expect(one || first->second->flags_size() > 0, "sessions",
                   absl::StrCat("more than one session is ", ToText(ToldBy(t))));
    }
  }
  judge.statistics().sessions = sessions.size();
  for (const auto& [told, session] : closed) {
    if (session->flags_size() > 0 || truth.count(told) > 0) continue;
    judge.Violate("sessions",
                  absl::StrCat("session ", session->id(), " never was: ", ToText(told)));
  }
}

}  // namespace chargeledger::simulation
