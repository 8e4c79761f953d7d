#include "edge-agent/rpc/control_follower.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "chargeledger/v1/replication.grpc.pb.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "core/system_clock.h"
#include "edge-agent/rpc/channel.h"
#include "log/replication/worker.h"

namespace chargeledger::edge_agent {
namespace {

namespace replication = log::replication;

// The one record of which control log is followed.
constexpr absl::string_view kFollowedKey = "f";

}  // namespace

ControlFollower::ControlFollower(log::Archive& archive, log::Recorder& recorder,
                                 const ControlFollowerOptions& options)
    : archive_(archive),
      recorder_(recorder),
      options_(options),
      channel_(ConnectTo(options.ledger)),
      thread_([this] { Run(); }) {}

ControlFollower::~ControlFollower() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (live_ != nullptr) live_->TryCancel();
  }
  thread_.join();
}

void ControlFollower::Pause(int64_t ms) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopping_), absl::Milliseconds(ms));
}

void ControlFollower::Run() {
  std::mt19937_64 jitter(core::RandomBits());
  int64_t pause_ms = options_.first_pause_ms;
  std::string last_failure;
  while (true) {
    const absl::Status status = RunStream();
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    // That the ledger is away is told by who replicates the site's log.
    if (status.code() != absl::StatusCode::kUnavailable && status.ToString() != last_failure) {
      last_failure = status.ToString();
      spdlog::warn("not following the control log of {}: {}", options_.ledger, last_failure);
    }
    if (status.ok()) pause_ms = options_.first_pause_ms;
    Pause(pause_ms / 2 + static_cast<int64_t>(jitter() % static_cast<uint64_t>(pause_ms / 2 + 1)));
    pause_ms = std::min(pause_ms * 2, options_.longest_pause_ms);
  }
}

absl::StatusOr<replication::HeldGenerations> ControlFollower::Admit(const v1::AuthorHello& hello) {
  CL_RETURN_IF_ERROR(replication::CheckHello(hello));
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(hello.log_id()));
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, archive_.store().Get(kFollowedKey));
  v1::StoredLog followed;
  if (stored.has_value() && !followed.ParseFromString(*stored)) {
    return absl::DataLossError("the record of the control log that is followed cannot be read");
  }
  const std::string& known =
      options_.ledger_key.empty() ? followed.author_public_key() : options_.ledger_key;
  if (!known.empty() && known != hello.public_key()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the control log is signed with the key ", absl::BytesToHexString(hello.public_key()),
        ", but the ledger's key is ", absl::BytesToHexString(known)));
  }
  if (followed.log_id() != hello.log_id() || followed.generation() < hello.generation() ||
      followed.author_public_key() != hello.public_key()) {
    followed.set_operator_(hello.operator_());
    followed.set_site(hello.site());
    followed.set_log_id(hello.log_id());
    followed.set_generation(hello.generation());
    followed.set_author_public_key(hello.public_key());
    CL_RETURN_IF_ERROR(archive_.PutRecord(std::string(kFollowedKey), followed.SerializeAsString()));
  }
  replication::HeldGenerations held;
  for (uint32_t generation = 1; generation <= hello.generation(); ++generation) {
    auto opened = archive_.OpenLog(log_id, core::Generation(generation));
    if (opened.status().code() == absl::StatusCode::kDataLoss) {
      // The ledger has it: what is whole is kept, the rest comes again.
      opened = archive_.Salvage(log_id, core::Generation(generation));
    }
    CL_RETURN_IF_ERROR(opened.status());
    held[generation].log = opened->log;
    if (hello.public_key().empty()) continue;
    CL_ASSIGN_OR_RETURN(
        held[generation].author_key,
        log::tlog::VerifierKey::Create(log::tlog::Origin(hello.operator_(), hello.site(), log_id,
                                                         core::Generation(generation)),
                                       log::tlog::SignatureType::kEd25519, hello.public_key()));
  }
  return held;
}

absl::Status ControlFollower::Store(replication::Reply& reply) {
  const uint64_t before = reply.log->head().size;
  absl::Status status = replication::AppendTo(archive_, *reply.log, reply.verdict.entries);
  if (status.ok() && reply.verdict.checkpoint.has_value()) {
    status = archive_.KeepCheckpoint(*reply.log, reply.verdict.checkpoint->Serialize());
  }
  if (!status.ok()) {
    options_.failed(status);
    return status;
  }
  const log::TreeHead head = reply.log->head();
  if (head.size == before) return absl::OkStatus();
  std::vector<v1::Entry> events(1);
  v1::ControlAdvanced& advanced = *events[0].mutable_control_advanced();
  advanced.set_log_id(std::string(reply.log->log_id().bytes()));
  advanced.set_generation(reply.log->generation().value());
  advanced.set_size(head.size);
  advanced.set_root(std::string(head.root.bytes()));
  return recorder_.RecordAndWait(std::move(events));
}

absl::StatusOr<std::optional<v1::ReplicateResponse>> ControlFollower::Answer(
    replication::HolderStream& stream, const v1::ReplicateRequest& request) {
  CL_ASSIGN_OR_RETURN(replication::Reply reply, stream.OnRequest(request));
  switch (reply.kind) {
    case replication::Reply::Kind::kSend:
    case replication::Reply::Kind::kRefuse:
      return std::optional<v1::ReplicateResponse>(std::move(reply.response));
    case replication::Reply::Kind::kStore:
      CL_RETURN_IF_ERROR(Store(reply));
      return std::optional<v1::ReplicateResponse>(stream.Held(*reply.log, ""));
    default:
      return std::optional<v1::ReplicateResponse>();
  }
}

absl::Status ControlFollower::RunStream() {
  auto stub = v1::ReplicationService::NewStub(channel_);
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    live_ = &context;
  }
  auto call = stub->Follow(&context);
  v1::ReplicateRequest request;
  std::optional<replication::HolderStream> stream;
  absl::Status status;
  while (status.ok() && call->Read(&request)) {
    std::optional<v1::ReplicateResponse> response;
    if (!stream.has_value()) {
      auto held = Admit(request.hello());
      status = held.status();
      if (!held.ok()) break;
      stream.emplace(*std::move(held), request.hello());
      auto position = stream->Position();
      status = position.status();
      if (position.ok()) response = *std::move(position);
    } else {
      auto answer = Answer(*stream, request);
      status = answer.status();
      if (answer.ok()) response = *std::move(answer);
    }
    if (response.has_value() && !call->Write(*response)) break;
  }
  if (!status.ok()) context.TryCancel();
  const absl::Status ended = ToStatus(call->Finish());
  absl::MutexLock lock(&mutex_);
  live_ = nullptr;
  return status.ok() ? ended : status;
}

}  // namespace chargeledger::edge_agent
