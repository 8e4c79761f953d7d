#include "tests/simulation/site_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/sha256.h"
#include "tests/simulation/ledger_node.h"

namespace chargeledger::simulation {
namespace {

constexpr char kMachineFile[] = "machine";
constexpr uint64_t kAskUs = 2 * kSecond;
constexpr uint64_t kLongestWaitUs = 15 * kSecond;
constexpr uint64_t kLookAgainUs = 250 * kMillisecond;
constexpr uint64_t kKeepBooksUs = 10 * kSecond;
constexpr uint64_t kScrubUs = 10 * kMinute;
constexpr uint64_t kFirstPauseUs = 200 * kMillisecond;
constexpr uint64_t kLongestPauseUs = 5 * kSecond;
// log/head_file.cc.
constexpr uint64_t kSyncHeadsUs = 100 * kMillisecond;
constexpr int kMaxUnanswered = 16;
// What may wait on one connection to the ledger: the sender's window and a package more.
constexpr size_t kMaxInFlight = (4 << 20) + (3 << 20);

std::string Seed(absl::string_view what) { return std::string(core::Sha256(what).bytes()); }

}  // namespace

// What edge-agent/endpoint/connection.cc is: a charge point's connection as the site has it.
class SiteNode::ChargerLink final : public edge_agent::Link,
                                    public std::enable_shared_from_this<ChargerLink> {
 public:
  ChargerLink(SiteNode& node, std::shared_ptr<Wire> wire) : node_(node), wire_(std::move(wire)) {}

  // False if the site does not take it.
  bool Open(const std::string& charge_point_id) {
    v1::ConnectionOpened opened;
    opened.set_charge_point_id(charge_point_id);
    opened.set_subprotocol(v1::SUBPROTOCOL_OCPP1_6);
    opened.set_remote_address("192.0.2.1:5000");
    auto peer = node_.core_->site().Connect(shared_from_this(), opened);
    if (peer.ok()) peer_ = *peer;
    return peer.ok();
  }

  void OnMessage(std::string bytes) {
    inbox_.push_back(std::move(bytes));
    Read();
  }
  void OnRecorded(std::optional<std::string> answer) override {
    --unanswered_;
    if (wire_ != nullptr && answer.has_value() && node_.alive()) wire_->Send(1, *std::move(answer));
    Read();
  }
  void OnReplaced() override {
    replaced_ = true;
    End();
  }
  void OnShutdown() override { End(); }
  void OnLost() {
    if (!wire_) return;
    wire_.reset();
    v1::ConnectionClosed closed;
    closed.set_reason(v1::ConnectionClosed::REASON_LOST);
    if (!replaced_) node_.core_->site().Disconnect(peer_, closed);
  }
  // The process is gone.
  void End() {
    if (wire_ != nullptr) std::exchange(wire_, nullptr)->Close(1);
  }

 private:
  void Read() {
    while (wire_ != nullptr && !inbox_.empty() && unanswered_ < kMaxUnanswered) {
      const std::string bytes = std::move(inbox_.front());
      inbox_.pop_front();
      ++unanswered_;
      const absl::Status status =
          node_.core_->site().Receive(shared_from_this(), peer_, bytes, false);
      if (status.ok()) {
        node_.judge_.OnDelivered(peer_.charge_point_id, bytes);
        continue;
      }
      --unanswered_;
      v1::FrameRefused refused;
      refused.set_charge_point_id(peer_.charge_point_id);
      refused.set_connection(peer_.connection);
      refused.set_reason(std::string(status.message()));
      node_.core_->site().RefuseFrame(refused);
      return End();
    }
  }

  SiteNode& node_;
  std::shared_ptr<Wire> wire_;
  edge_agent::Peer peer_;
  std::deque<std::string> inbox_;
  int unanswered_ = 0;
  bool replaced_ = false;
};

SiteNode::SiteNode(World& world, Judge& judge, LedgerNode& ledger, const Options& options)
    : Machine(world, judge, options.name), ledger_(ledger), options_(options) {}
SiteNode::~SiteNode() = default;

absl::Status SiteNode::Start() {
  phase_ = Phase::kDown;
  // Its key goes with the disk, as the key file does.
  auto machine = directory().ReadFile(kMachineFile);
  if (machine.status().code() == absl::StatusCode::kNotFound) {
    machine = absl::StrCat(machine_);
    CL_RETURN_IF_ERROR(directory().ReplaceFile(kMachineFile, *machine));
  }
  if (!machine.ok()) return machine.status();
  const std::string who = absl::StrCat(name(), "/", *machine);
  edge_agent::CoreOptions options;
  options.author = {"acme", name()};
  options.key = *core::Ed25519PrivateKey::FromSeed(Seed(who));
  options.instance = Seed(absl::StrCat(who, "/", life())).substr(0, 16);
  options.os_boot_id = absl::StrCat("boot-", life());
  options.new_log_id = *core::LogId::FromBytes(Seed("log of " + who).substr(0, 16));
  options.keep_s = options_.keep_s;
  options.threads = core::Threads::kNone;
  edge_agent::RecordingSite::Surroundings surroundings;
  surroundings.post = [this](std::function<void()> what) {
    After(world_.Between(5, 200), std::move(what));
  };
  surroundings.failed = [this](const absl::Status& why) { Fail(why); };
  auto core = edge_agent::AgentCore::Open(directory(), clock(), options, surroundings);
  if (!core.ok()) return core.status();
  core_ = *std::move(core);
  begin_ = std::exchange(next_, std::nullopt);
  auto question = core_->Question();
  if (!question.ok()) return question.status();
  question_ = *std::move(question);
  Ask();
  return absl::OkStatus();
}

void SiteNode::Drop() {
  phase_ = Phase::kDown;
  // Whoever is connected finds out: the machine says so, or nobody does.
  for (auto* wire : {&ask_wire_, &wire_, &control_wire_}) {
    if (*wire != nullptr) (*wire)->Break();
    wire->reset();
  }
  for (auto& weak : links_) {
    if (auto link = weak.lock()) link->End();
  }
  links_.clear();
  session_.reset();
  question_.reset();
  scrubber_.reset();
  core_.reset();
  replicating_ = false;
  driven_ = false;
  syncing_ = false;
}

void SiteNode::Replace() {
  Frames before, elsewhere;
  CollectFrames(disk(), log::SimulatedDisk::Sight::kBehindDamage, before);
  CollectFrames(ledger_.disk(), log::SimulatedDisk::Sight::kReadable, elsewhere);
  judge_.OnDestroyed(before, {}, elsewhere);
  SwapDisk(NewMachine(), "", "is replaced");
}

std::unique_ptr<log::SimulatedDisk> SiteNode::NewMachine() {
  ++machine_;
  next_.reset();
  return std::make_unique<log::SimulatedDisk>();
}

Wire::Side SiteNode::Hear(void (SiteNode::*heard)(const std::string&), void (SiteNode::*closed)(),
                          const std::shared_ptr<Wire>& wire,
                          std::shared_ptr<Wire> SiteNode::*place) {
  // A wire that is no longer in its place is an old one.
  auto now = [this, life = life(), wire = wire.get(), place] {
    return life == this->life() && up() && (this->*place).get() == wire;
  };
  Wire::Side side;
  side.on_message = [this, now, heard](const std::string& bytes) {
    if (now()) Run([&] { (this->*heard)(bytes); });
  };
  side.on_closed = [this, now, closed] {
    if (now()) Run([&] { (this->*closed)(); });
  };
  return side;
}

void SiteNode::Ask() {
  phase_ = Phase::kAsking;
  if (begin_.has_value() || question_ == nullptr) return After(0, [this] { BeginLog(); });
  ask_wire_ = std::make_shared<Wire>(world_, line_);
  ask_wire_->Attach(
      0, Hear(&SiteNode::OnAnswer, &SiteNode::OnAskClosed, ask_wire_, &SiteNode::ask_wire_));
  ledger_.Accept(ask_wire_, LedgerNode::Call::kReplicate, name());
  ask_wire_->Send(0, question_->Hello().SerializeAsString());
  After(kAskUs, [this] {
    if (phase_ == Phase::kAsking) BeginLog();
  });
}

void SiteNode::OnAnswer(const std::string& bytes) {
  v1::ReplicateResponse response;
  (void)response.ParseFromString(bytes);
  const absl::Status status = question_->OnResponse(response, world_.now_us());
  if (auto work = question_->TakeWork()) {
    if (work->kind == log::replication::Work::Kind::kBegin) {
      begin_ = log::RecorderOptions::Begin{work->opened, work->events};
    }
    return BeginLog();
  }
  auto next = question_->Next(world_.now_us());
  if (!status.ok() || !next.ok()) return BeginLog();
  if (next->has_value()) ask_wire_->Send(0, (*next)->SerializeAsString());
}

void SiteNode::BeginLog() {
  if (phase_ != Phase::kAsking) return;
  if (ask_wire_ != nullptr) std::exchange(ask_wire_, nullptr)->Close(0);
  question_.reset();
  if (absl::Status status = core_->Begin(begin_); !status.ok()) return Fail(status);
  if (begin_.has_value()) world_.Tell(name(), "begins a generation: " + begin_->opened.reason());
  core_->recorder().OnCommitted([this](const log::TreeHead&) { Touch(); });
  core_->OnErrands([this] { Touch(); });
  phase_ = Phase::kFolding;
  deadline_us_ = world_.now_us() + kLongestWaitUs;
  Fold();
}

void SiteNode::Fold() {
  absl::Status status = core_->FoldOrAsk();
  if (status.code() == absl::StatusCode::kDataLoss) {
    StartReplicating();
    if (world_.now_us() < deadline_us_) return After(kLookAgainUs, [this] { Fold(); });
    status = absl::OkStatus();
  }
  if (!status.ok()) return Fail(status);
  if (phase_ == Phase::kFolding && core_->begun()) {
    phase_ = Phase::kWaitingForPast;
    deadline_us_ = world_.now_us() + kLongestWaitUs;
    StartReplicating();
  }
  if (phase_ == Phase::kWaitingForPast) {
    const bool live = session_ != nullptr && session_->live();
    if (!live && world_.now_us() < deadline_us_) return After(kLookAgainUs, [this] { Fold(); });
  }
  Serve();
}

void SiteNode::Serve() {
  core_->Serve();
  phase_ = Phase::kServing;
  StartReplicating();
  KeepBooks();
  scrubber_ = std::make_unique<log::Scrubber>(
      core_->archive(), clock(), log::ScrubberOptions{0, 0},
      [this](const log::EventLog& log) { return core_->KeysOf(log); },
      [this](const log::EventLog& log, const log::CheckFinding& finding) {
        core_->OnFound(log, finding);
      });
  After(kScrubUs, [this] { Scrub(); });
  Touch();
}

void SiteNode::KeepBooks() {
  const absl::Status status = core_->KeepBooks();
  // Damage is mended elsewhere.
  if (!status.ok() && status.code() != absl::StatusCode::kDataLoss) return Fail(status);
  After(kKeepBooksUs, [this] { KeepBooks(); });
}

void SiteNode::Scrub() {
  for (const log::EventLog* log : core_->archive().logs()) {
    (void)scrubber_->ScrubNow(*log, [this](const log::LogChecker&) { return alive(); });
  }
  After(kScrubUs, [this] { Scrub(); });
}

void SiteNode::StartReplicating() {
  if (std::exchange(replicating_, true)) return;
  CallLedger();
  Follow();
}

void SiteNode::CallLedger() {
  session_ = core_->NewSession([this](log::RecorderOptions::Begin begin) {
    next_ = std::move(begin);
    Fail(absl::AbortedError("the log begins a new generation"));
  });
  wire_ = std::make_shared<Wire>(world_, line_);
  wire_->Attach(0, Hear(&SiteNode::OnLedger, &SiteNode::OnStreamClosed, wire_, &SiteNode::wire_));
  ledger_.Accept(wire_, LedgerNode::Call::kReplicate, name());
  wire_->Send(0, session_->Hello().SerializeAsString());
}

void SiteNode::OnLedger(const std::string& bytes) {
  v1::ReplicateResponse response;
  if (!response.ParseFromString(bytes)) {
    return judge_.Violate("protocol", "the ledger sent what cannot be parsed");
  }
  if (response.has_position()) pause_us_ = kFirstPauseUs;
  if (absl::Status status = session_->OnResponse(response); !status.ok()) {
    world_.Tell(name(), absl::StrCat("ends its stream: ", status.ToString()));
    return EndStream(status.code() == absl::StatusCode::kFailedPrecondition ||
                             status.code() == absl::StatusCode::kDataLoss
                         ? kLongestPauseUs
                         : 0);
  }
  Pump();
}

void SiteNode::Pump() {
  while (session_ != nullptr && wire_ != nullptr && alive()) {
    auto next = session_->Next();
    if (!next.ok()) {
      if (next.status().code() != absl::StatusCode::kCancelled) {
        world_.Tell(name(), absl::StrCat("ends its stream: ", next.status().ToString()));
      }
      return EndStream(0);
    }
    if (!next->has_value() || !alive()) return;
    wire_->Send(0, (*next)->SerializeAsString());
    judge_.Expect(wire_->bytes_in_flight(0) <= kMaxInFlight, "bounds",
                  absl::StrCat(name(), " has ", wire_->bytes_in_flight(0),
                               " bytes on their way to the ledger"));
  }
}

void SiteNode::EndStream(uint64_t pause_us) {
  if (wire_ == nullptr) return;
  std::exchange(wire_, nullptr)->Close(0);
  session_.reset();
  pause_us_ = std::max({kFirstPauseUs, pause_us, pause_us_});
  After(world_.Between(pause_us_ / 2, pause_us_), [this] { CallLedger(); });
  pause_us_ = std::min(pause_us_ * 2, kLongestPauseUs);
}

void SiteNode::Follow() {
  core_->control().BeginStream();
  control_wire_ = std::make_shared<Wire>(world_, line_);
  control_wire_->Attach(
      0, Hear(&SiteNode::OnControl, &SiteNode::EndFollow, control_wire_, &SiteNode::control_wire_));
  ledger_.Accept(control_wire_, LedgerNode::Call::kFollow, name());
}

void SiteNode::OnControl(const std::string& bytes) {
  v1::ReplicateRequest request;
  if (!request.ParseFromString(bytes)) {
    return judge_.Violate("protocol", "the ledger sent what cannot be parsed");
  }
  auto response = core_->control().OnRequest(request);
  if (!response.ok()) {
    world_.Tell(name(), absl::StrCat("does not follow: ", response.status().ToString()));
    return EndFollow();
  }
  if (response->has_value() && alive()) control_wire_->Send(0, (*response)->SerializeAsString());
  Touch();
}

void SiteNode::EndFollow() {
  if (control_wire_ == nullptr) return;
  std::exchange(control_wire_, nullptr)->Close(0);
  After(world_.Between(kSecond / 2, 10 * kSecond), [this] { Follow(); });
}

void SiteNode::ResetStreams() {
  for (auto& wire : {wire_, control_wire_}) {
    if (wire != nullptr) wire->Break();
  }
}

void SiteNode::Accept(const std::shared_ptr<Wire>& wire, const std::string& charge_point_id) {
  if (!serving()) {
    world_.After(10 * kMillisecond, [wire] { wire->Break(); });
    return;
  }
  Run([&] {
    auto link = std::make_shared<ChargerLink>(*this, wire);
    if (!link->Open(charge_point_id)) return wire->Close(1);
    auto now = [this, life = life()] { return life == this->life() && up(); };
    Wire::Side side;
    side.on_message = [this, now, link](std::string bytes) {
      if (!now()) return;
      Run([&] {
        link->OnMessage(std::move(bytes));
        Touch();
      });
    };
    side.on_closed = [this, now, link] {
      if (!now()) return;
      Run([&] {
        link->OnLost();
        Touch();
      });
    };
    wire->Attach(1, side);
    links_.erase(std::remove_if(links_.begin(), links_.end(),
                                [](const auto& weak) { return weak.expired(); }),
                 links_.end());
    links_.push_back(link);
    Touch();
  });
}

void SiteNode::Touch() {
  if (std::exchange(driven_, true)) return;
  After(DiskDelayUs(), [this] { Drive(); });
}

void SiteNode::Drive() {
  driven_ = false;
  if (core_ == nullptr) return;
  Pump();
  if (core_ == nullptr || !alive()) return;
  bool more = false;
  if (phase_ > Phase::kAsking) more = core_->recorder().RunOnce();
  if (!more) more = core_->archive().RunOnce(1);
  if (more) return Touch();
  if (std::exchange(syncing_, true)) return;
  After(kSyncHeadsUs, [this] {
    syncing_ = false;
    if (absl::Status status = core_->archive().SyncHeads(); !status.ok()) Fail(status);
  });
}

bool SiteNode::level() const {
  if (!serving() || session_ == nullptr || !session_->live()) return false;
  const log::EventLog& log = core_->recorder().log();
  return session_->held().size == log.head().size &&
         core_->recorder().next().value() == log.head().size;
}

}  // namespace chargeledger::simulation
