#include "edge-agent/endpoint/handshake.h"

#include <gtest/gtest.h>

namespace chargeledger::edge_agent {
namespace {

using Offered = std::vector<absl::string_view>;

TEST(HandshakeTest, AnIdentityIsFoundInEachFormOfTheTarget) {
  const std::pair<const char*, const char*> cases[] = {
      {"/ocpp/CP1", "CP1"},
      {"/ocpp/CP1/", "CP1"},
      {"/ocpp/CP1?token=x", "CP1"},
      {"/ocpp/RDAM%20123", "RDAM 123"},  // OCPP-J 1.6 §3.1.1's own example
      {"ws://site.example:9000/ocpp/CP1", "CP1"},
      {"http://site.example/ocpp/CP1/?a=b", "CP1"},
  };
  for (const auto& [target, id] : cases) {
    const auto judged = JudgeHandshake({true, target, Offered{"ocpp1.6"}}, {});
    ASSERT_TRUE(std::holds_alternative<HandshakeAccepted>(judged)) << target;
    EXPECT_EQ(std::get<HandshakeAccepted>(judged).charge_point_id, id);
  }
}

TEST(HandshakeTest, ATargetThatNamesNoChargePointIsRefusedWith404) {
  for (const char* target :
       {"", "/", "/ocpp", "/ocpp/", "/ocpp//", "/ocpp/a/b", "/ocpp/%zz", "/ocpp/%4", "/ocpp/%20",
        "/ocpp/a%20", "/elsewhere/CP1", "ws://", "ws://host", "ocpp/CP1", "*",
        "/ocpp/0123456789012345678901234567890123456789012345678"}) {
    const auto judged = JudgeHandshake({true, target, Offered{"ocpp1.6"}}, {});
    ASSERT_TRUE(std::holds_alternative<HandshakeRefused>(judged)) << target;
    EXPECT_EQ(std::get<HandshakeRefused>(judged).http_status, 404u) << target;
  }
  const auto judged = JudgeHandshake({true, "/ocpp/CP2", Offered{"ocpp1.6"}}, {"CP1"});
  EXPECT_EQ(std::get<HandshakeRefused>(judged).reason, "this charge point is not known here");
}

TEST(HandshakeTest, TheFirstSubprotocolThatIsSpokenIsAnsweredAsItWasSpelt) {
  struct Case {
    Offered offered;
    const char* name;
    v1::Subprotocol subprotocol;
  };
  const Case cases[] = {
      {{"ocpp1.6"}, "ocpp1.6", v1::SUBPROTOCOL_OCPP1_6},
      {{"OCPP1.6"}, "OCPP1.6", v1::SUBPROTOCOL_OCPP1_6},
      {{"ocpp1.5, ocpp2.0.1 ,ocpp1.6"}, "ocpp2.0.1", v1::SUBPROTOCOL_OCPP2_0_1},
      {{"ocpp1.5", "ocpp1.6"}, "ocpp1.6", v1::SUBPROTOCOL_OCPP1_6},
  };
  for (const Case& one : cases) {
    const auto judged = JudgeHandshake({true, "/ocpp/CP1", one.offered}, {});
    ASSERT_TRUE(std::holds_alternative<HandshakeAccepted>(judged)) << one.name;
    EXPECT_EQ(std::get<HandshakeAccepted>(judged).subprotocol_name, one.name);
    EXPECT_EQ(std::get<HandshakeAccepted>(judged).subprotocol, one.subprotocol);
  }
  for (const Offered& offered : {Offered{}, Offered{""}, Offered{"ocpp1.5,mqtt"}}) {
    const auto judged = JudgeHandshake({true, "/ocpp/CP1", offered}, {});
    EXPECT_EQ(std::get<HandshakeRefused>(judged).http_status, 101u);
  }
}

TEST(HandshakeTest, ARequestThatIsNoWebSocketIsToldWhatToDo) {
  const auto judged = JudgeHandshake({false, "/ocpp/CP1", Offered{}}, {});
  EXPECT_EQ(std::get<HandshakeRefused>(judged).http_status, 426u);
}

}  // namespace
}  // namespace chargeledger::edge_agent
