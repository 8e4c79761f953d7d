// OCPP 1.6 messages that a charge point begins (OCPP 1.6 edition 2 §6, and the security whitepaper
// edition 3), and what they are made of. Names are the standard's, .req and .conf as Req and Conf.
// payload_reader.h reads them.
#pragma once

#include <array>
#include <tuple>

#include "ocpp/shape.h"

namespace chargeledger::ocpp::v16 {

struct AuthorizeReq {
  Text id_tag;

  static constexpr auto Fields() {
    using M = AuthorizeReq;
    return std::make_tuple(Field("idTag", &M::id_tag, kRequired | MaxLength(20)));
  }
};

inline constexpr std::array kAuthorizationStatus = {"Accepted", "Blocked", "Expired", "Invalid",
                                                    "ConcurrentTx"};

struct IdTagInfo {
  Text expiry_date, parent_id_tag, status;

  static constexpr auto Fields() {
    using M = IdTagInfo;
    return std::make_tuple(Field("expiryDate", &M::expiry_date, kDateTime),
                           Field("parentIdTag", &M::parent_id_tag, MaxLength(20)),
                           Field("status", &M::status, kRequired | OneOf(kAuthorizationStatus)));
  }
};

struct AuthorizeConf {
  Maybe<IdTagInfo> id_tag_info;

  static constexpr auto Fields() {
    using M = AuthorizeConf;
    return std::make_tuple(Field("idTagInfo", &M::id_tag_info, kRequired));
  }
};

struct BootNotificationReq {
  Text charge_point_vendor, charge_point_model, charge_point_serial_number,
      charge_box_serial_number, firmware_version, iccid, imsi, meter_type, meter_serial_number;

  static constexpr auto Fields() {
    using M = BootNotificationReq;
    return std::make_tuple(
        Field("chargePointVendor", &M::charge_point_vendor, kRequired | MaxLength(20)),
        Field("chargePointModel", &M::charge_point_model, kRequired | MaxLength(20)),
        Field("chargePointSerialNumber", &M::charge_point_serial_number, MaxLength(25)),
        Field("chargeBoxSerialNumber", &M::charge_box_serial_number, MaxLength(25)),
        Field("firmwareVersion", &M::firmware_version, MaxLength(50)),
        Field("iccid", &M::iccid, MaxLength(20)), Field("imsi", &M::imsi, MaxLength(20)),
        Field("meterType", &M::meter_type, MaxLength(25)),
        Field("meterSerialNumber", &M::meter_serial_number, MaxLength(25)));
  }
};

inline constexpr std::array kRegistrationStatus = {"Accepted", "Pending", "Rejected"};

struct BootNotificationConf {
  Text status, current_time;
  Integer interval;

  static constexpr auto Fields() {
    using M = BootNotificationConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kRegistrationStatus)),
                           Field("currentTime", &M::current_time, kRequired | kDateTime),
                           Field("interval", &M::interval, kRequired));
  }
};

struct DataTransferReq {
  Text vendor_id, message_id, data;

  static constexpr auto Fields() {
    using M = DataTransferReq;
    return std::make_tuple(Field("vendorId", &M::vendor_id, kRequired | MaxLength(255)),
                           Field("messageId", &M::message_id, MaxLength(50)),
                           Field("data", &M::data));
  }
};

inline constexpr std::array kDataTransferStatus = {"Accepted", "Rejected", "UnknownMessageId",
                                                   "UnknownVendorId"};

struct DataTransferConf {
  Text status, data;

  static constexpr auto Fields() {
    using M = DataTransferConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kDataTransferStatus)),
                           Field("data", &M::data));
  }
};

inline constexpr std::array kDiagnosticsStatus = {"Idle", "Uploaded", "UploadFailed", "Uploading"};

struct DiagnosticsStatusNotificationReq {
  Text status;

  static constexpr auto Fields() {
    using M = DiagnosticsStatusNotificationReq;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kDiagnosticsStatus)));
  }
};

struct DiagnosticsStatusNotificationConf : Empty {};

inline constexpr std::array kFirmwareStatus = {"Downloaded", "DownloadFailed",     "Downloading",
                                               "Idle",       "InstallationFailed", "Installing",
                                               "Installed"};

struct FirmwareStatusNotificationReq {
  Text status;

  static constexpr auto Fields() {
    using M = FirmwareStatusNotificationReq;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kFirmwareStatus)));
  }
};

struct FirmwareStatusNotificationConf : Empty {};
struct HeartbeatReq : Empty {};

struct HeartbeatConf {
  Text current_time;

  static constexpr auto Fields() {
    using M = HeartbeatConf;
    return std::make_tuple(Field("currentTime", &M::current_time, kRequired | kDateTime));
  }
};

inline constexpr std::array kUploadLogStatus = {
    "BadMessage",    "Idle",     "NotSupportedOperation", "PermissionDenied", "Uploaded",
    "UploadFailure", "Uploading"};

struct LogStatusNotificationReq {
  Text status;
  Integer request_id;

  static constexpr auto Fields() {
    using M = LogStatusNotificationReq;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kUploadLogStatus)),
                           Field("requestId", &M::request_id));
  }
};

struct LogStatusNotificationConf : Empty {};

inline constexpr std::array kReadingContext = {
    "Interruption.Begin", "Interruption.End", "Sample.Clock", "Sample.Periodic",
    "Transaction.Begin",  "Transaction.End",  "Trigger",      "Other"};
inline constexpr std::array kValueFormat = {"Raw", "SignedData"};
inline constexpr std::array kMeasurand = {"Energy.Active.Export.Register",
                                          "Energy.Active.Import.Register",
                                          "Energy.Reactive.Export.Register",
                                          "Energy.Reactive.Import.Register",
                                          "Energy.Active.Export.Interval",
                                          "Energy.Active.Import.Interval",
                                          "Energy.Reactive.Export.Interval",
                                          "Energy.Reactive.Import.Interval",
                                          "Power.Active.Export",
                                          "Power.Active.Import",
                                          "Power.Offered",
                                          "Power.Reactive.Export",
                                          "Power.Reactive.Import",
                                          "Power.Factor",
                                          "Current.Import",
                                          "Current.Export",
                                          "Current.Offered",
                                          "Voltage",
                                          "Frequency",
                                          "Temperature",
                                          "SoC",
                                          "RPM"};
inline constexpr std::array kPhase = {"L1",   "L2",   "L3",    "N",     "L1-N",
                                      "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"};
inline constexpr std::array kLocation = {"Cable", "EV", "Inlet", "Outlet", "Body"};
inline constexpr std::array kUnitOfMeasure = {
    "Wh",   "kWh", "varh", "kvarh", "W",       "kW",      "VA",         "kVA",    "var",
    "kvar", "A",   "V",    "K",     "Celcius", "Celsius", "Fahrenheit", "Percent"};

struct SampledValue {
  Text value, context, format, measurand, phase, location, unit;

  static constexpr auto Fields() {
    using M = SampledValue;
    return std::make_tuple(
        Field("value", &M::value, kRequired), Field("context", &M::context, OneOf(kReadingContext)),
        Field("format", &M::format, OneOf(kValueFormat)),
        Field("measurand", &M::measurand, OneOf(kMeasurand)),
        Field("phase", &M::phase, OneOf(kPhase)), Field("location", &M::location, OneOf(kLocation)),
        Field("unit", &M::unit, OneOf(kUnitOfMeasure)));
  }
};

struct MeterValue {
  Text timestamp;
  List<SampledValue> sampled_value;

  static constexpr auto Fields() {
    using M = MeterValue;
    return std::make_tuple(Field("timestamp", &M::timestamp, kRequired | kDateTime),
                           Field("sampledValue", &M::sampled_value, kRequired));
  }
};

struct MeterValuesReq {
  Integer connector_id, transaction_id;
  List<MeterValue> meter_value;

  static constexpr auto Fields() {
    using M = MeterValuesReq;
    return std::make_tuple(Field("connectorId", &M::connector_id, kRequired),
                           Field("transactionId", &M::transaction_id),
                           Field("meterValue", &M::meter_value, kRequired));
  }
};

struct MeterValuesConf : Empty {};

struct SecurityEventNotificationReq {
  Text type, timestamp, tech_info;

  static constexpr auto Fields() {
    using M = SecurityEventNotificationReq;
    return std::make_tuple(Field("type", &M::type, kRequired | MaxLength(50)),
                           Field("timestamp", &M::timestamp, kRequired | kDateTime),
                           Field("techInfo", &M::tech_info, MaxLength(255)));
  }
};

struct SecurityEventNotificationConf : Empty {};

struct SignCertificateReq {
  Text csr;

  static constexpr auto Fields() {
    using M = SignCertificateReq;
    return std::make_tuple(Field("csr", &M::csr, kRequired | MaxLength(5500)));
  }
};

inline constexpr std::array kGenericStatus = {"Accepted", "Rejected"};

struct SignCertificateConf {
  Text status;

  static constexpr auto Fields() {
    using M = SignCertificateConf;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kGenericStatus)));
  }
};

inline constexpr std::array kSignedFirmwareStatus = {
    "Downloaded",         "DownloadFailed",   "Downloading",
    "DownloadScheduled",  "DownloadPaused",   "Idle",
    "InstallationFailed", "Installing",       "Installed",
    "InstallRebooting",   "InstallScheduled", "InstallVerificationFailed",
    "InvalidSignature",   "SignatureVerified"};

struct SignedFirmwareStatusNotificationReq {
  Text status;
  Integer request_id;

  static constexpr auto Fields() {
    using M = SignedFirmwareStatusNotificationReq;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kSignedFirmwareStatus)),
                           Field("requestId", &M::request_id));
  }
};

struct SignedFirmwareStatusNotificationConf : Empty {};

struct StartTransactionReq {
  Integer connector_id, reservation_id;
  Text id_tag, timestamp;
  Decimal meter_start;

  static constexpr auto Fields() {
    using M = StartTransactionReq;
    return std::make_tuple(Field("connectorId", &M::connector_id, kRequired),
                           Field("idTag", &M::id_tag, kRequired | MaxLength(20)),
                           Field("meterStart", &M::meter_start, kRequired | kWhole),
                           Field("reservationId", &M::reservation_id),
                           Field("timestamp", &M::timestamp, kRequired | kDateTime));
  }
};

struct StartTransactionConf {
  Maybe<IdTagInfo> id_tag_info;
  Integer transaction_id;

  static constexpr auto Fields() {
    using M = StartTransactionConf;
    return std::make_tuple(Field("idTagInfo", &M::id_tag_info, kRequired),
                           Field("transactionId", &M::transaction_id, kRequired));
  }
};

inline constexpr std::array kChargePointErrorCode = {"ConnectorLockFailure",
                                                     "EVCommunicationError",
                                                     "GroundFailure",
                                                     "HighTemperature",
                                                     "InternalError",
                                                     "LocalListConflict",
                                                     "NoError",
                                                     "OtherError",
                                                     "OverCurrentFailure",
                                                     "PowerMeterFailure",
                                                     "PowerSwitchFailure",
                                                     "ReaderFailure",
                                                     "ResetFailure",
                                                     "UnderVoltage",
                                                     "OverVoltage",
                                                     "WeakSignal"};
inline constexpr std::array kChargePointStatus = {"Available",     "Preparing",   "Charging",
                                                  "SuspendedEVSE", "SuspendedEV", "Finishing",
                                                  "Reserved",      "Unavailable", "Faulted"};

struct StatusNotificationReq {
  Integer connector_id;
  Text error_code, info, status, timestamp, vendor_id, vendor_error_code;

  static constexpr auto Fields() {
    using M = StatusNotificationReq;
    return std::make_tuple(
        Field("connectorId", &M::connector_id, kRequired),
        Field("errorCode", &M::error_code, kRequired | OneOf(kChargePointErrorCode)),
        Field("info", &M::info, MaxLength(50)),
        Field("status", &M::status, kRequired | OneOf(kChargePointStatus)),
        Field("timestamp", &M::timestamp, kDateTime),
        Field("vendorId", &M::vendor_id, MaxLength(255)),
        Field("vendorErrorCode", &M::vendor_error_code, MaxLength(50)));
  }
};

struct StatusNotificationConf : Empty {};

inline constexpr std::array kReason = {"EmergencyStop", "EVDisconnected", "HardReset",   "Local",
                                       "Other",         "PowerLoss",      "Reboot",      "Remote",
                                       "SoftReset",     "UnlockCommand",  "DeAuthorized"};

struct StopTransactionReq {
  Text id_tag, timestamp, reason;
  Decimal meter_stop;
  Integer transaction_id;
  List<MeterValue> transaction_data;

  static constexpr auto Fields() {
    using M = StopTransactionReq;
    return std::make_tuple(Field("idTag", &M::id_tag, MaxLength(20)),
                           Field("meterStop", &M::meter_stop, kRequired | kWhole),
                           Field("timestamp", &M::timestamp, kRequired | kDateTime),
                           Field("transactionId", &M::transaction_id, kRequired),
                           Field("reason", &M::reason, OneOf(kReason)),
                           Field("transactionData", &M::transaction_data));
  }
};

struct StopTransactionConf {
  Maybe<IdTagInfo> id_tag_info;

  static constexpr auto Fields() {
    using M = StopTransactionConf;
    return std::make_tuple(Field("idTagInfo", &M::id_tag_info));
  }
};

}  // namespace chargeledger::ocpp::v16
