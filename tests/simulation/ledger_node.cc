#include "tests/simulation/ledger_node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/sha256.h"
#include "server/default_tariff.h"

namespace chargeledger::simulation {
namespace {

constexpr uint64_t kSyncHeadsUs = 100 * kMillisecond;
constexpr uint64_t kFoldUs = 2 * kSecond;
constexpr uint64_t kOperateUs = 30 * kSecond;
constexpr uint64_t kScrubUs = 10 * kMinute;
constexpr uint64_t kReportUs = kSecond;

std::string Seed(absl::string_view what) { return std::string(core::Sha256(what).bytes()); }

}  // namespace

// What server/rpc/replication_service.cc is.
class LedgerNode::SiteStream final : public server::SiteSession::Transport,
                                     public std::enable_shared_from_this<SiteStream> {
 public:
  SiteStream(LedgerNode& node, uint64_t number, std::shared_ptr<Wire> wire, std::string peer)
      : node_(node),
        number_(number),
        wire_(std::move(wire)),
        session_(node.core_->ledger(), node.core_->on_digests(), *this, std::move(peer)) {}

  void OnMessage(std::string bytes) {
    inbox_.push_back(std::move(bytes));
    Read();
  }
  void OnClosed() {
    closed_ = true;
    Read();
  }

  void Send(v1::ReplicateResponse response) override {
    if (wire_ == nullptr || !node_.alive()) return;
    if (!response.checkpoint().empty() && response.has_held()) {
      node_.judge_.OnCosigned(response.checkpoint());
    }
    wire_->Send(1, response.SerializeAsString());
  }
  void SendLast(v1::ReplicateResponse response) override {
    Send(std::move(response));
    reading_ = true;
    Cancel();
  }
  // With the log's lock held: what follows from it comes later.
  void Cancel() override {
    node_.After(0, [self = shared_from_this()] {
      if (self->wire_ != nullptr) std::exchange(self->wire_, nullptr)->Close(1);
      self->OnClosed();
    });
  }
  void ReadNext() override {
    reading_ = true;
    node_.After(0, [self = shared_from_this()] { self->Read(); });
  }
  // The process is gone.
  void Abandon() {
    if (wire_ != nullptr) std::exchange(wire_, nullptr)->Break();
  }

 private:
  void Read() {
    // A message that is being stored is waited for before anything else, also the end.
    if (!reading_) return;
    if (closed_) {
      reading_ = false;
      session_.OnEnded();
      node_.sites_.erase(number_);
      return;
    }
    if (inbox_.empty()) return;
    auto request = std::make_shared<v1::ReplicateRequest>();
    const bool parsed = request->ParseFromString(inbox_.front());
    inbox_.pop_front();
    if (!parsed) return node_.judge_.Violate("protocol", "a site sent what cannot be parsed");
    reading_ = false;
    session_.OnRequest(std::move(request));
    node_.Touch();
  }

  LedgerNode& node_;
  const uint64_t number_;
  std::shared_ptr<Wire> wire_;
  server::SiteSession session_;
  std::deque<std::string> inbox_;
  bool reading_ = true;
  bool closed_ = false;
};

// What server/rpc/control_hub.cc is.
class LedgerNode::FollowerStream final {
 public:
  FollowerStream(LedgerNode& node, uint64_t number, std::shared_ptr<Wire> wire)
      : node_(node),
        number_(number),
        wire_(std::move(wire)),
        session_(node.core_->NewControlSession()) {}

  void Begin() {
    wire_->Send(1, session_->Hello().SerializeAsString());
    Pump();
  }
  void OnMessage(const std::string& bytes) {
    v1::ReplicateResponse response;
    if (!response.ParseFromString(bytes)) {
      return node_.judge_.Violate("protocol", "a follower sent what cannot be parsed");
    }
    if (absl::Status status = session_->OnResponse(response); !status.ok()) return End(status);
    Pump();
  }
  void Pump() {
    while (wire_ != nullptr && node_.alive()) {
      auto next = session_->Next();
      if (!next.ok()) return End(next.status());
      if (!next->has_value() || !node_.alive()) return;
      wire_->Send(1, (*next)->SerializeAsString());
    }
  }
  void Abandon() {
    if (wire_ != nullptr) std::exchange(wire_, nullptr)->Break();
  }

 private:
  void End(const absl::Status& status) {
    node_.world_.Tell(node_.name(), absl::StrCat("leaves a follower: ", status.ToString()));
    if (wire_ != nullptr) std::exchange(wire_, nullptr)->Close(1);
    // Whoever calls may be walking over all of them.
    node_.After(0, [node = &node_, number = number_] { node->followers_.erase(number); });
  }

  LedgerNode& node_;
  const uint64_t number_;
  std::shared_ptr<Wire> wire_;
  const std::unique_ptr<log::replication::AuthorSession> session_;
};

LedgerNode::LedgerNode(World& world, Judge& judge, uint64_t seed)
    : Machine(world, judge, "ledger"), accountant_(seed) {}
LedgerNode::~LedgerNode() = default;

absl::Status LedgerNode::Start() {
  server::LedgerCoreOptions options;
  options.key = *core::Ed25519PrivateKey::FromSeed(Seed("ledger"));
  options.default_tariff = *server::MakeDefaultTariff("EUR", "0.45", "0.35");
  options.os_boot_id = absl::StrCat("boot-", life());
  options.new_log_id = *core::LogId::FromBytes(Seed("log of the ledger").substr(0, 16));
  options.instance = Seed(absl::StrCat("ledger/", life())).substr(0, 16);
  options.begin = std::exchange(next_, std::nullopt);
  options.threads = core::Threads::kNone;
  server::LedgerCore::Callbacks callbacks;
  callbacks.failed = [this](const absl::Status& why) { Fail(why); };
  callbacks.begin = [this](log::RecorderOptions::Begin begin) {
    next_ = std::move(begin);
    Fail(absl::AbortedError("the control log begins a new generation"));
  };
  callbacks.control_grown = [this] {
    After(world_.Between(50, 500), [this] { PumpFollowers(); });
    Touch();
  };
  auto core = server::LedgerCore::Open(directory(), clock(), options, callbacks);
  if (!core.ok()) return core.status();
  core_ = *std::move(core);
  Touch();
  TouchFold();
  After(kOperateUs, [this] { Operate(); });
  if (accountant_.at_work()) After(accountant_.PauseUs(), [this] { KeepBooks(); });
  scrubber_ = std::make_unique<log::Scrubber>(
      core_->archive(), clock(), log::ScrubberOptions{0, 0},
      [this](const log::EventLog& log) { return core_->KeysOf(log); },
      [this](const log::EventLog& log, const log::CheckFinding& finding) {
        core_->OnFound(log, finding);
      });
  After(kScrubUs, [this] { Scrub(); });
  return absl::OkStatus();
}

void LedgerNode::Drop() {
  for (auto& [number, stream] : sites_) stream->Abandon();
  for (auto& [number, stream] : followers_) stream->Abandon();
  followers_.clear();
  scrubber_.reset();
  // What was handed over is committed, and answered to streams that are still there.
  core_.reset();
  sites_.clear();
  restoring_.reset();
  driven_ = false;
  folding_ = false;
}

void LedgerNode::Replace() {
  std::unique_ptr<log::SimulatedDisk> disk = backup();
  SwapDisk(disk == nullptr ? std::make_unique<log::SimulatedDisk>() : std::move(disk), "signed",
           "is restored from its backup");
}

void LedgerNode::Accept(const std::shared_ptr<Wire>& wire, Call call, const std::string& peer) {
  if (core_ == nullptr || !alive()) {
    world_.After(world_.Between(kMillisecond, kSecond / 2), [wire] { wire->Break(); });
    return;
  }
  Run([&] {
    const uint64_t number = ++streams_;
    auto now = [this, life = life()] { return life == this->life() && up(); };
    Wire::Side side;
    if (call == Call::kReplicate) {
      auto stream = std::make_shared<SiteStream>(*this, number, wire, peer);
      sites_[number] = stream;
      side.on_message = [this, now, stream](std::string bytes) {
        if (now()) Run([&] { stream->OnMessage(std::move(bytes)); });
      };
      side.on_closed = [this, now, stream] {
        if (now()) Run([&] { stream->OnClosed(); });
      };
      wire->Attach(1, side);
      return;
    }
    auto stream = std::make_shared<FollowerStream>(*this, number, wire);
    followers_[number] = stream;
    side.on_message = [this, now, stream](const std::string& bytes) {
      if (now()) Run([&] { stream->OnMessage(bytes); });
    };
    side.on_closed = [this, now, number] {
      if (now()) Run([&] { followers_.erase(number); });
    };
    wire->Attach(1, side);
    stream->Begin();
  });
}

void LedgerNode::PumpFollowers() {
  const auto followers = followers_;
  for (const auto& [number, stream] : followers) stream->Pump();
}

std::string LedgerNode::Busy() const {
  if (core_ == nullptr) return "the ledger is down";
  if (driven_) return "the ledger has something to commit, to record or to seal";
  return folding_ ? "the ledger has something to fold" : "";
}

void LedgerNode::Touch() {
  if (std::exchange(driven_, true)) return;
  After(DiskDelayUs(), [this] { Drive(); });
}

void LedgerNode::Drive() {
  driven_ = false;
  bool more = core_->ledger().RunOnce();
  if (more) TouchFold();
  if (!more && alive()) more = core_->control().RunOnce();
  if (!more && alive()) more = core_->archive().RunOnce(1);
  if (more) return Touch();
  After(kSyncHeadsUs, [this] {
    absl::Status status = core_->archive().SyncHeads();
    if (status.ok() && core_->signed_heads().dirty()) status = core_->signed_heads().Sync();
    if (!status.ok()) Fail(status);
  });
}

void LedgerNode::TouchFold() {
  if (std::exchange(folding_, true)) return;
  After(kFoldUs, [this] {
    folding_ = false;
    for (int piece = 0; piece < 1000 && alive(); ++piece) {
      if (!core_->bookkeeper().RunOnce()) return Touch();
    }
    TouchFold();
  });
}

void LedgerNode::Scrub() {
  for (const log::EventLog* log : core_->archive().logs()) {
    (void)scrubber_->ScrubNow(*log, [this](const log::LogChecker&) { return alive(); });
  }
  Touch();
  After(kScrubUs, [this] { Scrub(); });
}

void LedgerNode::Operate() {
  After(kOperateUs, [this] { Operate(); });
  if (restoring_.has_value()) return;
  for (server::HeldLog* held : core_->ledger().logs()) {
    for (log::EventLog* log : held->generations()) {
      if (!held->contradicts(log->generation())) continue;
      auto comparison = core_->ledger().BeginCompare(*held);
      if (!comparison.ok()) continue;
      world_.Tell("operator", absl::StrCat("compares site ", held->site(), " generation ",
                                           log->generation().value()));
      restoring_ = Restoring{held->log_id(), log->generation().value(), *comparison};
      return After(kReportUs, [this] { FinishRestoring(); });
    }
  }
}

void LedgerNode::KeepBooks() {
  if (!office_open_) return;
  const std::string done =
      accountant_.Work(*core_, kEpochUs + static_cast<int64_t>(world_.now_us()));
  world_.Tell("accountant", done);
  if (!alive()) return;
  Touch();
  After(accountant_.PauseUs(), [this] { KeepBooks(); });
}

void LedgerNode::FinishRestoring() {
  const Restoring restoring = *std::exchange(restoring_, std::nullopt);
  for (server::HeldLog* held : core_->ledger().logs()) {
    if (held->log_id() != restoring.log_id) continue;
    auto report = core_->ledger().TakeReport(*held, restoring.comparison);
    // It is asked again.
    if (!report.ok() || !report->has_value()) return;
    auto restored =
        core_->ledger().Restore(*held, core::Generation(restoring.generation), **report);
    world_.Tell("operator", absl::StrCat("restores site ", held->site(), " generation ",
                                         restoring.generation, ": ", restored.status().ToString()));
    Touch();
  }
}

}  // namespace chargeledger::simulation
