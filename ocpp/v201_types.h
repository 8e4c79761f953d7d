// What OCPP 2.0.1 messages that a charging station begins are made of (OCPP 2.0.1 part 2, §2 and §3
// datatypes and enumerations). Names are the standard's, without Type and EnumType.
#pragma once

#include <array>
#include <tuple>

#include "ocpp/shape.h"

namespace chargeledger::ocpp::v201 {

struct AdditionalInfo : Extensible {
  Text additional_id_token, type;

  static constexpr auto Fields() {
    using M = AdditionalInfo;
    return std::make_tuple(
        Field("additionalIdToken", &M::additional_id_token, kRequired | MaxLength(36)),
        Field("type", &M::type, kRequired | MaxLength(50)));
  }
};

inline constexpr std::array kIdToken = {"Central", "eMAID", "ISO14443",   "ISO15693",
                                        "KeyCode", "Local", "MacAddress", "NoAuthorization"};

struct IdToken : Extensible {
  List<AdditionalInfo> additional_info;
  Text id_token, type;

  static constexpr auto Fields() {
    using M = IdToken;
    return std::make_tuple(Field("additionalInfo", &M::additional_info, MinItems(1)),
                           Field("idToken", &M::id_token, kRequired | MaxLength(36)),
                           Field("type", &M::type, kRequired | OneOf(kIdToken)));
  }
};

inline constexpr std::array kHashAlgorithm = {"SHA256", "SHA384", "SHA512"};

struct OCSPRequestData : Extensible {
  Text hash_algorithm, issuer_name_hash, issuer_key_hash, serial_number, responder_url;

  static constexpr auto Fields() {
    using M = OCSPRequestData;
    return std::make_tuple(
        Field("hashAlgorithm", &M::hash_algorithm, kRequired | OneOf(kHashAlgorithm)),
        Field("issuerNameHash", &M::issuer_name_hash, kRequired | MaxLength(128)),
        Field("issuerKeyHash", &M::issuer_key_hash, kRequired | MaxLength(128)),
        Field("serialNumber", &M::serial_number, kRequired | MaxLength(40)),
        Field("responderURL", &M::responder_url, kRequired | MaxLength(512)));
  }
};

inline constexpr std::array kAuthorizationStatus = {
    "Accepted",           "Blocked",           "ConcurrentTx",  "Expired", "Invalid", "NoCredit",
    "NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime", "Unknown"};
inline constexpr std::array kMessageFormat = {"ASCII", "HTML", "URI", "UTF8"};

struct MessageContent : Extensible {
  Text format, language, content;

  static constexpr auto Fields() {
    using M = MessageContent;
    return std::make_tuple(Field("format", &M::format, kRequired | OneOf(kMessageFormat)),
                           Field("language", &M::language, MaxLength(8)),
                           Field("content", &M::content, kRequired | MaxLength(512)));
  }
};

struct IdTokenInfo : Extensible {
  Text status, cache_expiry_date_time, language1, language2;
  Integer charging_priority;
  List<Integer> evse_id;
  Maybe<IdToken> group_id_token;
  Maybe<MessageContent> personal_message;

  static constexpr auto Fields() {
    using M = IdTokenInfo;
    return std::make_tuple(
        Field("status", &M::status, kRequired | OneOf(kAuthorizationStatus)),
        Field("cacheExpiryDateTime", &M::cache_expiry_date_time, kDateTime),
        Field("chargingPriority", &M::charging_priority),
        Field("language1", &M::language1, MaxLength(8)), Field("evseId", &M::evse_id, MinItems(1)),
        Field("groupIdToken", &M::group_id_token), Field("language2", &M::language2, MaxLength(8)),
        Field("personalMessage", &M::personal_message));
  }
};

inline constexpr std::array kAuthorizeCertificateStatus = {
    "Accepted",           "SignatureError",         "CertificateExpired",
    "CertificateRevoked", "NoCertificateAvailable", "CertChainError",
    "ContractCancelled"};

struct Modem : Extensible {
  Text iccid, imsi;

  static constexpr auto Fields() {
    using M = Modem;
    return std::make_tuple(Field("iccid", &M::iccid, MaxLength(20)),
                           Field("imsi", &M::imsi, MaxLength(20)));
  }
};

struct ChargingStation : Extensible {
  Text serial_number, model, vendor_name, firmware_version;
  Maybe<Modem> modem;

  static constexpr auto Fields() {
    using M = ChargingStation;
    return std::make_tuple(Field("serialNumber", &M::serial_number, MaxLength(25)),
                           Field("model", &M::model, kRequired | MaxLength(20)),
                           Field("modem", &M::modem),
                           Field("vendorName", &M::vendor_name, kRequired | MaxLength(50)),
                           Field("firmwareVersion", &M::firmware_version, MaxLength(50)));
  }
};

inline constexpr std::array kBootReason = {"ApplicationReset", "FirmwareUpdate", "LocalReset",
                                           "PowerUp",          "RemoteReset",    "ScheduledReset",
                                           "Triggered",        "Unknown",        "Watchdog"};
inline constexpr std::array kRegistrationStatus = {"Accepted", "Pending", "Rejected"};

struct StatusInfo : Extensible {
  Text reason_code, additional_info;

  static constexpr auto Fields() {
    using M = StatusInfo;
    return std::make_tuple(Field("reasonCode", &M::reason_code, kRequired | MaxLength(20)),
                           Field("additionalInfo", &M::additional_info, MaxLength(512)));
  }
};

inline constexpr std::array kChargingLimitSource = {"EMS", "Other", "SO", "CSO"};
inline constexpr std::array kDataTransferStatus = {"Accepted", "Rejected", "UnknownMessageId",
                                                   "UnknownVendorId"};
inline constexpr std::array kFirmwareStatus = {
    "Downloaded",         "DownloadFailed",   "Downloading",
    "DownloadScheduled",  "DownloadPaused",   "Idle",
    "InstallationFailed", "Installing",       "Installed",
    "InstallRebooting",   "InstallScheduled", "InstallVerificationFailed",
    "InvalidSignature",   "SignatureVerified"};
inline constexpr std::array kUploadLogStatus = {
    "BadMessage",    "Idle",      "NotSupportedOperation", "PermissionDenied", "Uploaded",
    "UploadFailure", "Uploading", "AcceptedCanceled"};
inline constexpr std::array kReadingContext = {
    "Interruption.Begin", "Interruption.End",  "Other",           "Sample.Clock",
    "Sample.Periodic",    "Transaction.Begin", "Transaction.End", "Trigger"};
inline constexpr std::array kMeasurand = {"Current.Export",
                                          "Current.Import",
                                          "Current.Offered",
                                          "Energy.Active.Export.Register",
                                          "Energy.Active.Import.Register",
                                          "Energy.Reactive.Export.Register",
                                          "Energy.Reactive.Import.Register",
                                          "Energy.Active.Export.Interval",
                                          "Energy.Active.Import.Interval",
                                          "Energy.Active.Net",
                                          "Energy.Reactive.Export.Interval",
                                          "Energy.Reactive.Import.Interval",
                                          "Energy.Reactive.Net",
                                          "Energy.Apparent.Net",
                                          "Energy.Apparent.Import",
                                          "Energy.Apparent.Export",
                                          "Frequency",
                                          "Power.Active.Export",
                                          "Power.Active.Import",
                                          "Power.Factor",
                                          "Power.Offered",
                                          "Power.Reactive.Export",
                                          "Power.Reactive.Import",
                                          "SoC",
                                          "Voltage"};
inline constexpr std::array kPhase = {"L1",   "L2",   "L3",    "N",     "L1-N",
                                      "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"};
inline constexpr std::array kLocation = {"Body", "Cable", "EV", "Inlet", "Outlet"};

struct SignedMeterValue : Extensible {
  Text signed_meter_data, signing_method, encoding_method, public_key;

  static constexpr auto Fields() {
    using M = SignedMeterValue;
    return std::make_tuple(
        Field("signedMeterData", &M::signed_meter_data, kRequired | MaxLength(2500)),
        Field("signingMethod", &M::signing_method, kRequired | MaxLength(50)),
        Field("encodingMethod", &M::encoding_method, kRequired | MaxLength(50)),
        Field("publicKey", &M::public_key, kRequired | MaxLength(2500)));
  }
};

struct UnitOfMeasure : Extensible {
  Text unit;
  Integer multiplier;

  static constexpr auto Fields() {
    using M = UnitOfMeasure;
    return std::make_tuple(Field("unit", &M::unit, MaxLength(20)),
                           Field("multiplier", &M::multiplier));
  }
};

struct SampledValue : Extensible {
  Decimal value;
  Text context, measurand, phase, location;
  Maybe<SignedMeterValue> signed_meter_value;
  Maybe<UnitOfMeasure> unit_of_measure;

  static constexpr auto Fields() {
    using M = SampledValue;
    return std::make_tuple(
        Field("value", &M::value, kRequired), Field("context", &M::context, OneOf(kReadingContext)),
        Field("measurand", &M::measurand, OneOf(kMeasurand)),
        Field("phase", &M::phase, OneOf(kPhase)), Field("location", &M::location, OneOf(kLocation)),
        Field("signedMeterValue", &M::signed_meter_value),
        Field("unitOfMeasure", &M::unit_of_measure));
  }
};

struct MeterValue : Extensible {
  List<SampledValue> sampled_value;
  Text timestamp;

  static constexpr auto Fields() {
    using M = MeterValue;
    return std::make_tuple(Field("sampledValue", &M::sampled_value, kRequired | MinItems(1)),
                           Field("timestamp", &M::timestamp, kRequired | kDateTime));
  }
};

inline constexpr std::array kChargingRateUnit = {"W", "A"};

struct ChargingSchedulePeriod : Extensible {
  Integer start_period, number_phases, phase_to_use;
  Decimal limit;

  static constexpr auto Fields() {
    using M = ChargingSchedulePeriod;
    return std::make_tuple(
        Field("startPeriod", &M::start_period, kRequired), Field("limit", &M::limit, kRequired),
        Field("numberPhases", &M::number_phases), Field("phaseToUse", &M::phase_to_use));
  }
};

struct RelativeTimeInterval : Extensible {
  Integer start, duration;

  static constexpr auto Fields() {
    using M = RelativeTimeInterval;
    return std::make_tuple(Field("start", &M::start, kRequired), Field("duration", &M::duration));
  }
};

inline constexpr std::array kCostKind = {"CarbonDioxideEmission", "RelativePricePercentage",
                                         "RenewableGenerationPercentage"};

struct Cost : Extensible {
  Text cost_kind;
  Integer amount, amount_multiplier;

  static constexpr auto Fields() {
    using M = Cost;
    return std::make_tuple(Field("costKind", &M::cost_kind, kRequired | OneOf(kCostKind)),
                           Field("amount", &M::amount, kRequired),
                           Field("amountMultiplier", &M::amount_multiplier));
  }
};

struct ConsumptionCost : Extensible {
  Decimal start_value;
  List<Cost> cost;

  static constexpr auto Fields() {
    using M = ConsumptionCost;
    return std::make_tuple(Field("startValue", &M::start_value, kRequired),
                           Field("cost", &M::cost, kRequired | MinItems(1) | MaxItems(3)));
  }
};

struct SalesTariffEntry : Extensible {
  Maybe<RelativeTimeInterval> relative_time_interval;
  Integer e_price_level;
  List<ConsumptionCost> consumption_cost;

  static constexpr auto Fields() {
    using M = SalesTariffEntry;
    return std::make_tuple(
        Field("relativeTimeInterval", &M::relative_time_interval, kRequired),
        Field("ePriceLevel", &M::e_price_level, AtLeast(0)),
        Field("consumptionCost", &M::consumption_cost, MinItems(1) | MaxItems(3)));
  }
};

struct SalesTariff : Extensible {
  Integer id, num_e_price_levels;
  Text sales_tariff_description;
  List<SalesTariffEntry> sales_tariff_entry;

  static constexpr auto Fields() {
    using M = SalesTariff;
    return std::make_tuple(
        Field("id", &M::id, kRequired),
        Field("salesTariffDescription", &M::sales_tariff_description, MaxLength(32)),
        Field("numEPriceLevels", &M::num_e_price_levels),
        Field("salesTariffEntry", &M::sales_tariff_entry,
              kRequired | MinItems(1) | MaxItems(1024)));
  }
};

struct ChargingSchedule : Extensible {
  Integer id, duration;
  Text start_schedule, charging_rate_unit;
  List<ChargingSchedulePeriod> charging_schedule_period;
  Decimal min_charging_rate;
  Maybe<SalesTariff> sales_tariff;

  static constexpr auto Fields() {
    using M = ChargingSchedule;
    return std::make_tuple(
        Field("id", &M::id, kRequired), Field("startSchedule", &M::start_schedule, kDateTime),
        Field("duration", &M::duration),
        Field("chargingRateUnit", &M::charging_rate_unit, kRequired | OneOf(kChargingRateUnit)),
        Field("chargingSchedulePeriod", &M::charging_schedule_period,
              kRequired | MinItems(1) | MaxItems(1024)),
        Field("minChargingRate", &M::min_charging_rate), Field("salesTariff", &M::sales_tariff));
  }
};

struct ChargingLimit : Extensible {
  Text charging_limit_source;
  Boolean is_grid_critical;

  static constexpr auto Fields() {
    using M = ChargingLimit;
    return std::make_tuple(Field("chargingLimitSource", &M::charging_limit_source,
                                 kRequired | OneOf(kChargingLimitSource)),
                           Field("isGridCritical", &M::is_grid_critical));
  }
};

struct ACChargingParameters : Extensible {
  Integer energy_amount, ev_min_current, ev_max_current, ev_max_voltage;

  static constexpr auto Fields() {
    using M = ACChargingParameters;
    return std::make_tuple(Field("energyAmount", &M::energy_amount, kRequired),
                           Field("evMinCurrent", &M::ev_min_current, kRequired),
                           Field("evMaxCurrent", &M::ev_max_current, kRequired),
                           Field("evMaxVoltage", &M::ev_max_voltage, kRequired));
  }
};

struct DCChargingParameters : Extensible {
  Integer ev_max_current, ev_max_voltage, energy_amount, ev_max_power, state_of_charge,
      ev_energy_capacity, full_so_c, bulk_so_c;

  static constexpr auto Fields() {
    using M = DCChargingParameters;
    return std::make_tuple(Field("evMaxCurrent", &M::ev_max_current, kRequired),
                           Field("evMaxVoltage", &M::ev_max_voltage, kRequired),
                           Field("energyAmount", &M::energy_amount),
                           Field("evMaxPower", &M::ev_max_power),
                           Field("stateOfCharge", &M::state_of_charge, AtLeast(0) | AtMost(100)),
                           Field("evEnergyCapacity", &M::ev_energy_capacity),
                           Field("fullSoC", &M::full_so_c, AtLeast(0) | AtMost(100)),
                           Field("bulkSoC", &M::bulk_so_c, AtLeast(0) | AtMost(100)));
  }
};

inline constexpr std::array kEnergyTransferMode = {"DC", "AC_single_phase", "AC_two_phase",
                                                   "AC_three_phase"};

struct ChargingNeeds : Extensible {
  Maybe<ACChargingParameters> ac_charging_parameters;
  Maybe<DCChargingParameters> dc_charging_parameters;
  Text requested_energy_transfer, departure_time;

  static constexpr auto Fields() {
    using M = ChargingNeeds;
    return std::make_tuple(Field("acChargingParameters", &M::ac_charging_parameters),
                           Field("dcChargingParameters", &M::dc_charging_parameters),
                           Field("requestedEnergyTransfer", &M::requested_energy_transfer,
                                 kRequired | OneOf(kEnergyTransferMode)),
                           Field("departureTime", &M::departure_time, kDateTime));
  }
};

inline constexpr std::array kNotifyEVChargingNeedsStatus = {"Accepted", "Rejected", "Processing"};
inline constexpr std::array kGenericStatus = {"Accepted", "Rejected"};
inline constexpr std::array kEventTrigger = {"Alerting", "Delta", "Periodic"};

struct EVSE : Extensible {
  Integer id, connector_id;

  static constexpr auto Fields() {
    using M = EVSE;
    return std::make_tuple(Field("id", &M::id, kRequired), Field("connectorId", &M::connector_id));
  }
};

struct Component : Extensible {
  Maybe<EVSE> evse;
  Text name, instance;

  static constexpr auto Fields() {
    using M = Component;
    return std::make_tuple(Field("evse", &M::evse),
                           Field("name", &M::name, kRequired | MaxLength(50)),
                           Field("instance", &M::instance, MaxLength(50)));
  }
};

inline constexpr std::array kEventNotification = {"HardWiredNotification", "HardWiredMonitor",
                                                  "PreconfiguredMonitor", "CustomMonitor"};

struct Variable : Extensible {
  Text name, instance;

  static constexpr auto Fields() {
    using M = Variable;
    return std::make_tuple(Field("name", &M::name, kRequired | MaxLength(50)),
                           Field("instance", &M::instance, MaxLength(50)));
  }
};

struct EventData : Extensible {
  Integer event_id, cause, variable_monitoring_id;
  Text timestamp, trigger, actual_value, tech_code, tech_info, transaction_id,
      event_notification_type;
  Boolean cleared;
  Maybe<Component> component;
  Maybe<Variable> variable;

  static constexpr auto Fields() {
    using M = EventData;
    return std::make_tuple(
        Field("eventId", &M::event_id, kRequired),
        Field("timestamp", &M::timestamp, kRequired | kDateTime),
        Field("trigger", &M::trigger, kRequired | OneOf(kEventTrigger)), Field("cause", &M::cause),
        Field("actualValue", &M::actual_value, kRequired | MaxLength(2500)),
        Field("techCode", &M::tech_code, MaxLength(50)),
        Field("techInfo", &M::tech_info, MaxLength(500)), Field("cleared", &M::cleared),
        Field("transactionId", &M::transaction_id, MaxLength(36)),
        Field("component", &M::component, kRequired),
        Field("variableMonitoringId", &M::variable_monitoring_id),
        Field("eventNotificationType", &M::event_notification_type,
              kRequired | OneOf(kEventNotification)),
        Field("variable", &M::variable, kRequired));
  }
};

inline constexpr std::array kAttribute = {"Actual", "Target", "MinSet", "MaxSet"};
inline constexpr std::array kMutability = {"ReadOnly", "WriteOnly", "ReadWrite"};

struct VariableAttribute : Extensible {
  Text type, value, mutability;
  Boolean persistent, constant;

  static constexpr auto Fields() {
    using M = VariableAttribute;
    return std::make_tuple(Field("type", &M::type, OneOf(kAttribute)),
                           Field("value", &M::value, MaxLength(2500)),
                           Field("mutability", &M::mutability, OneOf(kMutability)),
                           Field("persistent", &M::persistent), Field("constant", &M::constant));
  }
};

inline constexpr std::array kData = {"string",  "decimal",    "integer",      "dateTime",
                                     "boolean", "OptionList", "SequenceList", "MemberList"};

struct VariableCharacteristics : Extensible {
  Text unit, data_type, values_list;
  Decimal min_limit, max_limit;
  Boolean supports_monitoring;

  static constexpr auto Fields() {
    using M = VariableCharacteristics;
    return std::make_tuple(Field("unit", &M::unit, MaxLength(16)),
                           Field("dataType", &M::data_type, kRequired | OneOf(kData)),
                           Field("minLimit", &M::min_limit), Field("maxLimit", &M::max_limit),
                           Field("valuesList", &M::values_list, MaxLength(1000)),
                           Field("supportsMonitoring", &M::supports_monitoring, kRequired));
  }
};

struct ReportData : Extensible {
  Maybe<Component> component;
  Maybe<Variable> variable;
  List<VariableAttribute> variable_attribute;
  Maybe<VariableCharacteristics> variable_characteristics;

  static constexpr auto Fields() {
    using M = ReportData;
    return std::make_tuple(
        Field("component", &M::component, kRequired), Field("variable", &M::variable, kRequired),
        Field("variableAttribute", &M::variable_attribute, kRequired | MinItems(1) | MaxItems(4)),
        Field("variableCharacteristics", &M::variable_characteristics));
  }
};

inline constexpr std::array kPublishFirmwareStatus = {
    "Idle",           "DownloadScheduled", "Downloading",     "Downloaded",       "Published",
    "DownloadFailed", "DownloadPaused",    "InvalidChecksum", "ChecksumVerified", "PublishFailed"};
inline constexpr std::array kChargingProfilePurpose = {"ChargingStationExternalConstraints",
                                                       "ChargingStationMaxProfile",
                                                       "TxDefaultProfile", "TxProfile"};
inline constexpr std::array kChargingProfileKind = {"Absolute", "Recurring", "Relative"};
inline constexpr std::array kRecurrencyKind = {"Daily", "Weekly"};

struct ChargingProfile : Extensible {
  Integer id, stack_level;
  Text charging_profile_purpose, charging_profile_kind, recurrency_kind, valid_from, valid_to,
      transaction_id;
  List<ChargingSchedule> charging_schedule;

  static constexpr auto Fields() {
    using M = ChargingProfile;
    return std::make_tuple(
        Field("id", &M::id, kRequired), Field("stackLevel", &M::stack_level, kRequired),
        Field("chargingProfilePurpose", &M::charging_profile_purpose,
              kRequired | OneOf(kChargingProfilePurpose)),
        Field("chargingProfileKind", &M::charging_profile_kind,
              kRequired | OneOf(kChargingProfileKind)),
        Field("recurrencyKind", &M::recurrency_kind, OneOf(kRecurrencyKind)),
        Field("validFrom", &M::valid_from, kDateTime), Field("validTo", &M::valid_to, kDateTime),
        Field("chargingSchedule", &M::charging_schedule, kRequired | MinItems(1) | MaxItems(3)),
        Field("transactionId", &M::transaction_id, MaxLength(36)));
  }
};

inline constexpr std::array kReservationUpdateStatus = {"Expired", "Removed"};
inline constexpr std::array kConnectorStatus = {"Available", "Occupied", "Reserved", "Unavailable",
                                                "Faulted"};
inline constexpr std::array kTransactionEvent = {"Ended", "Started", "Updated"};
inline constexpr std::array kTriggerReason = {
    "Authorized",      "CablePluggedIn",     "ChargingRateChanged", "ChargingStateChanged",
    "Deauthorized",    "EnergyLimitReached", "EVCommunicationLost", "EVConnectTimeout",
    "MeterValueClock", "MeterValuePeriodic", "TimeLimitReached",    "Trigger",
    "UnlockCommand",   "StopAuthorized",     "EVDeparted",          "EVDetected",
    "RemoteStop",      "RemoteStart",        "AbnormalCondition",   "SignedDataReceived",
    "ResetCommand"};
inline constexpr std::array kChargingState = {"Charging", "EVConnected", "SuspendedEV",
                                              "SuspendedEVSE", "Idle"};
inline constexpr std::array kReason = {
    "DeAuthorized",     "EmergencyStop", "EnergyLimitReached", "EVDisconnected", "GroundFault",
    "ImmediateReset",   "Local",         "LocalOutOfCredit",   "MasterPass",     "Other",
    "OvercurrentFault", "PowerLoss",     "PowerQuality",       "Reboot",         "Remote",
    "SOCLimitReached",  "StoppedByEV",   "TimeLimitReached",   "Timeout"};

struct Transaction : Extensible {
  Text transaction_id, charging_state, stopped_reason;
  Integer time_spent_charging, remote_start_id;

  static constexpr auto Fields() {
    using M = Transaction;
    return std::make_tuple(Field("transactionId", &M::transaction_id, kRequired | MaxLength(36)),
                           Field("chargingState", &M::charging_state, OneOf(kChargingState)),
                           Field("timeSpentCharging", &M::time_spent_charging),
                           Field("stoppedReason", &M::stopped_reason, OneOf(kReason)),
                           Field("remoteStartId", &M::remote_start_id));
  }
};

}  // namespace chargeledger::ocpp::v201
