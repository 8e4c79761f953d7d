// The server over a real socket: what any gRPC client may expect, and streams that break the
// protocol.
#include "server/rpc/server.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "chargeledger/v1/entry.pb.h"
#include "chargeledger/v1/replication.grpc.pb.h"
#include "log/memory_store.h"
#include "log/merkle.h"
#include "server/rpc/control_hub.h"

namespace chargeledger::server {
namespace {

class ServerTest : public testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::ReplicateRequest, v1::ReplicateResponse>;

  ServerTest() {
    ledger_ = *Ledger::Open(archive_, clock_);
    queries_ = std::make_unique<Queries>(*ledger_, states_);
    scrubber_ = std::make_unique<log::Scrubber>(
        archive_, clock_, log::ScrubberOptions{0, 0},
        [](const log::EventLog&) { return std::vector<log::tlog::VerifierKey>(); },
        [](const log::EventLog&, const log::CheckFinding&) {});
    log_queries_ = std::make_unique<LogQueries>(*ledger_, *scrubber_);
    hub_ = std::make_unique<ControlHub>(nullptr);
    control_ = *log::Recorder::Open(control_archive_, clock_, {"ledger", "control"},
                                    *core::LogId::FromBytes("the control log."), {});
    facts_ = *ControlFacts::Open(*control_);
    objects_ = std::make_unique<OcpiObjects>(partners_, *facts_);
    billing_ = std::make_unique<BillingQueries>(*ledger_, states_, nullptr, *facts_, *objects_);
    invoicing_ = std::make_unique<Invoicing>(*ledger_, states_, artefacts_, *facts_, clock_);
    server_ = *RpcServer::Listen(
        {"127.0.0.1", 0},
        {*ledger_, *queries_, *log_queries_, *hub_, {}, billing_.get(), invoicing_.get()});
    channel_ = grpc::CreateChannel(server_->address().ToText(), grpc::InsecureChannelCredentials());
  }

  // One message there and one back, as bytes: health and reflection have no headers in Debian's
  // packages.
  std::string Exchange(const std::string& method, const std::string& request) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, method, &queue);
    auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    call->StartCall(nullptr);
    EXPECT_TRUE(wait());
    grpc::Slice slice(request);
    grpc::ByteBuffer sent(&slice, 1), received;
    call->WriteLast(sent, {}, nullptr);
    EXPECT_TRUE(wait());
    call->Read(&received, nullptr);
    EXPECT_TRUE(wait()) << method;
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(received.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& part : slices) {
      bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
    }
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    queue.Shutdown();
    return bytes;
  }

  static v1::ReplicateRequest Hello() {
    v1::ReplicateRequest request;
    v1::AuthorHello& hello = *request.mutable_hello();
    hello.set_operator_("acme");
    hello.set_site("north");
    hello.set_log_id("0123456789abcdef");
    hello.set_generation(1);
    hello.mutable_head()->set_root(std::string(log::EmptyRoot().bytes()));
    return request;
  }

  // Entries [0, count) with the right root.
  static v1::ReplicateRequest Package(uint64_t count) {
    v1::ReplicateRequest request;
    log::Frontier frontier;
    for (uint64_t i = 0; i < count; ++i) {
      v1::Entry entry;
      entry.set_generation(1);
      entry.set_sequence(i);
      const std::string& bytes = *(request.mutable_package()->add_entries()) =
          entry.SerializeAsString();
      frontier.Append(log::LeafHash(bytes));
    }
    request.mutable_package()->mutable_head()->set_size(count);
    request.mutable_package()->mutable_head()->set_root(std::string(frontier.Root().bytes()));
    return request;
  }

  log::MemoryStore logs_, states_, artefacts_;
  log::Archive archive_{logs_};
  core::ManualClock clock_{0};
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Queries> queries_;
  std::unique_ptr<log::Scrubber> scrubber_;
  std::unique_ptr<LogQueries> log_queries_;
  std::unique_ptr<ControlHub> hub_;
  log::MemoryStore control_store_;
  log::Archive control_archive_{control_store_};
  std::unique_ptr<log::Recorder> control_;
  std::unique_ptr<ControlFacts> facts_;
  Partners partners_;
  std::unique_ptr<OcpiObjects> objects_;
  std::unique_ptr<BillingQueries> billing_;
  std::unique_ptr<Invoicing> invoicing_;
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(ServerTest, TheHealthServiceSaysServing) {
  // HealthCheckRequest{} and HealthCheckResponse{status: SERVING}.
  EXPECT_EQ(Exchange("/grpc.health.v1.Health/Check", ""), std::string("\x08\x01", 2));
}

TEST_F(ServerTest, ReflectionListsEveryService) {
  // ServerReflectionRequest{list_services: "*"}
  const std::string answer =
      Exchange("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
  for (const std::string service : {"SiteService", "SessionService", "BillingService",
                                    "FaultService", "LogService", "ReplicationService"}) {
    EXPECT_NE(answer.find("chargeledger.v1." + service), std::string::npos) << service;
  }
}

TEST_F(ServerTest, AStreamThatBreaksTheProtocolIsRefusedWithAReasonAndLeavesNothing) {
  struct Case {
    std::string what;
    std::vector<v1::ReplicateRequest> sent;
    v1::Refusal::Reason reason;
  };
  auto spoilt = [](v1::ReplicateRequest request, std::function<void(v1::ReplicateRequest&)> spoil) {
    spoil(request);
    return request;
  };
  const std::vector<Case> cases = {
      {"nothing in it", {v1::ReplicateRequest()}, v1::Refusal::REASON_MALFORMED},
      {"package before hello", {Package(1)}, v1::Refusal::REASON_MALFORMED},
      {"two hellos", {Hello(), Hello()}, v1::Refusal::REASON_MALFORMED},
      {"log id cut",
       {spoilt(Hello(), [](auto& r) { r.mutable_hello()->set_log_id("short"); })},
       v1::Refusal::REASON_MALFORMED},
      {"site that is a path",
       {spoilt(Hello(), [](auto& r) { r.mutable_hello()->set_site("../x"); })},
       v1::Refusal::REASON_MALFORMED},
      {"generation 0",
       {spoilt(Hello(), [](auto& r) { r.mutable_hello()->set_generation(0); })},
       v1::Refusal::REASON_MALFORMED},
      {"generation that cannot be",
       {spoilt(Hello(), [](auto& r) { r.mutable_hello()->set_generation(9); })},
       v1::Refusal::REASON_DIVERGED},
      {"root that is none",
       {Hello(),
        spoilt(Package(3), [](auto& r) { r.mutable_package()->mutable_head()->set_root("x"); })},
       v1::Refusal::REASON_DIVERGED},
      {"gap",
       {Hello(), spoilt(Package(3),
                        [](auto& r) {
                          r.mutable_package()->set_first_sequence(5);
                          r.mutable_package()->mutable_head()->set_size(8);
                        })},
       v1::Refusal::REASON_GAP},
      {"too many entries", {Hello(), Package(257)}, v1::Refusal::REASON_MALFORMED}};
  for (const Case& c : cases) {
    auto stub = v1::ReplicationService::NewStub(channel_);
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream = stub->Replicate(&context);
    for (const v1::ReplicateRequest& request : c.sent) stream->Write(request);
    v1::ReplicateResponse response;
    v1::Refusal refusal;
    while (stream->Read(&response)) {
      if (response.has_refusal()) refusal = response.refusal();
    }
    EXPECT_EQ(refusal.reason(), c.reason) << c.what << ": " << refusal.DebugString();
    EXPECT_FALSE(refusal.detail().empty()) << c.what;
    stream->Finish();
  }
  for (const HeldLog* held : ledger_->logs()) {
    EXPECT_EQ(held->generations()[0]->head().size, 0u);
  }
}

TEST_F(ServerTest, AStreamCutAnywhereLeavesTheLogReadyForTheNext) {
  auto stub = v1::ReplicationService::NewStub(channel_);
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream = stub->Replicate(&context);
    stream->Write(Hello());
    if (round % 2) stream->Write(Package(10));
    if (round % 3 == 0) {
      v1::ReplicateResponse response;
      stream->Read(&response);
    }
    context.TryCancel();
    stream->Finish();
  }
  v1::ReplicateResponse response;
  // A stream that was cut may take a moment until it is given up: then the answer is another one.
  for (bool held = false; !held;) {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream = stub->Replicate(&context);
    stream->Write(Hello());
    stream->Write(Package(10));
    while (!held && stream->Read(&response)) {
      held = response.has_held() && response.held().size() == 10;
      if (response.has_refusal()) {
        ASSERT_EQ(response.refusal().reason(), v1::Refusal::REASON_ALREADY_CONNECTED);
      }
    }
    context.TryCancel();
    stream->Finish();
  }
  EXPECT_EQ(ledger_->logs()[0]->generations()[0]->head().size, 10u);
}

}  // namespace
}  // namespace chargeledger::server
