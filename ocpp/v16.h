// Typed, lenient reading of OCPP 1.6 payloads (OCPP 1.6 §6, and the security whitepaper's
// SecurityEventNotification).
//
// Real chargers leave out required fields and write numbers as strings: what can be understood is
// read, what cannot is absent, and the caller decides whether it can do without. Numbers with a
// fraction stay text until core/ reads them exactly. A PayloadReader is not thread-safe; the views
// it gives live until its next Read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace chargeledger::ocpp::v16 {

// Decimal text, from a JSON string or a JSON number.
using DecimalText = std::optional<absl::string_view>;

struct BootNotification {  // §6.3
  absl::string_view vendor;
  absl::string_view model;
  // chargePointSerialNumber, else the deprecated chargeBoxSerialNumber.
  absl::string_view serial_number;
  absl::string_view firmware_version;
};

struct Authorize {  // §6.1
  std::optional<absl::string_view> id_tag;
};

struct SampledValue {  // §7.43; fields left out have the standard's defaults here
  DecimalText value;
  absl::string_view context = "Sample.Periodic";
  absl::string_view format = "Raw";
  absl::string_view measurand = "Energy.Active.Import.Register";
  absl::string_view phase;
  absl::string_view location = "Outlet";
  // Empty: Wh for energy (§7.45).
  absl::string_view unit;
};

struct MeterValue {  // §7.33
  std::optional<absl::string_view> timestamp;
  std::vector<SampledValue> samples;
};

struct StartTransaction {  // §6.45
  std::optional<int64_t> connector_id;
  std::optional<absl::string_view> id_tag;
  DecimalText meter_start;
  std::optional<absl::string_view> timestamp;
  std::optional<int64_t> reservation_id;
};

struct StopTransaction {  // §6.49
  std::optional<int64_t> transaction_id;
  std::optional<absl::string_view> id_tag;
  DecimalText meter_stop;
  std::optional<absl::string_view> timestamp;
  // Absent means Local.
  std::optional<absl::string_view> reason;
  std::vector<MeterValue> transaction_data;
};

struct MeterValues {  // §6.31
  std::optional<int64_t> connector_id;
  std::optional<int64_t> transaction_id;
  std::vector<MeterValue> meter_value;
};

struct StatusNotification {  // §6.47
  std::optional<int64_t> connector_id;
  std::optional<absl::string_view> status;
  std::optional<absl::string_view> error_code;
  std::optional<absl::string_view> timestamp;
  absl::string_view info;
  absl::string_view vendor_id;
  absl::string_view vendor_error_code;
};

struct FirmwareOrDiagnosticsStatus {  // §6.17, §6.25
  std::optional<absl::string_view> status;
};

struct SecurityEventNotification {  // whitepaper §A
  std::optional<absl::string_view> type;
  std::optional<absl::string_view> timestamp;
  absl::string_view tech_info;
};

struct DataTransfer {  // §6.11
  std::optional<absl::string_view> vendor_id;
  absl::string_view message_id;
};

struct StartTransactionResult {  // §6.46
  std::optional<int64_t> transaction_id;
  // idTagInfo.status
  absl::string_view status;
};

class PayloadReader {
 public:
  PayloadReader();
  ~PayloadReader();

  // Reads the JSON object `payload` into one of the structs above. Only text that is no JSON object
  // at all is an error (INVALID_ARGUMENT); a FrameReader lets none such through.
  template <typename Message>
  absl::StatusOr<Message> Read(absl::string_view payload);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace chargeledger::ocpp::v16
