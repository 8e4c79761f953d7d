// OCPP 2.1's TransactionEvent (OCPP 2.1 part 2 §1): where it is as in 2.0.1 and where it is not is
// for its reader to see; 2.1 adds costs, limits, two-way energy and reasons.
#pragma once

#include <array>
#include <tuple>

#include "ocpp/shape.h"

namespace chargeledger::ocpp::v21 {

inline constexpr std::array kCostDimension = {"Energy",   "MaxCurrent", "MinCurrent",  "MaxPower",
                                              "MinPower", "IdleTIme",   "ChargingTime"};

struct CostDimension : Extensible {
  Text type;
  Decimal volume;

  static constexpr auto Fields() {
    using M = CostDimension;
    return std::make_tuple(Field("type", &M::type, kRequired | OneOf(kCostDimension)),
                           Field("volume", &M::volume, kRequired));
  }
};

struct ChargingPeriod : Extensible {
  List<CostDimension> dimensions;
  Text tariff_id, start_period;

  static constexpr auto Fields() {
    using M = ChargingPeriod;
    return std::make_tuple(Field("dimensions", &M::dimensions, MinItems(1)),
                           Field("tariffId", &M::tariff_id, MaxLength(60)),
                           Field("startPeriod", &M::start_period, kRequired | kDateTime));
  }
};

inline constexpr std::array kTariffCost = {"NormalCost", "MinCost", "MaxCost"};

struct TaxRate : Extensible {
  Text type;
  Decimal tax;
  Integer stack;

  static constexpr auto Fields() {
    using M = TaxRate;
    return std::make_tuple(Field("type", &M::type, kRequired | MaxLength(20)),
                           Field("tax", &M::tax, kRequired), Field("stack", &M::stack, AtLeast(0)));
  }
};

struct Price : Extensible {
  Decimal excl_tax, incl_tax;
  List<TaxRate> tax_rates;

  static constexpr auto Fields() {
    using M = Price;
    return std::make_tuple(Field("exclTax", &M::excl_tax), Field("inclTax", &M::incl_tax),
                           Field("taxRates", &M::tax_rates, MinItems(1) | MaxItems(5)));
  }
};

struct TotalPrice : Extensible {
  Decimal excl_tax, incl_tax;

  static constexpr auto Fields() {
    using M = TotalPrice;
    return std::make_tuple(Field("exclTax", &M::excl_tax), Field("inclTax", &M::incl_tax));
  }
};

struct TotalCost : Extensible {
  Text currency, type_of_cost;
  Maybe<Price> fixed, energy, charging_time, idle_time, reservation_time, reservation_fixed;
  Maybe<TotalPrice> total;

  static constexpr auto Fields() {
    using M = TotalCost;
    return std::make_tuple(
        Field("currency", &M::currency, kRequired | MaxLength(3)),
        Field("typeOfCost", &M::type_of_cost, kRequired | OneOf(kTariffCost)),
        Field("fixed", &M::fixed), Field("energy", &M::energy),
        Field("chargingTime", &M::charging_time), Field("idleTime", &M::idle_time),
        Field("reservationTime", &M::reservation_time),
        Field("reservationFixed", &M::reservation_fixed), Field("total", &M::total, kRequired));
  }
};

struct TotalUsage : Extensible {
  Decimal energy;
  Integer charging_time, idle_time, reservation_time;

  static constexpr auto Fields() {
    using M = TotalUsage;
    return std::make_tuple(Field("energy", &M::energy, kRequired),
                           Field("chargingTime", &M::charging_time, kRequired),
                           Field("idleTime", &M::idle_time, kRequired),
                           Field("reservationTime", &M::reservation_time));
  }
};

struct CostDetails : Extensible {
  List<ChargingPeriod> charging_periods;
  Maybe<TotalCost> total_cost;
  Maybe<TotalUsage> total_usage;
  Boolean failure_to_calculate;
  Text failure_reason;

  static constexpr auto Fields() {
    using M = CostDetails;
    return std::make_tuple(Field("chargingPeriods", &M::charging_periods, MinItems(1)),
                           Field("totalCost", &M::total_cost, kRequired),
                           Field("totalUsage", &M::total_usage, kRequired),
                           Field("failureToCalculate", &M::failure_to_calculate),
                           Field("failureReason", &M::failure_reason, MaxLength(500)));
  }
};

inline constexpr std::array kTransactionEvent = {"Ended", "Started", "Updated"};
inline constexpr std::array kMeasurand = {"Current.Export",
                                          "Current.Export.Offered",
                                          "Current.Export.Minimum",
                                          "Current.Import",
                                          "Current.Import.Offered",
                                          "Current.Import.Minimum",
                                          "Current.Offered",
                                          "Display.PresentSOC",
                                          "Display.MinimumSOC",
                                          "Display.TargetSOC",
                                          "Display.MaximumSOC",
                                          "Display.RemainingTimeToMinimumSOC",
                                          "Display.RemainingTimeToTargetSOC",
                                          "Display.RemainingTimeToMaximumSOC",
                                          "Display.ChargingComplete",
                                          "Display.BatteryEnergyCapacity",
                                          "Display.InletHot",
                                          "Energy.Active.Export.Interval",
                                          "Energy.Active.Export.Register",
                                          "Energy.Active.Import.Interval",
                                          "Energy.Active.Import.Register",
                                          "Energy.Active.Import.CableLoss",
                                          "Energy.Active.Import.LocalGeneration.Register",
                                          "Energy.Active.Net",
                                          "Energy.Active.Setpoint.Interval",
                                          "Energy.Apparent.Export",
                                          "Energy.Apparent.Import",
                                          "Energy.Apparent.Net",
                                          "Energy.Reactive.Export.Interval",
                                          "Energy.Reactive.Export.Register",
                                          "Energy.Reactive.Import.Interval",
                                          "Energy.Reactive.Import.Register",
                                          "Energy.Reactive.Net",
                                          "EnergyRequest.Target",
                                          "EnergyRequest.Minimum",
                                          "EnergyRequest.Maximum",
                                          "EnergyRequest.Minimum.V2X",
                                          "EnergyRequest.Maximum.V2X",
                                          "EnergyRequest.Bulk",
                                          "Frequency",
                                          "Power.Active.Export",
                                          "Power.Active.Import",
                                          "Power.Active.Setpoint",
                                          "Power.Active.Residual",
                                          "Power.Export.Minimum",
                                          "Power.Export.Offered",
                                          "Power.Factor",
                                          "Power.Import.Offered",
                                          "Power.Import.Minimum",
                                          "Power.Offered",
                                          "Power.Reactive.Export",
                                          "Power.Reactive.Import",
                                          "SoC",
                                          "Voltage",
                                          "Voltage.Minimum",
                                          "Voltage.Maximum"};
inline constexpr std::array kReadingContext = {
    "Interruption.Begin", "Interruption.End",  "Other",           "Sample.Clock",
    "Sample.Periodic",    "Transaction.Begin", "Transaction.End", "Trigger"};
inline constexpr std::array kPhase = {"L1",   "L2",   "L3",    "N",     "L1-N",
                                      "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"};
inline constexpr std::array kLocation = {"Body", "Cable", "EV", "Inlet", "Outlet", "Upstream"};

struct SignedMeterValue : Extensible {
  Text signed_meter_data, signing_method, encoding_method, public_key;

  static constexpr auto Fields() {
    using M = SignedMeterValue;
    return std::make_tuple(
        Field("signedMeterData", &M::signed_meter_data, kRequired | MaxLength(32768)),
        Field("signingMethod", &M::signing_method, MaxLength(50)),
        Field("encodingMethod", &M::encoding_method, kRequired | MaxLength(50)),
        Field("publicKey", &M::public_key, MaxLength(2500)));
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
  Text measurand, context, phase, location;
  Maybe<SignedMeterValue> signed_meter_value;
  Maybe<UnitOfMeasure> unit_of_measure;

  static constexpr auto Fields() {
    using M = SampledValue;
    return std::make_tuple(
        Field("value", &M::value, kRequired), Field("measurand", &M::measurand, OneOf(kMeasurand)),
        Field("context", &M::context, OneOf(kReadingContext)),
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

inline constexpr std::array kTriggerReason = {"AbnormalCondition",
                                              "Authorized",
                                              "CablePluggedIn",
                                              "ChargingRateChanged",
                                              "ChargingStateChanged",
                                              "CostLimitReached",
                                              "Deauthorized",
                                              "EnergyLimitReached",
                                              "EVCommunicationLost",
                                              "EVConnectTimeout",
                                              "EVDeparted",
                                              "EVDetected",
                                              "LimitSet",
                                              "MeterValueClock",
                                              "MeterValuePeriodic",
                                              "OperationModeChanged",
                                              "RemoteStart",
                                              "RemoteStop",
                                              "ResetCommand",
                                              "RunningCost",
                                              "SignedDataReceived",
                                              "SoCLimitReached",
                                              "StopAuthorized",
                                              "TariffChanged",
                                              "TariffNotAccepted",
                                              "TimeLimitReached",
                                              "Trigger",
                                              "TxResumed",
                                              "UnlockCommand"};
inline constexpr std::array kPreconditioningStatus = {"Unknown", "Ready", "NotReady",
                                                      "Preconditioning"};
inline constexpr std::array kChargingState = {"EVConnected", "Charging", "SuspendedEV",
                                              "SuspendedEVSE", "Idle"};
inline constexpr std::array kReason = {"DeAuthorized",
                                       "EmergencyStop",
                                       "EnergyLimitReached",
                                       "EVDisconnected",
                                       "GroundFault",
                                       "ImmediateReset",
                                       "MasterPass",
                                       "Local",
                                       "LocalOutOfCredit",
                                       "Other",
                                       "OvercurrentFault",
                                       "PowerLoss",
                                       "PowerQuality",
                                       "Reboot",
                                       "Remote",
                                       "SOCLimitReached",
                                       "StoppedByEV",
                                       "TimeLimitReached",
                                       "Timeout",
                                       "ReqEnergyTransferRejected"};
inline constexpr std::array kOperationMode = {
    "Idle",           "ChargingOnly",     "CentralSetpoint", "ExternalSetpoint",
    "ExternalLimits", "CentralFrequency", "LocalFrequency",  "LocalLoadBalancing"};

struct TransactionLimit : Extensible {
  Decimal max_cost, max_energy;
  Integer max_time, max_so_c;

  static constexpr auto Fields() {
    using M = TransactionLimit;
    return std::make_tuple(Field("maxCost", &M::max_cost), Field("maxEnergy", &M::max_energy),
                           Field("maxTime", &M::max_time),
                           Field("maxSoC", &M::max_so_c, AtLeast(0) | AtMost(100)));
  }
};

struct Transaction : Extensible {
  Text transaction_id, charging_state, stopped_reason, operation_mode, tariff_id;
  Integer time_spent_charging, remote_start_id;
  Maybe<TransactionLimit> transaction_limit;

  static constexpr auto Fields() {
    using M = Transaction;
    return std::make_tuple(Field("transactionId", &M::transaction_id, kRequired | MaxLength(36)),
                           Field("chargingState", &M::charging_state, OneOf(kChargingState)),
                           Field("timeSpentCharging", &M::time_spent_charging),
                           Field("stoppedReason", &M::stopped_reason, OneOf(kReason)),
                           Field("remoteStartId", &M::remote_start_id),
                           Field("operationMode", &M::operation_mode, OneOf(kOperationMode)),
                           Field("tariffId", &M::tariff_id, MaxLength(60)),
                           Field("transactionLimit", &M::transaction_limit));
  }
};

struct EVSE : Extensible {
  Integer id, connector_id;

  static constexpr auto Fields() {
    using M = EVSE;
    return std::make_tuple(Field("id", &M::id, kRequired | AtLeast(0)),
                           Field("connectorId", &M::connector_id, AtLeast(0)));
  }
};

struct AdditionalInfo : Extensible {
  Text additional_id_token, type;

  static constexpr auto Fields() {
    using M = AdditionalInfo;
    return std::make_tuple(
        Field("additionalIdToken", &M::additional_id_token, kRequired | MaxLength(255)),
        Field("type", &M::type, kRequired | MaxLength(50)));
  }
};

struct IdToken : Extensible {
  List<AdditionalInfo> additional_info;
  Text id_token, type;

  static constexpr auto Fields() {
    using M = IdToken;
    return std::make_tuple(Field("additionalInfo", &M::additional_info, MinItems(1)),
                           Field("idToken", &M::id_token, kRequired | MaxLength(255)),
                           Field("type", &M::type, kRequired | MaxLength(20)));
  }
};

struct TransactionEventRequest : Extensible {
  Maybe<CostDetails> cost_details;
  Text event_type, timestamp, trigger_reason, preconditioning_status;
  List<MeterValue> meter_value;
  Integer seq_no, number_of_phases_used, cable_max_current, reservation_id;
  Boolean offline, evse_sleep;
  Maybe<Transaction> transaction_info;
  Maybe<EVSE> evse;
  Maybe<IdToken> id_token;

  static constexpr auto Fields() {
    using M = TransactionEventRequest;
    return std::make_tuple(
        Field("costDetails", &M::cost_details),
        Field("eventType", &M::event_type, kRequired | OneOf(kTransactionEvent)),
        Field("meterValue", &M::meter_value, MinItems(1)),
        Field("timestamp", &M::timestamp, kRequired | kDateTime),
        Field("triggerReason", &M::trigger_reason, kRequired | OneOf(kTriggerReason)),
        Field("seqNo", &M::seq_no, kRequired | AtLeast(0)), Field("offline", &M::offline),
        Field("numberOfPhasesUsed", &M::number_of_phases_used, AtLeast(0) | AtMost(3)),
        Field("cableMaxCurrent", &M::cable_max_current),
        Field("reservationId", &M::reservation_id, AtLeast(0)),
        Field("preconditioningStatus", &M::preconditioning_status, OneOf(kPreconditioningStatus)),
        Field("evseSleep", &M::evse_sleep),
        Field("transactionInfo", &M::transaction_info, kRequired), Field("evse", &M::evse),
        Field("idToken", &M::id_token));
  }
};

inline constexpr std::array kAuthorizationStatus = {
    "Accepted",           "Blocked",           "ConcurrentTx",  "Expired", "Invalid", "NoCredit",
    "NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime", "Unknown"};
inline constexpr std::array kMessageFormat = {"ASCII", "HTML", "URI", "UTF8", "QRCODE"};

struct MessageContent : Extensible {
  Text format, language, content;

  static constexpr auto Fields() {
    using M = MessageContent;
    return std::make_tuple(Field("format", &M::format, kRequired | OneOf(kMessageFormat)),
                           Field("language", &M::language, MaxLength(8)),
                           Field("content", &M::content, kRequired | MaxLength(1024)));
  }
};

struct IdTokenInfo : Extensible {
  Text status, cache_expiry_date_time, language1, language2;
  Integer charging_priority;
  Maybe<IdToken> group_id_token;
  List<Integer> evse_id;
  Maybe<MessageContent> personal_message;

  static constexpr auto Fields() {
    using M = IdTokenInfo;
    return std::make_tuple(Field("status", &M::status, kRequired | OneOf(kAuthorizationStatus)),
                           Field("cacheExpiryDateTime", &M::cache_expiry_date_time, kDateTime),
                           Field("chargingPriority", &M::charging_priority),
                           Field("groupIdToken", &M::group_id_token),
                           Field("language1", &M::language1, MaxLength(8)),
                           Field("language2", &M::language2, MaxLength(8)),
                           Field("evseId", &M::evse_id, MinItems(1) | AtLeast(0)),
                           Field("personalMessage", &M::personal_message));
  }
};

struct TransactionEventResponse : Extensible {
  Decimal total_cost;
  Integer charging_priority;
  Maybe<IdTokenInfo> id_token_info;
  Maybe<TransactionLimit> transaction_limit;
  Maybe<MessageContent> updated_personal_message;
  List<MessageContent> updated_personal_message_extra;

  static constexpr auto Fields() {
    using M = TransactionEventResponse;
    return std::make_tuple(
        Field("totalCost", &M::total_cost), Field("chargingPriority", &M::charging_priority),
        Field("idTokenInfo", &M::id_token_info), Field("transactionLimit", &M::transaction_limit),
        Field("updatedPersonalMessage", &M::updated_personal_message),
        Field("updatedPersonalMessageExtra", &M::updated_personal_message_extra,
              MinItems(1) | MaxItems(4)));
  }
};

}  // namespace chargeledger::ocpp::v21
