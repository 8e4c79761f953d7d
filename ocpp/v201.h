// OCPP 2.0.1 messages that a charging station begins, as far as sessions, status, faults, metering,
// authorization, reservation, smart charging, firmware and logs need them (OCPP 2.0.1 part 2 §1).
// payload_reader.h reads them.
#pragma once

#include <array>
#include <tuple>

#include "ocpp/shape.h"
#include "ocpp/v201_types.h"

namespace chargeledger::ocpp::v201 {

struct AuthorizeRequest : Extensible {
  Maybe<IdToken> id_token;
  Text certificate;
  List<OCSPRequestData> iso15118_certificate_hash_data;

  static constexpr auto Fields() {
    using M = AuthorizeRequest;
    return std::make_tuple(Field("idToken", &M::id_token, kRequired),
                           Field("certificate", &M::certificate, MaxLength(5500)),
                           Field("iso15118CertificateHashData", &M::iso15118_certificate_hash_data,
                                 MinItems(1) | MaxItems(4)));
  }
};

struct AuthorizeResponse : Extensible {
  Maybe<IdTokenInfo> id_token_info;
  Text certificate_status;

  static constexpr auto Fields() {
    using M = AuthorizeResponse;
    return std::make_tuple(
        Field("idTokenInfo", &M::id_token_info, kRequired),
        Field("certificateStatus", &M::certificate_status, OneOf(kAuthorizeCertificateStatus)));
  }
};

struct BootNotificationRequest : Extensible {
  Maybe<ChargingStation> charging_station;
  Text reason;

  static constexpr auto Fields() {
    using M = BootNotificationRequest;
    return std::make_tuple(Field("chargingStation", &M::charging_station, kRequired),
                           Field("reason", &M::reason, kRequired | OneOf(kBootReason)));
  }
};

struct BootNotificationResponse : Extensible {
  Text current_time, status;
  Integer interval;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = BootNotificationResponse;
    return std::make_tuple(Field("currentTime", &M::current_time, kRequired | kDateTime),
                           Field("interval", &M::interval, kRequired),
                           Field("status", &M::status, kRequired | OneOf(kRegistrationStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct ClearedChargingLimitRequest : Extensible {
  Text charging_limit_source;
  Integer evse_id;

  static constexpr auto Fields() {
    using M = ClearedChargingLimitRequest;
    return std::make_tuple(Field("chargingLimitSource", &M::charging_limit_source,
                                 kRequired | OneOf(kChargingLimitSource)),
                           Field("evseId", &M::evse_id));
  }
};

struct ClearedChargingLimitResponse : Extensible, Empty {};

struct DataTransferRequest : Extensible {
  Text message_id, vendor_id;
  Anything data;

  static constexpr auto Fields() {
    using M = DataTransferRequest;
    return std::make_tuple(Field("messageId", &M::message_id, MaxLength(50)),
                           Field("data", &M::data),
                           Field("vendorId", &M::vendor_id, kRequired | MaxLength(255)));
  }
};

struct DataTransferResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;
  Anything data;

  static constexpr auto Fields() {
    using M = DataTransferResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kDataTransferStatus)),
                           Field("statusInfo", &M::status_info), Field("data", &M::data));
  }
};

struct FirmwareStatusNotificationRequest : Extensible {
  Text status;
  Integer request_id;

  static constexpr auto Fields() {
    using M = FirmwareStatusNotificationRequest;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kFirmwareStatus)),
                           Field("requestId", &M::request_id));
  }
};

struct FirmwareStatusNotificationResponse : Extensible, Empty {};
struct HeartbeatRequest : Extensible, Empty {};

struct HeartbeatResponse : Extensible {
  Text current_time;

  static constexpr auto Fields() {
    using M = HeartbeatResponse;
    return std::make_tuple(Field("currentTime", &M::current_time, kRequired | kDateTime));
  }
};

struct LogStatusNotificationRequest : Extensible {
  Text status;
  Integer request_id;

  static constexpr auto Fields() {
    using M = LogStatusNotificationRequest;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUploadLogStatus)),
                           Field("requestId", &M::request_id));
  }
};

struct LogStatusNotificationResponse : Extensible, Empty {};

struct MeterValuesRequest : Extensible {
  Integer evse_id;
  List<MeterValue> meter_value;

  static constexpr auto Fields() {
    using M = MeterValuesRequest;
    return std::make_tuple(Field("evseId", &M::evse_id, kRequired),
                           Field("meterValue", &M::meter_value, kRequired | MinItems(1)));
  }
};

struct MeterValuesResponse : Extensible, Empty {};

struct NotifyChargingLimitRequest : Extensible {
  List<ChargingSchedule> charging_schedule;
  Integer evse_id;
  Maybe<ChargingLimit> charging_limit;

  static constexpr auto Fields() {
    using M = NotifyChargingLimitRequest;
    return std::make_tuple(Field("chargingSchedule", &M::charging_schedule, MinItems(1)),
                           Field("evseId", &M::evse_id),
                           Field("chargingLimit", &M::charging_limit, kRequired));
  }
};

struct NotifyChargingLimitResponse : Extensible, Empty {};

struct NotifyEVChargingNeedsRequest : Extensible {
  Integer max_schedule_tuples, evse_id;
  Maybe<ChargingNeeds> charging_needs;

  static constexpr auto Fields() {
    using M = NotifyEVChargingNeedsRequest;
    return std::make_tuple(Field("maxScheduleTuples", &M::max_schedule_tuples),
                           Field("chargingNeeds", &M::charging_needs, kRequired),
                           Field("evseId", &M::evse_id, kRequired));
  }
};

struct NotifyEVChargingNeedsResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = NotifyEVChargingNeedsResponse;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kNotifyEVChargingNeedsStatus)),
        Field("statusInfo", &M::status_info));
  }
};

struct NotifyEVChargingScheduleRequest : Extensible {
  Text time_base;
  Maybe<ChargingSchedule> charging_schedule;
  Integer evse_id;

  static constexpr auto Fields() {
    using M = NotifyEVChargingScheduleRequest;
    return std::make_tuple(Field("timeBase", &M::time_base, kRequired | kDateTime),
                           Field("chargingSchedule", &M::charging_schedule, kRequired),
                           Field("evseId", &M::evse_id, kRequired));
  }
};

struct NotifyEVChargingScheduleResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = NotifyEVChargingScheduleResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct NotifyEventRequest : Extensible {
  Text generated_at;
  Boolean tbc;
  Integer seq_no;
  List<EventData> event_data;

  static constexpr auto Fields() {
    using M = NotifyEventRequest;
    return std::make_tuple(Field("generatedAt", &M::generated_at, kRequired | kDateTime),
                           Field("tbc", &M::tbc), Field("seqNo", &M::seq_no, kRequired),
                           Field("eventData", &M::event_data, kRequired | MinItems(1)));
  }
};

struct NotifyEventResponse : Extensible, Empty {};

struct NotifyReportRequest : Extensible {
  Integer request_id, seq_no;
  Text generated_at;
  List<ReportData> report_data;
  Boolean tbc;

  static constexpr auto Fields() {
    using M = NotifyReportRequest;
    return std::make_tuple(Field("requestId", &M::request_id, kRequired),
                           Field("generatedAt", &M::generated_at, kRequired | kDateTime),
                           Field("reportData", &M::report_data, MinItems(1)), Field("tbc", &M::tbc),
                           Field("seqNo", &M::seq_no, kRequired));
  }
};

struct NotifyReportResponse : Extensible, Empty {};

struct PublishFirmwareStatusNotificationRequest : Extensible {
  Text status;
  List<Text> location;
  Integer request_id;

  static constexpr auto Fields() {
    using M = PublishFirmwareStatusNotificationRequest;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kPublishFirmwareStatus)),
                           Field("location", &M::location, MinItems(1) | MaxLength(512)),
                           Field("requestId", &M::request_id));
  }
};

struct PublishFirmwareStatusNotificationResponse : Extensible, Empty {};

struct ReportChargingProfilesRequest : Extensible {
  Integer request_id, evse_id;
  Text charging_limit_source;
  List<ChargingProfile> charging_profile;
  Boolean tbc;

  static constexpr auto Fields() {
    using M = ReportChargingProfilesRequest;
    return std::make_tuple(Field("requestId", &M::request_id, kRequired),
                           Field("chargingLimitSource", &M::charging_limit_source,
                                 kRequired | OneOf(kChargingLimitSource)),
                           Field("chargingProfile", &M::charging_profile, kRequired | MinItems(1)),
                           Field("tbc", &M::tbc), Field("evseId", &M::evse_id, kRequired));
  }
};

struct ReportChargingProfilesResponse : Extensible, Empty {};

struct ReservationStatusUpdateRequest : Extensible {
  Integer reservation_id;
  Text reservation_update_status;

  static constexpr auto Fields() {
    using M = ReservationStatusUpdateRequest;
    return std::make_tuple(Field("reservationId", &M::reservation_id, kRequired),
                           Field("reservationUpdateStatus", &M::reservation_update_status,
                                 kRequired | OneOf(kReservationUpdateStatus)));
  }
};

struct ReservationStatusUpdateResponse : Extensible, Empty {};

struct SecurityEventNotificationRequest : Extensible {
  Text type, timestamp, tech_info;

  static constexpr auto Fields() {
    using M = SecurityEventNotificationRequest;
    return std::make_tuple(Field("type", &M::type, kRequired | MaxLength(50)),
                           Field("timestamp", &M::timestamp, kRequired | kDateTime),
                           Field("techInfo", &M::tech_info, MaxLength(255)));
  }
};

struct SecurityEventNotificationResponse : Extensible, Empty {};

struct StatusNotificationRequest : Extensible {
  Text timestamp, connector_status;
  Integer evse_id, connector_id;

  static constexpr auto Fields() {
    using M = StatusNotificationRequest;
    return std::make_tuple(
        Field("timestamp", &M::timestamp, kRequired | kDateTime),
        Field("connectorStatus", &M::connector_status, kRequired | OneOf(kConnectorStatus)),
        Field("evseId", &M::evse_id, kRequired), Field("connectorId", &M::connector_id, kRequired));
  }
};

struct StatusNotificationResponse : Extensible, Empty {};

struct TransactionEventRequest : Extensible {
  Text event_type, timestamp, trigger_reason;
  List<MeterValue> meter_value;
  Integer seq_no, number_of_phases_used, cable_max_current, reservation_id;
  Boolean offline;
  Maybe<Transaction> transaction_info;
  Maybe<EVSE> evse;
  Maybe<IdToken> id_token;

  static constexpr auto Fields() {
    using M = TransactionEventRequest;
    return std::make_tuple(
        Field("eventType", &M::event_type, kRequired | OneOf(kTransactionEvent)),
        Field("meterValue", &M::meter_value, MinItems(1)),
        Field("timestamp", &M::timestamp, kRequired | kDateTime),
        Field("triggerReason", &M::trigger_reason, kRequired | OneOf(kTriggerReason)),
        Field("seqNo", &M::seq_no, kRequired), Field("offline", &M::offline),
        Field("numberOfPhasesUsed", &M::number_of_phases_used),
        Field("cableMaxCurrent", &M::cable_max_current), Field("reservationId", &M::reservation_id),
        Field("transactionInfo", &M::transaction_info, kRequired), Field("evse", &M::evse),
        Field("idToken", &M::id_token));
  }
};

struct TransactionEventResponse : Extensible {
  Decimal total_cost;
  Integer charging_priority;
  Maybe<IdTokenInfo> id_token_info;
  Maybe<MessageContent> updated_personal_message;

  static constexpr auto Fields() {
    using M = TransactionEventResponse;
    return std::make_tuple(Field("totalCost", &M::total_cost),
                           Field("chargingPriority", &M::charging_priority),
                           Field("idTokenInfo", &M::id_token_info),
                           Field("updatedPersonalMessage", &M::updated_personal_message));
  }
};

}  // namespace chargeledger::ocpp::v201
