#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ocpp/frame.h"
#include "ocpp/payload_reader.h"
#include "ocpp/v16.h"
#include "ocpp/v201.h"

namespace chargeledger::ocpp {
namespace {

TEST(FrameReader, CallsResultsAndErrorsAreRead) {
  FrameReader reader;
  const Frame call =
      std::get<Frame>(reader.Read(R"( [2, "19\u0032", "Heartbeat" , {"a":[1,{"b":"]"}]} ] )"));
  EXPECT_EQ(call.type, MessageType::kCall);
  EXPECT_EQ(call.message_id, "192");
  EXPECT_EQ(call.action, "Heartbeat");
  EXPECT_EQ(call.payload, R"({"a":[1,{"b":"]"}]})");
  const Frame result = std::get<Frame>(reader.Read(R"([3,"x",{}])"));
  EXPECT_EQ(result.type, MessageType::kCallResult);
  EXPECT_EQ(result.payload, "{}");
  const Frame error = std::get<Frame>(reader.Read(R"([4,"x","GenericError","why",{}])"));
  EXPECT_EQ(error.error_code, "GenericError");
  EXPECT_EQ(error.error_description, "why");
}

TEST(FrameReader, WhatIsNoFrameIsAnsweredAsTheStandardSays) {
  struct Case {
    std::string bytes;
    std::string id;
    bool answer;
  };
  FrameReader reader;
  for (const Case& c : std::vector<Case>{
           {"", "-1", true},
           {"hello", "-1", true},
           {"{}", "-1", true},
           {"[]", "-1", true},
           {"[2]", "-1", true},
           {R"(["2","x","Heartbeat",{}])", "-1", true},
           {R"([2,7,"Heartbeat",{}])", "-1", true},
           {R"([2,"x","Heartbeat"])", "x", true},
           {R"([2,"x","Heartbeat",{},1])", "x", true},
           {R"([2,"x",5,{}])", "x", true},
           {R"([2,"x","Heartbeat",[]])", "x", true},
           {R"([2,"x","Heartbeat",{"a":nul}])", "-1", true},
           {R"([2,"x","Heartbeat",{}] trailing)", "-1", true},
           {"[2,\"x\",\"Heart\xff\",{}]", "-1", true},
           {R"([3,"x"])", "x", false},
           {R"([4,"x"])", "x", false},
           {R"([9,"x","Heartbeat",{}])", "x", false},
           {std::string(5000, '['), "-1", true},
           {absl::StrCat("[2,\"", std::string(300, 'i'), "\",\"H\",{}]"), "-1", true}}) {
    const std::variant<Frame, BadFrame> read = reader.Read(c.bytes);
    ASSERT_TRUE(std::holds_alternative<BadFrame>(read)) << c.bytes;
    EXPECT_EQ(std::get<BadFrame>(read).message_id, c.id) << c.bytes;
    EXPECT_EQ(std::get<BadFrame>(read).answer, c.answer) << c.bytes;
    EXPECT_FALSE(std::get<BadFrame>(read).description.empty());
  }
}

TEST(FrameReader, EveryPrefixOfAFrameIsBadAndTheReaderGoesOn) {
  const std::string frame = R"([2,"id","MeterValues",{"connectorId":1,"meterValue":[]}])";
  FrameReader reader;
  for (size_t n = 0; n < frame.size(); ++n) {
    EXPECT_TRUE(std::holds_alternative<BadFrame>(reader.Read(frame.substr(0, n)))) << n;
  }
  EXPECT_TRUE(std::holds_alternative<Frame>(reader.Read(frame)));
}

TEST(Frames, AnswersEscapeWhatTheyEcho) {
  EXPECT_EQ(MakeCallResult("a\"b", "{}"), R"([3,"a\"b",{}])");
  EXPECT_EQ(MakeCallError("x", ErrorCode::kNotImplemented, "no"),
            R"([4,"x","NotImplemented","no",{}])");
  FrameReader reader;
  EXPECT_TRUE(std::holds_alternative<Frame>(
      reader.Read(MakeCallError("\xff\x01", ErrorCode::kGenericError, "\xfe"))));
}

TEST(PayloadReader, AStartTransactionIsRead) {
  PayloadReader reader;
  auto start = reader.Read<v16::StartTransactionReq>(
      R"({"connectorId":2,"idTag":"TAG","meterStart":1234,"timestamp":"2026-01-01T00:00:00Z","x":{"y":1}})");
  ASSERT_TRUE(start.ok());
  EXPECT_EQ(start->connector_id, 2);
  EXPECT_EQ(start->id_tag, "TAG");
  EXPECT_EQ(*start->meter_start, "1234");
  EXPECT_EQ(start->timestamp, "2026-01-01T00:00:00Z");
  EXPECT_FALSE(start->reservation_id.has_value());
}

TEST(PayloadReader, NumbersWrittenInOtherWaysAreReadAndWrongTypesAreAbsent) {
  PayloadReader reader;
  auto start = reader.Read<v16::StartTransactionReq>(
      R"({"connectorId":"2","idTag":7,"meterStart":12.50 ,"reservationId":3.0,"timestamp":null})");
  ASSERT_TRUE(start.ok());
  EXPECT_EQ(start->connector_id, 2);
  EXPECT_EQ(start->id_tag, "7");
  EXPECT_EQ(*start->meter_start, "12.50");
  EXPECT_EQ(start->reservation_id, 3);
  EXPECT_FALSE(start->timestamp.has_value());
  auto stop = reader.Read<v16::StopTransactionReq>(R"({"transactionId":1.5,"meterStop":true})");
  ASSERT_TRUE(stop.ok());
  EXPECT_FALSE(stop->transaction_id.has_value());
  EXPECT_FALSE(stop->meter_stop.has_value());
}

TEST(PayloadReader, MeterValuesKeepTheDigitsAsTheyWereSent) {
  PayloadReader reader;
  auto message = reader.Read<v16::MeterValuesReq>(
      R"({"connectorId":1,"transactionId":5,"meterValue":[{"timestamp":"t1","sampledValue":[
        {"value":"12.3450","unit":"kWh"},{"value":99.90,"measurand":"SoC","unit":"Percent"}]},
        "nonsense",{"sampledValue":7},{"sampledValue":[{"context":"Transaction.End"}]}]})");
  ASSERT_TRUE(message.ok());
  ASSERT_EQ(message->meter_value.size(), 4u);
  ASSERT_EQ(message->meter_value[0].sampled_value.size(), 2u);
  EXPECT_EQ(message->meter_value[0].sampled_value[0].value, "12.3450");
  EXPECT_FALSE(message->meter_value[0].sampled_value[0].measurand.has_value());
  EXPECT_EQ(message->meter_value[0].sampled_value[1].value, "99.90");
  EXPECT_FALSE(message->meter_value[1].timestamp.has_value());
  EXPECT_TRUE(message->meter_value[2].sampled_value.empty());
  EXPECT_FALSE(message->meter_value[3].sampled_value[0].value.has_value());
}

TEST(PayloadReader, AMessageThatIsReadAgainKeepsNothingOfTheOneBefore) {
  PayloadReader reader;
  v201::TransactionEventRequest event;
  ASSERT_TRUE(reader
                  .Read(R"({"eventType":"Started","seqNo":3,"idToken":{"idToken":"A","type":"eMAID",
        "additionalInfo":[{"additionalIdToken":"x","type":"y"}]},"transactionInfo":{"transactionId":"T",
        "chargingState":"Charging"},"meterValue":[{"timestamp":"t","sampledValue":[{"value":1.50}]}]})",
                        event)
                  .ok());
  EXPECT_EQ(event.id_token->additional_info.size(), 1u);
  EXPECT_EQ(*event.meter_value[0].sampled_value[0].value, "1.50");
  ASSERT_TRUE(
      reader.Read(R"({"idToken":{"idToken":"B"},"transactionInfo":{},"meterValue":[{}]})", event)
          .ok());
  EXPECT_FALSE(event.seq_no.has_value());
  EXPECT_EQ(event.id_token->id_token, "B");
  EXPECT_FALSE(event.id_token->type.has_value());
  EXPECT_TRUE(event.id_token->additional_info.empty());
  EXPECT_FALSE(event.transaction_info->charging_state.has_value());
  EXPECT_TRUE(event.meter_value[0].sampled_value.empty());
  ASSERT_TRUE(reader.Read("{}", event).ok());
  EXPECT_FALSE(event.id_token.has_value());
}

TEST(PayloadReader, AnAnswerToAStartIsRead) {
  PayloadReader reader;
  auto result = reader.Read<v16::StartTransactionConf>(
      R"({"idTagInfo":{"status":"Accepted"},"transactionId":42})");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->transaction_id, 42);
  EXPECT_EQ(result->id_tag_info->status, "Accepted");
  EXPECT_FALSE(reader.Read<v16::AuthorizeReq>("[]").ok());
}

TEST(PayloadReader, AViolationNamesThePlaceTheValueAndWhatWouldBeRight) {
  PayloadReader reader;
  v16::MeterValuesReq message;
  std::optional<Violation> violation;
  ASSERT_TRUE(reader
                  .Read(R"({"connectorId":1,"meterValue":[{"timestamp":"2026-01-01T00:00:00Z",
        "sampledValue":[{"value":"1"},{"value":"2","unit":"MWh"}]}]})",
                        message, violation)
                  .ok());
  ASSERT_TRUE(violation.has_value());
  EXPECT_EQ(violation->path, "meterValue[0].sampledValue[1].unit");
  EXPECT_EQ(violation->code, ErrorCode::kPropertyConstraintViolation);
  EXPECT_NE(violation->detail.find("\"MWh\""), std::string::npos) << violation->detail;
  EXPECT_EQ(message.meter_value[0].sampled_value[1].value, "2");
}

}  // namespace
}  // namespace chargeledger::ocpp
