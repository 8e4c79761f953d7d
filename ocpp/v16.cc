#include "ocpp/v16.h"

#include <simdjson.h>

#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/decimal.h"

namespace chargeledger::ocpp::v16 {
namespace {

using Value = simdjson::ondemand::value;

absl::string_view ToView(std::string_view view) { return {view.data(), view.size()}; }

void Read(Value& value, std::optional<absl::string_view>& out) {
  std::string_view text;
  if (!value.get_string().get(text)) out = ToView(text);
}

void Read(Value& value, absl::string_view& out) {
  std::string_view text;
  if (!value.get_string().get(text)) out = ToView(text);
}

// A string's content, or a number's own characters.
void ReadDecimal(Value& value, DecimalText& out) {
  simdjson::ondemand::json_type type;
  if (value.type().get(type)) return;
  if (type == simdjson::ondemand::json_type::string) {
    Read(value, out);
  } else if (type == simdjson::ondemand::json_type::number) {
    std::string_view token = value.raw_json_token();
    while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                              token.back() == '\t')) {
      token.remove_suffix(1);
    }
    out = ToView(token);
  }
}

// An integer, also when written "7", 7.0 or 7e0.
void Read(Value& value, std::optional<int64_t>& out) {
  DecimalText text;
  ReadDecimal(value, text);
  if (!text.has_value()) return;
  auto integer = core::ParseDecimal(*text, 0, core::Excess::kRefuse);
  if (integer.ok()) out = *integer;
}

template <typename Visit>
void ForEachField(simdjson::ondemand::object object, Visit visit) {
  for (auto field : object) {
    std::string_view key;
    Value value;
    if (field.unescaped_key().get(key) || field.value().get(value)) return;
    visit(key, value);
  }
}

template <typename Visit>
void ForEachObject(Value& list, Visit visit) {
  simdjson::ondemand::array array;
  if (list.get_array().get(array)) return;
  for (auto element : array) {
    simdjson::ondemand::object object;
    if (element.get_object().get(object)) continue;
    visit(object);
  }
}

SampledValue ReadSample(simdjson::ondemand::object object) {
  SampledValue sample;
  ForEachField(object, [&](std::string_view key, Value& value) {
    if (key == "value") ReadDecimal(value, sample.value);
    if (key == "context") Read(value, sample.context);
    if (key == "format") Read(value, sample.format);
    if (key == "measurand") Read(value, sample.measurand);
    if (key == "phase") Read(value, sample.phase);
    if (key == "location") Read(value, sample.location);
    if (key == "unit") Read(value, sample.unit);
  });
  return sample;
}

void Read(Value& list, std::vector<MeterValue>& out) {
  ForEachObject(list, [&](simdjson::ondemand::object object) {
    MeterValue& meter_value = out.emplace_back();
    ForEachField(object, [&](std::string_view key, Value& value) {
      if (key == "timestamp") Read(value, meter_value.timestamp);
      if (key == "sampledValue") {
        ForEachObject(value, [&](simdjson::ondemand::object sample) {
          meter_value.samples.push_back(ReadSample(sample));
        });
      }
    });
  });
}

void ReadField(std::string_view key, Value& value, BootNotification& out) {
  if (key == "chargePointVendor") Read(value, out.vendor);
  if (key == "chargePointModel") Read(value, out.model);
  if (key == "chargePointSerialNumber") Read(value, out.serial_number);
  if (key == "chargeBoxSerialNumber" && out.serial_number.empty()) Read(value, out.serial_number);
  if (key == "firmwareVersion") Read(value, out.firmware_version);
}

void ReadField(std::string_view key, Value& value, Authorize& out) {
  if (key == "idTag") Read(value, out.id_tag);
}

void ReadField(std::string_view key, Value& value, StartTransaction& out) {
  if (key == "connectorId") Read(value, out.connector_id);
  if (key == "idTag") Read(value, out.id_tag);
  if (key == "meterStart") ReadDecimal(value, out.meter_start);
  if (key == "timestamp") Read(value, out.timestamp);
  if (key == "reservationId") Read(value, out.reservation_id);
}

void ReadField(std::string_view key, Value& value, StopTransaction& out) {
  if (key == "transactionId") Read(value, out.transaction_id);
  if (key == "idTag") Read(value, out.id_tag);
  if (key == "meterStop") ReadDecimal(value, out.meter_stop);
  if (key == "timestamp") Read(value, out.timestamp);
  if (key == "reason") Read(value, out.reason);
  if (key == "transactionData") Read(value, out.transaction_data);
}

void ReadField(std::string_view key, Value& value, MeterValues& out) {
  if (key == "connectorId") Read(value, out.connector_id);
  if (key == "transactionId") Read(value, out.transaction_id);
  if (key == "meterValue") Read(value, out.meter_value);
}

void ReadField(std::string_view key, Value& value, StatusNotification& out) {
  if (key == "connectorId") Read(value, out.connector_id);
  if (key == "status") Read(value, out.status);
  if (key == "errorCode") Read(value, out.error_code);
  if (key == "timestamp") Read(value, out.timestamp);
  if (key == "info") Read(value, out.info);
  if (key == "vendorId") Read(value, out.vendor_id);
  if (key == "vendorErrorCode") Read(value, out.vendor_error_code);
}

void ReadField(std::string_view key, Value& value, FirmwareOrDiagnosticsStatus& out) {
  if (key == "status") Read(value, out.status);
}

void ReadField(std::string_view key, Value& value, SecurityEventNotification& out) {
  if (key == "type") Read(value, out.type);
  if (key == "timestamp") Read(value, out.timestamp);
  if (key == "techInfo") Read(value, out.tech_info);
}

void ReadField(std::string_view key, Value& value, DataTransfer& out) {
  if (key == "vendorId") Read(value, out.vendor_id);
  if (key == "messageId") Read(value, out.message_id);
}

void ReadField(std::string_view key, Value& value, StartTransactionResult& out) {
  if (key == "transactionId") Read(value, out.transaction_id);
  simdjson::ondemand::object info;
  if (key == "idTagInfo" && !value.get_object().get(info)) {
    ForEachField(info, [&](std::string_view inner, Value& inner_value) {
      if (inner == "status") Read(inner_value, out.status);
    });
  }
}

}  // namespace

struct PayloadReader::State {
  std::string buffer;
  simdjson::ondemand::parser parser;
};

PayloadReader::PayloadReader() : state_(std::make_unique<State>()) {}
PayloadReader::~PayloadReader() = default;

template <typename Message>
absl::StatusOr<Message> PayloadReader::Read(absl::string_view payload) {
  std::string& buffer = state_->buffer;
  buffer.assign(payload.data(), payload.size());
  buffer.reserve(payload.size() + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  auto error =
      state_->parser
          .iterate(buffer.data(), buffer.size(), buffer.size() + simdjson::SIMDJSON_PADDING)
          .get(document);
  if (!error) error = document.get_object().get(object);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("the payload is no JSON object: ", simdjson::error_message(error)));
  }
  Message message;
  ForEachField(object, [&](std::string_view key, Value& value) { ReadField(key, value, message); });
  return message;
}

template absl::StatusOr<BootNotification> PayloadReader::Read(absl::string_view);
template absl::StatusOr<Authorize> PayloadReader::Read(absl::string_view);
template absl::StatusOr<StartTransaction> PayloadReader::Read(absl::string_view);
template absl::StatusOr<StopTransaction> PayloadReader::Read(absl::string_view);
template absl::StatusOr<MeterValues> PayloadReader::Read(absl::string_view);
template absl::StatusOr<StatusNotification> PayloadReader::Read(absl::string_view);
template absl::StatusOr<FirmwareOrDiagnosticsStatus> PayloadReader::Read(absl::string_view);
template absl::StatusOr<SecurityEventNotification> PayloadReader::Read(absl::string_view);
template absl::StatusOr<DataTransfer> PayloadReader::Read(absl::string_view);
template absl::StatusOr<StartTransactionResult> PayloadReader::Read(absl::string_view);

}  // namespace chargeledger::ocpp::v16
