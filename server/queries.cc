#include "server/queries.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/match.h"
#include "chargeledger/v1/entry.pb.h"
#include "log/replication/holder.h"
#include "projections/books.h"
#include "projections/keys.h"
#include "server/entry_lookup.h"
#include "server/log_lookup.h"
#include "server/view.h"

namespace chargeledger::server {
namespace {

using projections::Books;

bool Matches(const std::string& wanted, const std::string& value) {
  return wanted.empty() || wanted == value;
}

// The id of the session that was last begun on a connector, if it is still open.
absl::StatusOr<std::string> SessionInProgress(const View& view, const HeldLog& held,
                                              const v1::Connector& connector) {
  const std::string prefix = projections::StatePrefix(held.log_id(), Books::kSessions);
  CL_ASSIGN_OR_RETURN(
      std::optional<std::string> key,
      view.states().Get(prefix + projections::SessionBook::LastOnConnectorKey(
                                     connector.charge_point_id(), connector.evse_id() > 0
                                                                      ? connector.evse_id()
                                                                      : connector.connector_id())));
  if (!key.has_value()) return std::string();
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, view.states().Get(prefix + *key));
  v1::Session session;
  if (!stored.has_value() || !session.ParseFromString(*stored)) {
    return absl::DataLossError("a stored session cannot be read");
  }
  return session.state() == v1::SESSION_STATE_OPEN ? session.id() : std::string();
}

}  // namespace

absl::StatusOr<v1::ListSitesResponse> Queries::ListSites() const {
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
  std::map<std::pair<std::string, std::string>, v1::Site> sites;
  for (const HeldLog* held : view.logs()) {
    v1::Site& site = sites[{held->operator_name(), held->site()}];
    site.set_operator_(held->operator_name());
    site.set_site(held->site());
    site.set_log_count(site.log_count() + 1);
    site.set_replicating(site.replicating() || held->replicating());
    CL_RETURN_IF_ERROR(view.ForEach<v1::Station>(
        *held, Books::kStations, projections::kStationKind, [&](const v1::Station& station) {
          site.set_station_count(site.station_count() + 1);
          site.set_stations_connected(site.stations_connected() + (station.connected() ? 1 : 0));
          return true;
        }));
    for (const log::EventLog* log : held->generations()) {
      const uint64_t size = log->head().size;
      site.set_entry_count(site.entry_count() + size);
      if (size == 0) continue;
      CL_RETURN_IF_ERROR(
          log->Read(core::Sequence(size - 1), 1, [&](core::Sequence, absl::string_view bytes) {
            v1::Entry entry;
            if (entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
              site.set_last_entry_at_us(std::max(site.last_entry_at_us(), entry.wall_time_us()));
            }
            return true;
          }));
    }
  }
  v1::ListSitesResponse response;
  for (auto& [name, site] : sites) *response.add_sites() = site;
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::ListStationsResponse> Queries::ListStations(
    const v1::ListStationsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListStationsResponse response;
  for (const HeldLog* held : view.logs()) {
    CL_RETURN_IF_ERROR(view.ForEach<v1::Station>(*held, Books::kStations, projections::kStationKind,
                                                 [&](const v1::Station& station) {
                                                   *response.add_stations() = station;
                                                   return true;
                                                 }));
  }
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::ListConnectorsResponse> Queries::ListConnectors(
    const v1::ListConnectorsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListConnectorsResponse response;
  for (const HeldLog* held : view.logs()) {
    const int first = response.connectors_size();
    CL_RETURN_IF_ERROR(view.ForEach<v1::Connector>(
        *held, Books::kStations, projections::kConnectorKind, [&](const v1::Connector& connector) {
          *response.add_connectors() = connector;
          return true;
        }));
    for (int i = first; i < response.connectors_size(); ++i) {
      v1::Connector& connector = *response.mutable_connectors(i);
      CL_ASSIGN_OR_RETURN(*connector.mutable_session_id(),
                          SessionInProgress(view, *held, connector));
    }
  }
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::ListSessionsResponse> Queries::ListSessions(
    const v1::ListSessionsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListSessionsResponse response;
  CL_ASSIGN_OR_RETURN(
      *response.mutable_next_page_token(),
      view.Page<v1::Session>(
          Books::kSessions, projections::kSessionKind, request.page_token(), request.page_size(),
          [&](const v1::Session& session) {
            return Matches(request.charge_point_id(), session.charge_point_id()) &&
                   (request.state() == v1::SESSION_STATE_UNSPECIFIED ||
                    request.state() == session.state()) &&
                   (!request.held_only() || session.held()) &&
                   (request.flag() == v1::SESSION_FLAG_UNSPECIFIED ||
                    std::count(session.flags().begin(), session.flags().end(), request.flag()));
          },
          [&]() -> v1::Session& { return *response.add_sessions(); }));
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::GetSessionResponse> Queries::GetSession(
    const v1::GetSessionRequest& request) const {
  CL_ASSIGN_OR_RETURN(EntryId id, ParseEntryId("session id", request.id()));
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, "", history_, request.as_of()));
  v1::GetSessionResponse response;
  CL_RETURN_IF_ERROR(FindAt(view, id, Books::kSessions, projections::kSessionKind,
                            absl::StrCat("session ", request.id()), *response.mutable_session()));
  if (request.with_story()) {
    CL_ASSIGN_OR_RETURN(*response.mutable_story(), TellStory(view, id, response.session()));
  }
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::Status Queries::WatchSessions(
    const v1::WatchSessionsRequest& request,
    const std::function<bool(const v1::WatchSessionsResponse&)>& each,
    const std::function<bool()>& gone) const {
  if (feed_ == nullptr) return absl::UnimplementedError("nothing is watched here");
  auto watcher = SessionFeed::Watcher::Begin(*feed_);
  if (watcher == nullptr) {
    return absl::ResourceExhaustedError(absl::StrCat(
        SessionFeed::kMostWatchers, " are watching already; close one of them and try again"));
  }
  const auto wanted = [&](const v1::Session& session) {
    return Matches(request.charge_point_id(), session.charge_point_id()) &&
           (request.flag() == v1::SESSION_FLAG_UNSPECIFIED ||
            std::count(session.flags().begin(), session.flags().end(), request.flag()) > 0);
  };
  const auto send = [&](const View& view, const HeldLog& held, const v1::Session& session) {
    v1::WatchSessionsResponse response;
    *response.mutable_session() = session;
    auto position = view.PositionOf(held);
    if (position.ok()) *response.mutable_as_of() = *position;
    return each(response);
  };
  // First those that are open; what changes meanwhile waits in the feed.
  {
    CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, request.site()));
    for (const HeldLog* held : view.logs()) {
      CL_RETURN_IF_ERROR(view.ForEach<v1::Session>(
          *held, Books::kSessions, projections::kSessionKind, [&](const v1::Session& session) {
            if (session.state() != v1::SESSION_STATE_OPEN || !wanted(session)) return true;
            return send(view, *held, session);
          }));
    }
  }
  while (!gone() && !watcher->stopped()) {
    const SessionFeed::Changes changes = watcher->Wait(absl::Milliseconds(500));
    if (watcher->overrun()) {
      return absl::ResourceExhaustedError("the watcher is too far behind; begin again");
    }
    if (changes.empty()) continue;
    CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, request.site()));
    for (const auto& [log_id, key] : changes) {
      for (const HeldLog* held : view.logs()) {
        if (held->log_id() != log_id) continue;
        CL_ASSIGN_OR_RETURN(
            std::optional<std::string> stored,
            view.states().Get(projections::StatePrefix(log_id, Books::kSessions) + key));
        v1::Session session;
        if (!stored.has_value() || !session.ParseFromString(*stored) || !wanted(session)) continue;
        if (!send(view, *held, session)) return absl::OkStatus();
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListFaultsResponse> Queries::ListFaults(
    const v1::ListFaultsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  v1::ListFaultsResponse response;
  CL_ASSIGN_OR_RETURN(
      *response.mutable_next_page_token(),
      view.Page<v1::Fault>(
          Books::kFaults, projections::kFaultKind, request.page_token(), request.page_size(),
          [&](const v1::Fault& fault) {
            return Matches(request.charge_point_id(), fault.charge_point_id()) &&
                   (!request.active_only() || fault.active());
          },
          [&]() -> v1::Fault& { return *response.add_faults(); }));
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::ListTopFaultsResponse> Queries::ListTopFaults(
    const v1::ListTopFaultsRequest& request) const {
  CL_ASSIGN_OR_RETURN(View view,
                      View::Take(ledger_, states_, request.site(), history_, request.as_of()));
  using Key = std::tuple<v1::FaultKind, std::string, std::string>;
  std::map<Key, v1::FaultCount> counts;
  std::map<Key, std::set<std::string>> stations;
  for (const HeldLog* held : view.logs()) {
    CL_RETURN_IF_ERROR(view.ForEach<v1::Fault>(
        *held, Books::kFaults, projections::kFaultKind, [&](const v1::Fault& fault) {
          const Key key(fault.kind(), fault.code(), fault.vendor_code());
          v1::FaultCount& count = counts[key];
          count.set_kind(fault.kind());
          count.set_code(fault.code());
          count.set_vendor_code(fault.vendor_code());
          count.set_count(count.count() + 1);
          count.set_active(count.active() + (fault.active() ? 1 : 0));
          stations[key].insert(absl::StrCat(fault.site(), "/", fault.charge_point_id()));
          return true;
        }));
  }
  std::vector<v1::FaultCount> ordered;
  for (auto& [key, count] : counts) {
    count.set_stations(stations[key].size());
    ordered.push_back(count);
  }
  // Equal counts stay in the order of kind and code.
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.count() > b.count(); });
  v1::ListTopFaultsResponse response;
  const size_t limit = request.limit() == 0 ? 10 : request.limit();
  for (size_t i = 0; i < std::min(limit, ordered.size()); ++i) {
    *response.add_counts() = ordered[i];
  }
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::LogInfo> Queries::Describe(const HeldLog& held,
                                              const log::Reader& states) const {
  v1::LogInfo info;
  info.set_log_id(held.log_id().ToHex());
  info.set_operator_(held.operator_name());
  info.set_site(held.site());
  info.set_replicating(held.replicating());
  for (const log::EventLog* log : held.generations()) {
    v1::LogGeneration& generation = *info.add_generations();
    generation.set_generation(log->generation().value());
    *generation.mutable_head() = log::replication::ToProto(log->head());
  }
  if (const absl::Status damage = held.damage(); !damage.ok()) {
    info.set_damage(std::string(damage.message()));
  }
  if (auto author = held.author()) {
    *info.mutable_author_head() = author->head();
    info.set_author_generation(author->generation());
  }
  CL_ASSIGN_OR_RETURN(v1::StoredFold fold, projections::ReadPosition(states, held.log_id()));
  for (const v1::StoredFold::Part& part : fold.parts()) {
    v1::ProjectionState& state = *info.add_projections();
    state.set_name(part.name());
    state.set_version(part.version());
    state.set_generation(fold.generation());
    state.set_size(fold.size());
    state.set_digest(part.digest());
  }
  return info;
}

absl::StatusOr<v1::ListDivergencesResponse> Queries::ListDivergences(
    const v1::ListDivergencesRequest& request) const {
  std::string wanted;
  if (!request.log().empty()) {
    CL_ASSIGN_OR_RETURN(HeldLog * held, FindLog(ledger_, request.log()));
    wanted = std::string(held->log_id().bytes());
  }
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
  v1::ListDivergencesResponse response;
  std::vector<HeldLog*> recorded_in = view.logs();
  if (ledger_.control() != nullptr) recorded_in.push_back(ledger_.control());
  for (const HeldLog* held : recorded_in) {
    CL_RETURN_IF_ERROR(view.ForEach<v1::Divergence>(
        *held, Books::kDivergences, projections::kDivergenceKind,
        [&](const v1::Divergence& divergence) {
          const bool shown = (wanted.empty() || divergence.found().log_id() == wanted) &&
                             (!request.open_only() || !divergence.has_resolved());
          if (shown) *response.add_divergences() = divergence;
          return true;
        }));
  }
  std::stable_sort(response.mutable_divergences()->begin(), response.mutable_divergences()->end(),
                   [](const v1::Divergence& a, const v1::Divergence& b) {
                     return a.found_at_us() > b.found_at_us();
                   });
  CL_RETURN_IF_ERROR(view.SetAsOf(response));
  return response;
}

absl::StatusOr<v1::ListLogsResponse> Queries::ListLogs() const {
  CL_ASSIGN_OR_RETURN(View view, View::Take(ledger_, states_, ""));
  v1::ListLogsResponse response;
  for (const HeldLog* held : view.logs()) {
    CL_ASSIGN_OR_RETURN(*response.add_logs(), Describe(*held, view.states()));
  }
  return response;
}

absl::StatusOr<v1::GetLogHeadResponse> Queries::GetLogHead(
    const v1::GetLogHeadRequest& request) const {
  CL_ASSIGN_OR_RETURN(HeldLog * held, FindLog(ledger_, request.log()));
  CL_ASSIGN_OR_RETURN(log::EventLog * log, FindGeneration(*held, request.generation()));
  v1::GetLogHeadResponse response;
  CL_ASSIGN_OR_RETURN(*response.mutable_log(), Describe(*held, states_));
  response.set_generation(log->generation().value());
  log::TreeHead head = log->head();
  if (request.has_size()) {
    CL_ASSIGN_OR_RETURN(head.root, log->RootAt(request.size()));
    head.size = request.size();
  }
  *response.mutable_head() = log::replication::ToProto(head);
  return response;
}

}  // namespace chargeledger::server
