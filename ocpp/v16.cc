#include "ocpp/v16.h"

#include "ocpp/payload_reading.h"
#include "ocpp/schema.h"
#include "ocpp/v16_commands.h"

namespace chargeledger::ocpp {
namespace {

// clang-format off
#define CHARGELEDGER_ACTIONS(X) \
  X(Authorize) X(BootNotification) X(DataTransfer) X(DiagnosticsStatusNotification) \
  X(FirmwareStatusNotification) X(Heartbeat) X(LogStatusNotification) X(MeterValues) \
  X(SecurityEventNotification) X(SignCertificate) X(SignedFirmwareStatusNotification) \
  X(StartTransaction) X(StatusNotification) X(StopTransaction) X(CancelReservation) \
  X(CertificateSigned) X(ChangeAvailability) X(ChangeConfiguration) X(ClearCache) \
  X(ClearChargingProfile) X(DeleteCertificate) X(ExtendedTriggerMessage) \
  X(GetCompositeSchedule) X(GetConfiguration) X(GetDiagnostics) \
  X(GetInstalledCertificateIds) X(GetLocalListVersion) X(GetLog) X(InstallCertificate) \
  X(RemoteStartTransaction) X(RemoteStopTransaction) X(ReserveNow) X(Reset) \
  X(SendLocalList) X(SetChargingProfile) X(SignedUpdateFirmware) X(TriggerMessage) \
  X(UnlockConnector) X(UpdateFirmware)
// clang-format on

template <typename Message>
absl::Status CheckAs(PayloadReader& reader, absl::string_view payload,
                     std::optional<Violation>& violation) {
  Message message;
  return reader.Read(payload, message, violation);
}

constexpr Schema kSchemas[] = {
#define X(action) {#action, CheckAs<v16::action##Req>, CheckAs<v16::action##Conf>},
    CHARGELEDGER_ACTIONS(X)
#undef X
};

}  // namespace

#define X(action)                                                                          \
  template absl::Status PayloadReader::ReadAndCheck(absl::string_view, v16::action##Req&,  \
                                                    std::optional<Violation>*);            \
  template absl::Status PayloadReader::ReadAndCheck(absl::string_view, v16::action##Conf&, \
                                                    std::optional<Violation>*);
CHARGELEDGER_ACTIONS(X)
#undef X
#undef CHARGELEDGER_ACTIONS

absl::Span<const Schema> SchemasOf16() { return kSchemas; }

}  // namespace chargeledger::ocpp
