// OCPP 2.0.1 messages that the CSMS begins, as far as v201.h needs them (OCPP 2.0.1 part 2 §1).
#pragma once

#include <array>
#include <tuple>

#include "ocpp/shape.h"
#include "ocpp/v201_types.h"

namespace chargeledger::ocpp::v201 {

struct CancelReservationRequest : Extensible {
  Integer reservation_id;

  static constexpr auto Fields() {
    using M = CancelReservationRequest;
    return std::make_tuple(Field("reservationId", &M::reservation_id, kRequired));
  }
};

struct CancelReservationResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = CancelReservationResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

inline constexpr std::array kOperationalStatus = {"Inoperative", "Operative"};

struct ChangeAvailabilityRequest : Extensible {
  Maybe<EVSE> evse;
  Text operational_status;

  static constexpr auto Fields() {
    using M = ChangeAvailabilityRequest;
    return std::make_tuple(
        Field("evse", &M::evse),
        Field("operationalStatus", &M::operational_status, kRequired | OneOf(kOperationalStatus)));
  }
};

inline constexpr std::array kChangeAvailabilityStatus = {"Accepted", "Rejected", "Scheduled"};

struct ChangeAvailabilityResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = ChangeAvailabilityResponse;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kChangeAvailabilityStatus)),
        Field("statusInfo", &M::status_info));
  }
};

struct ClearCacheRequest : Extensible, Empty {};

struct ClearCacheResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = ClearCacheResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct ClearChargingProfile : Extensible {
  Integer evse_id, stack_level;
  Text charging_profile_purpose;

  static constexpr auto Fields() {
    using M = ClearChargingProfile;
    return std::make_tuple(Field("evseId", &M::evse_id),
                           Field("chargingProfilePurpose", &M::charging_profile_purpose,
                                 OneOf(kChargingProfilePurpose)),
                           Field("stackLevel", &M::stack_level));
  }
};

struct ClearChargingProfileRequest : Extensible {
  Integer charging_profile_id;
  Maybe<ClearChargingProfile> charging_profile_criteria;

  static constexpr auto Fields() {
    using M = ClearChargingProfileRequest;
    return std::make_tuple(Field("chargingProfileId", &M::charging_profile_id),
                           Field("chargingProfileCriteria", &M::charging_profile_criteria));
  }
};

inline constexpr std::array kClearChargingProfileStatus = {"Accepted", "Unknown"};

struct ClearChargingProfileResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = ClearChargingProfileResponse;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kClearChargingProfileStatus)),
        Field("statusInfo", &M::status_info));
  }
};

struct CostUpdatedRequest : Extensible {
  Decimal total_cost;
  Text transaction_id;

  static constexpr auto Fields() {
    using M = CostUpdatedRequest;
    return std::make_tuple(Field("totalCost", &M::total_cost, kRequired),
                           Field("transactionId", &M::transaction_id, kRequired | MaxLength(36)));
  }
};

struct CostUpdatedResponse : Extensible, Empty {};

struct ChargingProfileCriterion : Extensible {
  Text charging_profile_purpose;
  Integer stack_level;
  List<Integer> charging_profile_id;
  List<Text> charging_limit_source;

  static constexpr auto Fields() {
    using M = ChargingProfileCriterion;
    return std::make_tuple(Field("chargingProfilePurpose", &M::charging_profile_purpose,
                                 OneOf(kChargingProfilePurpose)),
                           Field("stackLevel", &M::stack_level),
                           Field("chargingProfileId", &M::charging_profile_id, MinItems(1)),
                           Field("chargingLimitSource", &M::charging_limit_source,
                                 MinItems(1) | MaxItems(4) | OneOf(kChargingLimitSource)));
  }
};

struct GetChargingProfilesRequest : Extensible {
  Integer request_id, evse_id;
  Maybe<ChargingProfileCriterion> charging_profile;

  static constexpr auto Fields() {
    using M = GetChargingProfilesRequest;
    return std::make_tuple(Field("requestId", &M::request_id, kRequired),
                           Field("evseId", &M::evse_id),
                           Field("chargingProfile", &M::charging_profile, kRequired));
  }
};

inline constexpr std::array kGetChargingProfileStatus = {"Accepted", "NoProfiles"};

struct GetChargingProfilesResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = GetChargingProfilesResponse;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kGetChargingProfileStatus)),
        Field("statusInfo", &M::status_info));
  }
};

struct GetCompositeScheduleRequest : Extensible {
  Integer duration, evse_id;
  Text charging_rate_unit;

  static constexpr auto Fields() {
    using M = GetCompositeScheduleRequest;
    return std::make_tuple(
        Field("duration", &M::duration, kRequired),
        Field("chargingRateUnit", &M::charging_rate_unit, OneOf(kChargingRateUnit)),
        Field("evseId", &M::evse_id, kRequired));
  }
};

struct CompositeSchedule : Extensible {
  List<ChargingSchedulePeriod> charging_schedule_period;
  Integer evse_id, duration;
  Text schedule_start, charging_rate_unit;

  static constexpr auto Fields() {
    using M = CompositeSchedule;
    return std::make_tuple(
        Field("chargingSchedulePeriod", &M::charging_schedule_period, kRequired | MinItems(1)),
        Field("evseId", &M::evse_id, kRequired), Field("duration", &M::duration, kRequired),
        Field("scheduleStart", &M::schedule_start, kRequired | kDateTime),
        Field("chargingRateUnit", &M::charging_rate_unit, kRequired | OneOf(kChargingRateUnit)));
  }
};

struct GetCompositeScheduleResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;
  Maybe<CompositeSchedule> schedule;

  static constexpr auto Fields() {
    using M = GetCompositeScheduleResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info), Field("schedule", &M::schedule));
  }
};

struct GetLocalListVersionRequest : Extensible, Empty {};

struct GetLocalListVersionResponse : Extensible {
  Integer version_number;

  static constexpr auto Fields() {
    using M = GetLocalListVersionResponse;
    return std::make_tuple(Field("versionNumber", &M::version_number, kRequired));
  }
};

struct LogParameters : Extensible {
  Text remote_location, oldest_timestamp, latest_timestamp;

  static constexpr auto Fields() {
    using M = LogParameters;
    return std::make_tuple(Field("remoteLocation", &M::remote_location, kRequired | MaxLength(512)),
                           Field("oldestTimestamp", &M::oldest_timestamp, kDateTime),
                           Field("latestTimestamp", &M::latest_timestamp, kDateTime));
  }
};

inline constexpr std::array kLog = {"DiagnosticsLog", "SecurityLog"};

struct GetLogRequest : Extensible {
  Maybe<LogParameters> log;
  Text log_type;
  Integer request_id, retries, retry_interval;

  static constexpr auto Fields() {
    using M = GetLogRequest;
    return std::make_tuple(
        Field("log", &M::log, kRequired), Field("logType", &M::log_type, kRequired | OneOf(kLog)),
        Field("requestId", &M::request_id, kRequired), Field("retries", &M::retries),
        Field("retryInterval", &M::retry_interval));
  }
};

inline constexpr std::array kLogStatus = {"Accepted", "Rejected", "AcceptedCanceled"};

struct GetLogResponse : Extensible {
  Text status, filename;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = GetLogResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kLogStatus)),
                           Field("statusInfo", &M::status_info),
                           Field("filename", &M::filename, MaxLength(255)));
  }
};

struct GetTransactionStatusRequest : Extensible {
  Text transaction_id;

  static constexpr auto Fields() {
    using M = GetTransactionStatusRequest;
    return std::make_tuple(Field("transactionId", &M::transaction_id, MaxLength(36)));
  }
};

struct GetTransactionStatusResponse : Extensible {
  Boolean ongoing_indicator, messages_in_queue;

  static constexpr auto Fields() {
    using M = GetTransactionStatusResponse;
    return std::make_tuple(Field("ongoingIndicator", &M::ongoing_indicator),
                           Field("messagesInQueue", &M::messages_in_queue, kRequired));
  }
};

struct GetVariableData : Extensible {
  Text attribute_type;
  Maybe<Component> component;
  Maybe<Variable> variable;

  static constexpr auto Fields() {
    using M = GetVariableData;
    return std::make_tuple(Field("attributeType", &M::attribute_type, OneOf(kAttribute)),
                           Field("component", &M::component, kRequired),
                           Field("variable", &M::variable, kRequired));
  }
};

struct GetVariablesRequest : Extensible {
  List<GetVariableData> get_variable_data;

  static constexpr auto Fields() {
    using M = GetVariablesRequest;
    return std::make_tuple(
        Field("getVariableData", &M::get_variable_data, kRequired | MinItems(1)));
  }
};

inline constexpr std::array kGetVariableStatus = {"Accepted", "Rejected", "UnknownComponent",
                                                  "UnknownVariable", "NotSupportedAttributeType"};

struct GetVariableResult : Extensible {
  Maybe<StatusInfo> attribute_status_info;
  Text attribute_status, attribute_type, attribute_value;
  Maybe<Component> component;
  Maybe<Variable> variable;

  static constexpr auto Fields() {
    using M = GetVariableResult;
    return std::make_tuple(
        Field("attributeStatusInfo", &M::attribute_status_info),
        Field("attributeStatus", &M::attribute_status, kRequired | OneOf(kGetVariableStatus)),
        Field("attributeType", &M::attribute_type, OneOf(kAttribute)),
        Field("attributeValue", &M::attribute_value, MaxLength(2500)),
        Field("component", &M::component, kRequired), Field("variable", &M::variable, kRequired));
  }
};

struct GetVariablesResponse : Extensible {
  List<GetVariableResult> get_variable_result;

  static constexpr auto Fields() {
    using M = GetVariablesResponse;
    return std::make_tuple(
        Field("getVariableResult", &M::get_variable_result, kRequired | MinItems(1)));
  }
};

struct PublishFirmwareRequest : Extensible {
  Text location, checksum;
  Integer retries, request_id, retry_interval;

  static constexpr auto Fields() {
    using M = PublishFirmwareRequest;
    return std::make_tuple(
        Field("location", &M::location, kRequired | MaxLength(512)), Field("retries", &M::retries),
        Field("checksum", &M::checksum, kRequired | MaxLength(32)),
        Field("requestId", &M::request_id, kRequired), Field("retryInterval", &M::retry_interval));
  }
};

struct PublishFirmwareResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = PublishFirmwareResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct RequestStartTransactionRequest : Extensible {
  Integer evse_id, remote_start_id;
  Maybe<IdToken> group_id_token, id_token;
  Maybe<ChargingProfile> charging_profile;

  static constexpr auto Fields() {
    using M = RequestStartTransactionRequest;
    return std::make_tuple(Field("evseId", &M::evse_id), Field("groupIdToken", &M::group_id_token),
                           Field("idToken", &M::id_token, kRequired),
                           Field("remoteStartId", &M::remote_start_id, kRequired),
                           Field("chargingProfile", &M::charging_profile));
  }
};

struct RequestStartTransactionResponse : Extensible {
  Text status, transaction_id;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = RequestStartTransactionResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info),
                           Field("transactionId", &M::transaction_id, MaxLength(36)));
  }
};

struct RequestStopTransactionRequest : Extensible {
  Text transaction_id;

  static constexpr auto Fields() {
    using M = RequestStopTransactionRequest;
    return std::make_tuple(Field("transactionId", &M::transaction_id, kRequired | MaxLength(36)));
  }
};

struct RequestStopTransactionResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = RequestStopTransactionResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

inline constexpr std::array kConnector = {
    "cCCS1",       "cCCS2",       "cG105",          "cTesla",          "cType1",   "cType2",
    "s309-1P-16A", "s309-1P-32A", "s309-3P-16A",    "s309-3P-32A",     "sBS1361",  "sCEE-7-7",
    "sType2",      "sType3",      "Other1PhMax16A", "Other1PhOver16A", "Other3Ph", "Pan",
    "wInductive",  "wResonant",   "Undetermined",   "Unknown"};

struct ReserveNowRequest : Extensible {
  Integer id, evse_id;
  Text expiry_date_time, connector_type;
  Maybe<IdToken> id_token, group_id_token;

  static constexpr auto Fields() {
    using M = ReserveNowRequest;
    return std::make_tuple(Field("id", &M::id, kRequired),
                           Field("expiryDateTime", &M::expiry_date_time, kRequired | kDateTime),
                           Field("connectorType", &M::connector_type, OneOf(kConnector)),
                           Field("idToken", &M::id_token, kRequired), Field("evseId", &M::evse_id),
                           Field("groupIdToken", &M::group_id_token));
  }
};

inline constexpr std::array kReserveNowStatus = {"Accepted", "Faulted", "Occupied", "Rejected",
                                                 "Unavailable"};

struct ReserveNowResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = ReserveNowResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kReserveNowStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

inline constexpr std::array kReset = {"Immediate", "OnIdle"};

struct ResetRequest : Extensible {
  Text type;
  Integer evse_id;

  static constexpr auto Fields() {
    using M = ResetRequest;
    return std::make_tuple(Field("type", &M::type, kRequired | OneOf(kReset)),
                           Field("evseId", &M::evse_id));
  }
};

struct ResetResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = ResetResponse;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kChangeAvailabilityStatus)),
        Field("statusInfo", &M::status_info));
  }
};

struct AuthorizationData : Extensible {
  Maybe<IdToken> id_token;
  Maybe<IdTokenInfo> id_token_info;

  static constexpr auto Fields() {
    using M = AuthorizationData;
    return std::make_tuple(Field("idToken", &M::id_token, kRequired),
                           Field("idTokenInfo", &M::id_token_info));
  }
};

inline constexpr std::array kUpdate = {"Differential", "Full"};

struct SendLocalListRequest : Extensible {
  List<AuthorizationData> local_authorization_list;
  Integer version_number;
  Text update_type;

  static constexpr auto Fields() {
    using M = SendLocalListRequest;
    return std::make_tuple(
        Field("localAuthorizationList", &M::local_authorization_list, MinItems(1)),
        Field("versionNumber", &M::version_number, kRequired),
        Field("updateType", &M::update_type, kRequired | OneOf(kUpdate)));
  }
};

inline constexpr std::array kSendLocalListStatus = {"Accepted", "Failed", "VersionMismatch"};

struct SendLocalListResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = SendLocalListResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kSendLocalListStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct SetChargingProfileRequest : Extensible {
  Integer evse_id;
  Maybe<ChargingProfile> charging_profile;

  static constexpr auto Fields() {
    using M = SetChargingProfileRequest;
    return std::make_tuple(Field("evseId", &M::evse_id, kRequired),
                           Field("chargingProfile", &M::charging_profile, kRequired));
  }
};

struct SetChargingProfileResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = SetChargingProfileResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct SetVariableData : Extensible {
  Text attribute_type, attribute_value;
  Maybe<Component> component;
  Maybe<Variable> variable;

  static constexpr auto Fields() {
    using M = SetVariableData;
    return std::make_tuple(
        Field("attributeType", &M::attribute_type, OneOf(kAttribute)),
        Field("attributeValue", &M::attribute_value, kRequired | MaxLength(1000)),
        Field("component", &M::component, kRequired), Field("variable", &M::variable, kRequired));
  }
};

struct SetVariablesRequest : Extensible {
  List<SetVariableData> set_variable_data;

  static constexpr auto Fields() {
    using M = SetVariablesRequest;
    return std::make_tuple(
        Field("setVariableData", &M::set_variable_data, kRequired | MinItems(1)));
  }
};

inline constexpr std::array kSetVariableStatus = {
    "Accepted",      "Rejected", "UnknownComponent", "UnknownVariable", "NotSupportedAttributeType",
    "RebootRequired"};

struct SetVariableResult : Extensible {
  Text attribute_type, attribute_status;
  Maybe<StatusInfo> attribute_status_info;
  Maybe<Component> component;
  Maybe<Variable> variable;

  static constexpr auto Fields() {
    using M = SetVariableResult;
    return std::make_tuple(
        Field("attributeType", &M::attribute_type, OneOf(kAttribute)),
        Field("attributeStatus", &M::attribute_status, kRequired | OneOf(kSetVariableStatus)),
        Field("attributeStatusInfo", &M::attribute_status_info),
        Field("component", &M::component, kRequired), Field("variable", &M::variable, kRequired));
  }
};

struct SetVariablesResponse : Extensible {
  List<SetVariableResult> set_variable_result;

  static constexpr auto Fields() {
    using M = SetVariablesResponse;
    return std::make_tuple(
        Field("setVariableResult", &M::set_variable_result, kRequired | MinItems(1)));
  }
};

inline constexpr std::array kMessageTrigger = {"BootNotification",
                                               "LogStatusNotification",
                                               "FirmwareStatusNotification",
                                               "Heartbeat",
                                               "MeterValues",
                                               "SignChargingStationCertificate",
                                               "SignV2GCertificate",
                                               "StatusNotification",
                                               "TransactionEvent",
                                               "SignCombinedCertificate",
                                               "PublishFirmwareStatusNotification"};

struct TriggerMessageRequest : Extensible {
  Maybe<EVSE> evse;
  Text requested_message;

  static constexpr auto Fields() {
    using M = TriggerMessageRequest;
    return std::make_tuple(Field("evse", &M::evse), Field("requestedMessage", &M::requested_message,
                                                          kRequired | OneOf(kMessageTrigger)));
  }
};

inline constexpr std::array kTriggerMessageStatus = {"Accepted", "Rejected", "NotImplemented"};

struct TriggerMessageResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = TriggerMessageResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kTriggerMessageStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct UnlockConnectorRequest : Extensible {
  Integer evse_id, connector_id;

  static constexpr auto Fields() {
    using M = UnlockConnectorRequest;
    return std::make_tuple(Field("evseId", &M::evse_id, kRequired),
                           Field("connectorId", &M::connector_id, kRequired));
  }
};

inline constexpr std::array kUnlockStatus = {"Unlocked", "UnlockFailed",
                                             "OngoingAuthorizedTransaction", "UnknownConnector"};

struct UnlockConnectorResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = UnlockConnectorResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUnlockStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

struct UnpublishFirmwareRequest : Extensible {
  Text checksum;

  static constexpr auto Fields() {
    using M = UnpublishFirmwareRequest;
    return std::make_tuple(Field("checksum", &M::checksum, kRequired | MaxLength(32)));
  }
};

inline constexpr std::array kUnpublishFirmwareStatus = {"DownloadOngoing", "NoFirmware",
                                                        "Unpublished"};

struct UnpublishFirmwareResponse : Extensible {
  Text status;

  static constexpr auto Fields() {
    using M = UnpublishFirmwareResponse;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kUnpublishFirmwareStatus)));
  }
};

struct Firmware : Extensible {
  Text location, retrieve_date_time, install_date_time, signing_certificate, signature;

  static constexpr auto Fields() {
    using M = Firmware;
    return std::make_tuple(Field("location", &M::location, kRequired | MaxLength(512)),
                           Field("retrieveDateTime", &M::retrieve_date_time, kRequired | kDateTime),
                           Field("installDateTime", &M::install_date_time, kDateTime),
                           Field("signingCertificate", &M::signing_certificate, MaxLength(5500)),
                           Field("signature", &M::signature, MaxLength(800)));
  }
};

struct UpdateFirmwareRequest : Extensible {
  Integer retries, retry_interval, request_id;
  Maybe<Firmware> firmware;

  static constexpr auto Fields() {
    using M = UpdateFirmwareRequest;
    return std::make_tuple(
        Field("retries", &M::retries), Field("retryInterval", &M::retry_interval),
        Field("requestId", &M::request_id, kRequired), Field("firmware", &M::firmware, kRequired));
  }
};

inline constexpr std::array kUpdateFirmwareStatus = {"Accepted", "Rejected", "AcceptedCanceled",
                                                     "InvalidCertificate", "RevokedCertificate"};

struct UpdateFirmwareResponse : Extensible {
  Text status;
  Maybe<StatusInfo> status_info;

  static constexpr auto Fields() {
    using M = UpdateFirmwareResponse;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUpdateFirmwareStatus)),
                           Field("statusInfo", &M::status_info));
  }
};

}  // namespace chargeledger::ocpp::v201
