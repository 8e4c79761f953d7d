#include "projections/stations.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/timestamp.h"
#include "ocpp/v16.h"
#include "ocpp/v201.h"
#include "projections/keys.h"

namespace chargeledger::projections {
namespace {

namespace v16 = ocpp::v16;
namespace v201 = ocpp::v201;

constexpr int64_t kMostConnector = 0xffff;

v1::ConnectorState ToState(absl::string_view status) {  // OCPP 1.6 §7.7, 2.0.1 §3.20
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
      {"Occupied", v1::CONNECTOR_STATE_OCCUPIED},
  };
  for (const auto& [name, state] : kStates) {
    if (status == name) return state;
  }
  return v1::CONNECTOR_STATE_UNKNOWN;
}

v1::Station& LoadStation(State& state, const Event& event, absl::string_view id) {
  auto& station = state.FindOrCreate<v1::Station>(ChargePointKey(kStationKind, id));
  if (station.charge_point_id().empty()) {
    station.set_site(std::string(event.site));
    station.set_charge_point_id(std::string(id));
  }
  return station;
}

void Disconnect(const Event& event, v1::Station& station) {
  station.set_connected(false);
  station.set_connection_changed_at_us(event.received_at_us);
}

// The connector's state, which it enters if it was in another.
v1::Connector& Enter(const Event& event, State& state, uint32_t evse, uint32_t connector_id,
                     absl::string_view status, std::optional<absl::string_view> timestamp) {
  auto& connector = state.FindOrCreate<v1::Connector>(ChargePointKey(
      kConnectorKind, event.charge_point_id, uint64_t{evse} << 16 | uint64_t{connector_id}));
  if (connector.charge_point_id().empty() || absl::string_view(connector.raw_status()) != status) {
    auto told = core::ParseTimestamp(timestamp.value_or(""));
    connector.set_since_told_us(told.ok() ? *told : 0);
    connector.set_since_received_us(event.received_at_us);
  }
  connector.set_site(std::string(event.site));
  connector.set_charge_point_id(std::string(event.charge_point_id));
  connector.set_evse_id(evse);
  connector.set_connector_id(connector_id);
  connector.set_state(ToState(status));
  connector.set_raw_status(std::string(status));
  return connector;
}

void DisconnectAll(const Event& event, State& state) {
  std::vector<std::string> stations;
  state.Scan(absl::string_view(&kStationKind, 1), [&](absl::string_view key, absl::string_view) {
    stations.emplace_back(key);
    return true;
  });
  for (const std::string& key : stations) {
    auto* station = state.Find<v1::Station>(key);
    if (station != nullptr && station->connected()) Disconnect(event, *station);
  }
}

}  // namespace

void Stations::Apply(const Event& event, State& state) {
  if (event.kind == Event::Kind::kOther) return OnOther(event, state);
  if (event.kind == Event::Kind::kUnreadable) return;
  v1::Station& station = LoadStation(state, event, event.charge_point_id);
  if (event.direction == v1::DIRECTION_SENT) {
    station.set_frames_sent(station.frames_sent() + 1);
  } else {
    station.set_frames_received(station.frames_received() + 1);
    station.set_last_heard_at_us(event.received_at_us);
    if (event.kind == Event::Kind::kFrame && event.frame.type == ocpp::MessageType::kCall) {
      OnCall(event, state, station);
    }
  }
}

void Stations::OnOther(const Event& event, State& state) {
  const v1::Entry& entry = *event.entry;
  if (entry.has_connection_opened()) {
    v1::Station& station = LoadStation(state, event, entry.connection_opened().charge_point_id());
    station.set_connected(true);
    station.set_connection(event.connection);
    station.set_connection_count(station.connection_count() + 1);
    station.set_connection_changed_at_us(event.received_at_us);
    station.set_last_heard_at_us(event.received_at_us);
  } else if (entry.has_connection_closed()) {
    v1::Station& station = LoadStation(state, event, entry.connection_closed().charge_point_id());
    // The close of a connection that another one has replaced comes late and says nothing about the
    // station.
    if (station.connection() != event.connection) return;
    Disconnect(event, station);
  } else if (entry.has_log_opened()) {
    DisconnectAll(event, state);
  }
}

void Stations::OnCall(const Event& event, State& state, v1::Station& station) {
  const bool v16 = event.subprotocol == v1::SUBPROTOCOL_OCPP1_6;
  if (event.frame.action == "StatusNotification") {
    return v16 ? OnStatus(event, state) : OnStatus2(event, state);
  }
  if (event.frame.action == "BootNotification") OnBoot(event, station);
}

void Stations::OnBoot(const Event& event, v1::Station& station) {
  const auto set = [&](const ocpp::Text& vendor, const ocpp::Text& model, const ocpp::Text& serial,
                       const ocpp::Text& firmware) {
    station.set_vendor(std::string(vendor.value_or("")));
    station.set_model(std::string(model.value_or("")));
    station.set_serial_number(std::string(serial.value_or("")));
    station.set_firmware_version(std::string(firmware.value_or("")));
    station.set_boot_count(station.boot_count() + 1);
    station.set_last_boot_at_us(event.received_at_us);
  };
  if (event.subprotocol == v1::SUBPROTOCOL_OCPP1_6) {
    v16::BootNotificationReq boot;
    if (!payload_.Read(event.frame.payload, boot).ok()) return;
    return set(boot.charge_point_vendor, boot.charge_point_model,
               boot.charge_point_serial_number.has_value() ? boot.charge_point_serial_number
                                                           : boot.charge_box_serial_number,
               boot.firmware_version);
  }
  v201::BootNotificationRequest boot;
  if (!payload_.Read(event.frame.payload, boot).ok()) return;
  const v201::ChargingStation none;
  const v201::ChargingStation& station2 =
      boot.charging_station.has_value() ? *boot.charging_station : none;
  set(station2.vendor_name, station2.model, station2.serial_number, station2.firmware_version);
}

void Stations::OnStatus(const Event& event, State& state) {
  v16::StatusNotificationReq status;
  if (!payload_.Read(event.frame.payload, status).ok() || !status.connector_id.has_value() ||
      *status.connector_id < 0 || *status.connector_id > kMostConnector ||
      !status.status.has_value()) {
    return;
  }
  v1::Connector& connector = Enter(event, state, 0, static_cast<uint32_t>(*status.connector_id),
                                   *status.status, status.timestamp);
  connector.set_error_code(std::string(status.error_code.value_or("")));
  connector.set_vendor_error_code(std::string(status.vendor_error_code.value_or("")));
  connector.set_info(std::string(status.info.value_or("")));
}

void Stations::OnStatus2(const Event& event, State& state) {
  v201::StatusNotificationRequest status;
  const auto fits = [](const ocpp::Integer& id) {
    return id.has_value() && *id >= 0 && *id <= kMostConnector;
  };
  if (!payload_.Read(event.frame.payload, status).ok() || !fits(status.evse_id) ||
      !fits(status.connector_id) || !status.connector_status.has_value()) {
    return;
  }
  Enter(event, state, static_cast<uint32_t>(*status.evse_id),
        static_cast<uint32_t>(*status.connector_id), *status.connector_status, status.timestamp);
}

}  // namespace chargeledger::projections
