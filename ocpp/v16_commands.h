// OCPP 1.6 messages that the central system begins (OCPP 1.6 edition 2 §6, and the security
// whitepaper edition 3).
#pragma once

#include <array>
#include <tuple>

#include "ocpp/shape.h"
#include "ocpp/v16.h"

namespace chargeledger::ocpp::v16 {

struct CancelReservationReq {
  Integer reservation_id;

  static constexpr auto Fields() {
    using M = CancelReservationReq;
    return std::make_tuple(Field("reservationId", &M::reservation_id, kRequired));
  }
};

struct CancelReservationConf {
  Text status;

  static constexpr auto Fields() {
    using M = CancelReservationConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

struct CertificateSignedReq {
  Text certificate_chain;

  static constexpr auto Fields() {
    using M = CertificateSignedReq;
    return std::make_tuple(
        Field("certificateChain", &M::certificate_chain, kRequired | MaxLength(10000)));
  }
};

struct CertificateSignedConf {
  Text status;

  static constexpr auto Fields() {
    using M = CertificateSignedConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

inline constexpr std::array kAvailabilityType = {"Inoperative", "Operative"};

struct ChangeAvailabilityReq {
  Integer connector_id;
  Text type;

  static constexpr auto Fields() {
    using M = ChangeAvailabilityReq;
    return std::make_tuple(Field("connectorId", &M::connector_id, kRequired),
                           Field("type", &M::type, kRequired | OneOf(kAvailabilityType)));
  }
};

inline constexpr std::array kAvailabilityStatus = {"Accepted", "Rejected", "Scheduled"};

struct ChangeAvailabilityConf {
  Text status;

  static constexpr auto Fields() {
    using M = ChangeAvailabilityConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kAvailabilityStatus)));
  }
};

struct ChangeConfigurationReq {
  Text key, value;

  static constexpr auto Fields() {
    using M = ChangeConfigurationReq;
    return std::make_tuple(Field("key", &M::key, kRequired | MaxLength(50)),
                           Field("value", &M::value, kRequired | MaxLength(500)));
  }
};

inline constexpr std::array kConfigurationStatus = {"Accepted", "Rejected", "RebootRequired",
                                                    "NotSupported"};

struct ChangeConfigurationConf {
  Text status;

  static constexpr auto Fields() {
    using M = ChangeConfigurationConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kConfigurationStatus)));
  }
};

struct ClearCacheReq : Empty {};

struct ClearCacheConf {
  Text status;

  static constexpr auto Fields() {
    using M = ClearCacheConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

inline constexpr std::array kChargingProfilePurposeType = {"ChargePointMaxProfile",
                                                           "TxDefaultProfile", "TxProfile"};

struct ClearChargingProfileReq {
  Integer id, connector_id, stack_level;
  Text charging_profile_purpose;

  static constexpr auto Fields() {
    using M = ClearChargingProfileReq;
    return std::make_tuple(Field("id", &M::id), Field("connectorId", &M::connector_id),
                           Field("chargingProfilePurpose", &M::charging_profile_purpose,
                                 OneOf(kChargingProfilePurposeType)),
                           Field("stackLevel", &M::stack_level));
  }
};

inline constexpr std::array kClearChargingProfileStatus = {"Accepted", "Unknown"};

struct ClearChargingProfileConf {
  Text status;

  static constexpr auto Fields() {
    using M = ClearChargingProfileConf;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kClearChargingProfileStatus)));
  }
};

inline constexpr std::array kHashAlgorithm = {"SHA256", "SHA384", "SHA512"};

struct CertificateHashData {
  Text hash_algorithm, issuer_name_hash, issuer_key_hash, serial_number;

  static constexpr auto Fields() {
    using M = CertificateHashData;
    return std::make_tuple(
        Field("hashAlgorithm", &M::hash_algorithm, kRequired | OneOf(kHashAlgorithm)),
        Field("issuerNameHash", &M::issuer_name_hash, kRequired | MaxLength(128)),
        Field("issuerKeyHash", &M::issuer_key_hash, kRequired | MaxLength(128)),
        Field("serialNumber", &M::serial_number, kRequired | MaxLength(40)));
  }
};

struct DeleteCertificateReq {
  Maybe<CertificateHashData> certificate_hash_data;

  static constexpr auto Fields() {
    using M = DeleteCertificateReq;
    return std::make_tuple(Field("certificateHashData", &M::certificate_hash_data, kRequired));
  }
};

inline constexpr std::array kDeleteCertificateStatus = {"Accepted", "Failed", "NotFound"};

struct DeleteCertificateConf {
  Text status;

  static constexpr auto Fields() {
    using M = DeleteCertificateConf;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kDeleteCertificateStatus)));
  }
};

inline constexpr std::array kExtendedMessageTrigger = {
    "BootNotification", "LogStatusNotification",      "FirmwareStatusNotification", "Heartbeat",
    "MeterValues",      "SignChargePointCertificate", "StatusNotification"};

struct ExtendedTriggerMessageReq {
  Text requested_message;
  Integer connector_id;

  static constexpr auto Fields() {
    using M = ExtendedTriggerMessageReq;
    return std::make_tuple(Field("requestedMessage", &M::requested_message,
                                 kRequired | OneOf(kExtendedMessageTrigger)),
                           Field("connectorId", &M::connector_id));
  }
};

inline constexpr std::array kTriggerMessageStatus = {"Accepted", "Rejected", "NotImplemented"};

struct ExtendedTriggerMessageConf {
  Text status;

  static constexpr auto Fields() {
    using M = ExtendedTriggerMessageConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kTriggerMessageStatus)));
  }
};

inline constexpr std::array kChargingRateUnitType = {"A", "W"};

struct GetCompositeScheduleReq {
  Integer connector_id, duration;
  Text charging_rate_unit;

  static constexpr auto Fields() {
    using M = GetCompositeScheduleReq;
    return std::make_tuple(
        Field("connectorId", &M::connector_id, kRequired),
        Field("duration", &M::duration, kRequired),
        Field("chargingRateUnit", &M::charging_rate_unit, OneOf(kChargingRateUnitType)));
  }
};

struct ChargingSchedulePeriod {
  Integer start_period, number_phases;
  Decimal limit;

  static constexpr auto Fields() {
    using M = ChargingSchedulePeriod;
    return std::make_tuple(Field("startPeriod", &M::start_period, kRequired),
                           Field("limit", &M::limit, kRequired | kTenths),
                           Field("numberPhases", &M::number_phases));
  }
};

struct ChargingSchedule {
  Integer duration;
  Text start_schedule, charging_rate_unit;
  List<ChargingSchedulePeriod> charging_schedule_period;
  Decimal min_charging_rate;

  static constexpr auto Fields() {
    using M = ChargingSchedule;
    return std::make_tuple(
        Field("duration", &M::duration), Field("startSchedule", &M::start_schedule, kDateTime),
        Field("chargingRateUnit", &M::charging_rate_unit, kRequired | OneOf(kChargingRateUnitType)),
        Field("chargingSchedulePeriod", &M::charging_schedule_period, kRequired),
        Field("minChargingRate", &M::min_charging_rate, kTenths));
  }
};

struct GetCompositeScheduleConf {
  Text status, schedule_start;
  Integer connector_id;
  Maybe<ChargingSchedule> charging_schedule;

  static constexpr auto Fields() {
    using M = GetCompositeScheduleConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)),
                           Field("connectorId", &M::connector_id),
                           Field("scheduleStart", &M::schedule_start, kDateTime),
                           Field("chargingSchedule", &M::charging_schedule));
  }
};

struct GetConfigurationReq {
  List<Text> key;

  static constexpr auto Fields() {
    using M = GetConfigurationReq;
    return std::make_tuple(Field("key", &M::key, MaxLength(50)));
  }
};

struct KeyValue {
  Text key, value;
  Boolean readonly;

  static constexpr auto Fields() {
    using M = KeyValue;
    return std::make_tuple(Field("key", &M::key, kRequired | MaxLength(50)),
                           Field("readonly", &M::readonly, kRequired),
                           Field("value", &M::value, MaxLength(500)));
  }
};

struct GetConfigurationConf {
  List<KeyValue> configuration_key;
  List<Text> unknown_key;

  static constexpr auto Fields() {
    using M = GetConfigurationConf;
    return std::make_tuple(Field("configurationKey", &M::configuration_key),
                           Field("unknownKey", &M::unknown_key, MaxLength(50)));
  }
};

struct GetDiagnosticsReq {
  Text location, start_time, stop_time;
  Integer retries, retry_interval;

  static constexpr auto Fields() {
    using M = GetDiagnosticsReq;
    return std::make_tuple(
        Field("location", &M::location, kRequired | kUri), Field("retries", &M::retries),
        Field("retryInterval", &M::retry_interval), Field("startTime", &M::start_time, kDateTime),
        Field("stopTime", &M::stop_time, kDateTime));
  }
};

struct GetDiagnosticsConf {
  Text file_name;

  static constexpr auto Fields() {
    using M = GetDiagnosticsConf;
    return std::make_tuple(Field("fileName", &M::file_name, MaxLength(255)));
  }
};

inline constexpr std::array kCertificateUse = {"CentralSystemRootCertificate",
                                               "ManufacturerRootCertificate"};

struct GetInstalledCertificateIdsReq {
  Text certificate_type;

  static constexpr auto Fields() {
    using M = GetInstalledCertificateIdsReq;
    return std::make_tuple(
        Field("certificateType", &M::certificate_type, kRequired | OneOf(kCertificateUse)));
  }
};

inline constexpr std::array kGetInstalledCertificateStatus = {"Accepted", "NotFound"};

struct GetInstalledCertificateIdsConf {
  List<CertificateHashData> certificate_hash_data;
  Text status;

  static constexpr auto Fields() {
    using M = GetInstalledCertificateIdsConf;
    return std::make_tuple(
        Field("certificateHashData", &M::certificate_hash_data, MinItems(1)),
        Field("status", &M::status, kRequired | OneOf(kGetInstalledCertificateStatus)));
  }
};

struct GetLocalListVersionReq : Empty {};

struct GetLocalListVersionConf {
  Integer list_version;

  static constexpr auto Fields() {
    using M = GetLocalListVersionConf;
    return std::make_tuple(Field("listVersion", &M::list_version, kRequired));
  }
};

struct LogParameters {
  Text remote_location, oldest_timestamp, latest_timestamp;

  static constexpr auto Fields() {
    using M = LogParameters;
    return std::make_tuple(Field("remoteLocation", &M::remote_location, kRequired | MaxLength(512)),
                           Field("oldestTimestamp", &M::oldest_timestamp, kDateTime),
                           Field("latestTimestamp", &M::latest_timestamp, kDateTime));
  }
};

inline constexpr std::array kLog = {"DiagnosticsLog", "SecurityLog"};

struct GetLogReq {
  Maybe<LogParameters> log;
  Text log_type;
  Integer request_id, retries, retry_interval;

  static constexpr auto Fields() {
    using M = GetLogReq;
    return std::make_tuple(
        Field("log", &M::log, kRequired), Field("logType", &M::log_type, kRequired | OneOf(kLog)),
        Field("requestId", &M::request_id, kRequired), Field("retries", &M::retries),
        Field("retryInterval", &M::retry_interval));
  }
};

inline constexpr std::array kLogStatus = {"Accepted", "Rejected", "AcceptedCanceled"};

struct GetLogConf {
  Text status, filename;

  static constexpr auto Fields() {
    using M = GetLogConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kLogStatus)),
                           Field("filename", &M::filename, MaxLength(255)));
  }
};

struct InstallCertificateReq {
  Text certificate_type, certificate;

  static constexpr auto Fields() {
    using M = InstallCertificateReq;
    return std::make_tuple(
        Field("certificateType", &M::certificate_type, kRequired | OneOf(kCertificateUse)),
        Field("certificate", &M::certificate, kRequired | MaxLength(5500)));
  }
};

inline constexpr std::array kInstallCertificateStatus = {"Accepted", "Failed", "Rejected"};

struct InstallCertificateConf {
  Text status;

  static constexpr auto Fields() {
    using M = InstallCertificateConf;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kInstallCertificateStatus)));
  }
};

inline constexpr std::array kChargingProfileKindType = {"Absolute", "Recurring", "Relative"};
inline constexpr std::array kRecurrencyKindType = {"Daily", "Weekly"};

struct ChargingProfile {
  Integer charging_profile_id, transaction_id, stack_level;
  Text charging_profile_purpose, charging_profile_kind, recurrency_kind, valid_from, valid_to;
  Maybe<ChargingSchedule> charging_schedule;

  static constexpr auto Fields() {
    using M = ChargingProfile;
    return std::make_tuple(
        Field("chargingProfileId", &M::charging_profile_id, kRequired),
        Field("transactionId", &M::transaction_id), Field("stackLevel", &M::stack_level, kRequired),
        Field("chargingProfilePurpose", &M::charging_profile_purpose,
              kRequired | OneOf(kChargingProfilePurposeType)),
        Field("chargingProfileKind", &M::charging_profile_kind,
              kRequired | OneOf(kChargingProfileKindType)),
        Field("recurrencyKind", &M::recurrency_kind, OneOf(kRecurrencyKindType)),
        Field("validFrom", &M::valid_from, kDateTime), Field("validTo", &M::valid_to, kDateTime),
        Field("chargingSchedule", &M::charging_schedule, kRequired));
  }
};

struct RemoteStartTransactionReq {
  Integer connector_id;
  Text id_tag;
  Maybe<ChargingProfile> charging_profile;

  static constexpr auto Fields() {
    using M = RemoteStartTransactionReq;
    return std::make_tuple(Field("connectorId", &M::connector_id),
                           Field("idTag", &M::id_tag, kRequired | MaxLength(20)),
                           Field("chargingProfile", &M::charging_profile));
  }
};

struct RemoteStartTransactionConf {
  Text status;

  static constexpr auto Fields() {
    using M = RemoteStartTransactionConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

struct RemoteStopTransactionReq {
  Integer transaction_id;

  static constexpr auto Fields() {
    using M = RemoteStopTransactionReq;
    return std::make_tuple(Field("transactionId", &M::transaction_id, kRequired));
  }
};

struct RemoteStopTransactionConf {
  Text status;

  static constexpr auto Fields() {
    using M = RemoteStopTransactionConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

struct ReserveNowReq {
  Integer connector_id, reservation_id;
  Text expiry_date, id_tag, parent_id_tag;

  static constexpr auto Fields() {
    using M = ReserveNowReq;
    return std::make_tuple(Field("connectorId", &M::connector_id, kRequired),
                           Field("expiryDate", &M::expiry_date, kRequired | kDateTime),
                           Field("idTag", &M::id_tag, kRequired | MaxLength(20)),
                           Field("parentIdTag", &M::parent_id_tag, MaxLength(20)),
                           Field("reservationId", &M::reservation_id, kRequired));
  }
};

inline constexpr std::array kReservationStatus = {"Accepted", "Faulted", "Occupied", "Rejected",
                                                  "Unavailable"};

struct ReserveNowConf {
  Text status;

  static constexpr auto Fields() {
    using M = ReserveNowConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kReservationStatus)));
  }
};

inline constexpr std::array kResetType = {"Hard", "Soft"};

struct ResetReq {
  Text type;

  static constexpr auto Fields() {
    using M = ResetReq;
    return std::make_tuple(Field("type", &M::type, kRequired | OneOf(kResetType)));
  }
};

struct ResetConf {
  Text status;

  static constexpr auto Fields() {
    using M = ResetConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

struct AuthorizationData {
  Text id_tag;
  Maybe<IdTagInfo> id_tag_info;

  static constexpr auto Fields() {
    using M = AuthorizationData;
    return std::make_tuple(Field("idTag", &M::id_tag, kRequired | MaxLength(20)),
                           Field("idTagInfo", &M::id_tag_info));
  }
};

inline constexpr std::array kUpdateType = {"Differential", "Full"};

struct SendLocalListReq {
  Integer list_version;
  List<AuthorizationData> local_authorization_list;
  Text update_type;

  static constexpr auto Fields() {
    using M = SendLocalListReq;
    return std::make_tuple(Field("listVersion", &M::list_version, kRequired),
                           Field("localAuthorizationList", &M::local_authorization_list),
                           Field("updateType", &M::update_type, kRequired | OneOf(kUpdateType)));
  }
};

inline constexpr std::array kUpdateStatus = {"Accepted", "Failed", "NotSupported",
                                             "VersionMismatch"};

struct SendLocalListConf {
  Text status;

  static constexpr auto Fields() {
    using M = SendLocalListConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUpdateStatus)));
  }
};

struct SetChargingProfileReq {
  Integer connector_id;
  Maybe<ChargingProfile> cs_charging_profiles;

  static constexpr auto Fields() {
    using M = SetChargingProfileReq;
    return std::make_tuple(Field("connectorId", &M::connector_id, kRequired),
                           Field("csChargingProfiles", &M::cs_charging_profiles, kRequired));
  }
};

inline constexpr std::array kChargingProfileStatus = {"Accepted", "Rejected", "NotSupported"};

struct SetChargingProfileConf {
  Text status;

  static constexpr auto Fields() {
    using M = SetChargingProfileConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kChargingProfileStatus)));
  }
};

struct Firmware {
  Text location, retrieve_date_time, install_date_time, signing_certificate, signature;

  static constexpr auto Fields() {
    using M = Firmware;
    return std::make_tuple(
        Field("location", &M::location, kRequired | MaxLength(512)),
        Field("retrieveDateTime", &M::retrieve_date_time, kRequired | kDateTime),
        Field("installDateTime", &M::install_date_time, kDateTime),
        Field("signingCertificate", &M::signing_certificate, kRequired | MaxLength(5500)),
        Field("signature", &M::signature, kRequired | MaxLength(800)));
  }
};

struct SignedUpdateFirmwareReq {
  Integer retries, retry_interval, request_id;
  Maybe<Firmware> firmware;

  static constexpr auto Fields() {
    using M = SignedUpdateFirmwareReq;
    return std::make_tuple(
        Field("retries", &M::retries), Field("retryInterval", &M::retry_interval),
        Field("requestId", &M::request_id, kRequired), Field("firmware", &M::firmware, kRequired));
  }
};

inline constexpr std::array kUpdateFirmwareStatus = {"Accepted", "Rejected", "AcceptedCanceled",
                                                     "InvalidCertificate", "RevokedCertificate"};

struct SignedUpdateFirmwareConf {
  Text status;

  static constexpr auto Fields() {
    using M = SignedUpdateFirmwareConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUpdateFirmwareStatus)));
  }
};

inline constexpr std::array kRequestedMessage = {"BootNotification",
                                                 "DiagnosticsStatusNotification",
                                                 "FirmwareStatusNotification",
                                                 "Heartbeat",
                                                 "MeterValues",
                                                 "StatusNotification"};

struct TriggerMessageReq {
  Text requested_message;
  Integer connector_id;

  static constexpr auto Fields() {
    using M = TriggerMessageReq;
    return std::make_tuple(
        Field("requestedMessage", &M::requested_message, kRequired | OneOf(kRequestedMessage)),
        Field("connectorId", &M::connector_id));
  }
};

struct TriggerMessageConf {
  Text status;

  static constexpr auto Fields() {
    using M = TriggerMessageConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kTriggerMessageStatus)));
  }
};

struct UnlockConnectorReq {
  Integer connector_id;

  static constexpr auto Fields() {
    using M = UnlockConnectorReq;
    return std::make_tuple(Field("connectorId", &M::connector_id, kRequired));
  }
};

inline constexpr std::array kUnlockStatus = {"Unlocked", "UnlockFailed", "NotSupported"};

struct UnlockConnectorConf {
  Text status;

  static constexpr auto Fields() {
    using M = UnlockConnectorConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUnlockStatus)));
  }
};

struct UpdateFirmwareReq {
  Text location, retrieve_date;
  Integer retries, retry_interval;

  static constexpr auto Fields() {
    using M = UpdateFirmwareReq;
    return std::make_tuple(Field("location", &M::location, kRequired | kUri),
                           Field("retries", &M::retries),
                           Field("retrieveDate", &M::retrieve_date, kRequired | kDateTime),
                           Field("retryInterval", &M::retry_interval));
  }
};

struct UpdateFirmwareConf : Empty {};

}  // namespace chargeledger::ocpp::v16
