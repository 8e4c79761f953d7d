#include "ocpp/v201.h"

#include "ocpp/payload_reading.h"
#include "ocpp/schema.h"
#include "ocpp/v201_commands.h"

namespace chargeledger::ocpp {
namespace {

// clang-format off
#define CHARGELEDGER_ACTIONS(X) \
  X(Authorize) X(BootNotification) X(ClearedChargingLimit) X(DataTransfer) \
  X(FirmwareStatusNotification) X(Heartbeat) X(LogStatusNotification) X(MeterValues) \
  X(NotifyChargingLimit) X(NotifyEVChargingNeeds) X(NotifyEVChargingSchedule) \
  X(NotifyEvent) X(NotifyReport) X(PublishFirmwareStatusNotification) \
  X(ReportChargingProfiles) X(ReservationStatusUpdate) X(SecurityEventNotification) \
  X(StatusNotification) X(TransactionEvent) X(CancelReservation) X(ChangeAvailability) \
  X(ClearCache) X(ClearChargingProfile) X(CostUpdated) X(GetChargingProfiles) \
  X(GetCompositeSchedule) X(GetLocalListVersion) X(GetLog) X(GetTransactionStatus) \
  X(GetVariables) X(PublishFirmware) X(RequestStartTransaction) X(RequestStopTransaction) \
  X(ReserveNow) X(Reset) X(SendLocalList) X(SetChargingProfile) X(SetVariables) \
  X(TriggerMessage) X(UnlockConnector) X(UnpublishFirmware) X(UpdateFirmware)
// clang-format on

template <typename Message>
absl::Status CheckAs(PayloadReader& reader, absl::string_view payload,
                     std::optional<Violation>& violation) {
  Message message;
  return reader.Read(payload, message, violation);
}

constexpr Schema kSchemas[] = {
#define X(action) {#action, CheckAs<v201::action##Request>, CheckAs<v201::action##Response>},
    CHARGELEDGER_ACTIONS(X)
#undef X
};

}  // namespace

#define X(action)                                                                               \
  template absl::Status PayloadReader::ReadAndCheck(absl::string_view, v201::action##Request&,  \
                                                    std::optional<Violation>*);                 \
  template absl::Status PayloadReader::ReadAndCheck(absl::string_view, v201::action##Response&, \
                                                    std::optional<Violation>*);
CHARGELEDGER_ACTIONS(X)
#undef X
#undef CHARGELEDGER_ACTIONS

absl::Span<const Schema> SchemasOf201() { return kSchemas; }

}  // namespace chargeledger::ocpp
