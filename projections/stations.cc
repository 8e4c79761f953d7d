#include "projections/stations.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/timestamp.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;

v1::ConnectorState ToState(absl::string_view status) {  // OCPP 1.6 §7.7 ChargePointStatus
  static constexpr std::pair<absl::string_view, v1::ConnectorState> kStates[] = {
      {"Available", v1::CONNECTOR_STATE_AVAILABLE},
      {"Preparing", v1::CONNECTOR_STATE_PREPARING},
      {"Charging", v1::CONNECTOR_STATE_CHARGING},
      {"SuspendedEVSE", v1::CONNECTOR_STATE_SUSPENDED_EVSE},
      {"SuspendedEV", v1::CONNECTOR_STATE_SUSPENDED_EV},
      {"Finishing", v1::CONNECTOR_STATE_FINISHING},
      {"Reserved", v1::CONNECTOR_STATE_RESERVED},
      {"Unavailable", v1::CONNECTOR_STATE_UNAVAILABLE},
      {"Faulted", v1::CONNECTOR_STATE_FAULTED},
  };
  for (const auto& [name, state] : kStates) {
    if (status == name) return state;
  }
  return v1::CONNECTOR_STATE_UNKNOWN;
}

v1::Station LoadStation(const State& state, const Event& event, absl::string_view id) {
  v1::Station station;
  if (!GetMessage(state, ChargePointKey(kStationKind, id), station)) {
    station.set_site(std::string(event.site));
    station.set_charge_point_id(std::string(id));
  }
  return station;
}

void Save(State& state, const v1::Station& station) {
  PutMessage(state, ChargePointKey(kStationKind, station.charge_point_id()), station);
}

void Disconnect(const Event& event, v1::Station& station) {
  station.set_connected(false);
  station.set_connection_changed_at_us(event.received_at_us);
}

void DisconnectAll(const Event& event, State& state) {
  std::vector<v1::Station> connected;
  state.Scan(absl::string_view(&kStationKind, 1), [&](absl::string_view, absl::string_view value) {
    v1::Station station;
    if (station.ParseFromArray(value.data(), static_cast<int>(value.size())) &&
        station.connected()) {
      connected.push_back(station);
    }
    return true;
  });
  for (v1::Station& station : connected) {
    Disconnect(event, station);
    Save(state, station);
  }
}

}  // namespace

void Stations::Apply(const Event& event, State& state) {
  if (event.kind == Event::Kind::kOther) return OnOther(event, state);
  if (event.kind == Event::Kind::kUnreadable) return;
  v1::Station station = LoadStation(state, event, event.charge_point_id);
  if (event.direction == v1::DIRECTION_SENT) {
    station.set_frames_sent(station.frames_sent() + 1);
  } else {
    station.set_frames_received(station.frames_received() + 1);
    station.set_last_heard_at_us(event.received_at_us);
    if (event.kind == Event::Kind::kFrame && event.frame.type == ocpp::MessageType::kCall &&
        event.subprotocol == v1::SUBPROTOCOL_OCPP1_6) {
      OnCall(event, state, station);
    }
  }
  Save(state, station);
}

void Stations::OnOther(const Event& event, State& state) {
  const v1::Entry& entry = *event.entry;
  if (entry.has_connection_opened()) {
    v1::Station station = LoadStation(state, event, entry.connection_opened().charge_point_id());
    station.set_connected(true);
    station.set_connection(event.connection);
    station.set_connection_count(station.connection_count() + 1);
    station.set_connection_changed_at_us(event.received_at_us);
    station.set_last_heard_at_us(event.received_at_us);
    Save(state, station);
  } else if (entry.has_connection_closed()) {
    v1::Station station = LoadStation(state, event, entry.connection_closed().charge_point_id());
    // The close of a connection that another one has replaced comes late and says nothing about the
    // station.
    if (station.connection() != event.connection) return;
    Disconnect(event, station);
    Save(state, station);
  } else if (entry.has_log_opened()) {
    DisconnectAll(event, state);
  }
}

void Stations::OnCall(const Event& event, State& state, v1::Station& station) {
  if (event.frame.action == "StatusNotification") return OnStatus(event, state);
  if (event.frame.action != "BootNotification") return;
  auto boot = payload_.Read<v16::BootNotification>(event.frame.payload);
  if (!boot.ok()) return;
  station.set_vendor(std::string(boot->vendor));
  station.set_model(std::string(boot->model));
  station.set_serial_number(std::string(boot->serial_number));
  station.set_firmware_version(std::string(boot->firmware_version));
  station.set_boot_count(station.boot_count() + 1);
  station.set_last_boot_at_us(event.received_at_us);
}

void Stations::OnStatus(const Event& event, State& state) {
  auto status = payload_.Read<v16::StatusNotification>(event.frame.payload);
  if (!status.ok() || !status->connector_id.has_value() || *status->connector_id < 0 ||
      *status->connector_id > std::numeric_limits<int32_t>::max() || !status->status.has_value()) {
    return;
  }
  const std::string key = ChargePointKey(kConnectorKind, event.charge_point_id,
                                         static_cast<uint64_t>(*status->connector_id));
  v1::Connector connector;
  const bool known = GetMessage(state, key, connector);
  if (!known || absl::string_view(connector.raw_status()) != *status->status) {
    auto told = core::ParseTimestamp(status->timestamp.value_or(""));
    connector.set_since_told_us(told.ok() ? *told : 0);
    connector.set_since_received_us(event.received_at_us);
  }
  connector.set_site(std::string(event.site));
  connector.set_charge_point_id(std::string(event.charge_point_id));
  connector.set_connector_id(static_cast<uint32_t>(*status->connector_id));
  connector.set_state(ToState(*status->status));
  connector.set_raw_status(std::string(*status->status));
  connector.set_error_code(std::string(status->error_code.value_or("")));
  connector.set_vendor_error_code(std::string(status->vendor_error_code));
  connector.set_info(std::string(status->info));
  PutMessage(state, key, connector);
}

}  // namespace chargeledger::projections
