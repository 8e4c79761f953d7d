#include "tests/simulation/charger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/simulation/site_node.h"

namespace chargeledger::simulation {
namespace {

constexpr uint64_t kCallTimeoutUs = 30 * kSecond;
constexpr size_t kMaxQueued = 200;
constexpr int kFlood = 60;
constexpr int64_t kLongestStepUs = 60'000'000;

}  // namespace

Charger::Charger(World& world, Judge& judge, SiteNode& site, std::string id, int number,
                 uint64_t seed, const chargesim::Behaviour& behaviour, const Habits& habits)
    : world_(world),
      judge_(judge),
      site_(site),
      habits_(habits),
      random_(seed * 7919 + static_cast<uint64_t>(number)),
      point_(std::move(id), number, seed, behaviour, kEpochUs + habits.clock_offset_us) {}

int64_t Charger::NowUs() const {
  return kEpochUs + static_cast<int64_t>(world_.now_us()) + habits_.clock_offset_us;
}

void Charger::Start() {
  Live();
  world_.After(world_.Between(0, kMinute), [this] { Connect(); });
}

void Charger::Live() {
  point_.Advance(NowUs());
  if (point_.TakeDrop() && wire_ != nullptr) {
    // Without a word: the site finds out when it does.
    wire_->Break();
  }
  Pump();
  // Nothing more happens by itself once it has finished.
  const int64_t wait = finished_ ? kLongestStepUs : point_.next_event_us() - NowUs();
  world_.After(static_cast<uint64_t>(std::clamp<int64_t>(wait, 1, kLongestStepUs)),
               [this] { Live(); });
}

void Charger::Connect() {
  if (wire_ != nullptr) return;
  if (!site_.serving()) {
    world_.After(world_.Between(kSecond, 20 * kSecond), [this] { Connect(); });
    return;
  }
  wire_ = std::make_shared<Wire>(world_, line_);
  Wire::Side side;
  side.on_message = [this, wire = wire_.get()](const std::string& bytes) {
    if (wire_.get() == wire) OnMessage(bytes);
  };
  side.on_closed = [this, wire = wire_.get()] {
    if (wire_.get() == wire) Lost();
  };
  wire_->Attach(0, side);
  site_.Accept(wire_, point_.id());
  point_.Advance(NowUs());
  point_.OnConnected();
  Pump();
}

void Charger::Lost() {
  if (wire_ == nullptr) return;
  std::exchange(wire_, nullptr)->Close(0);
  waiting_.clear();
  ++awaited_;
  point_.Advance(NowUs());
  point_.OnDisconnected();
  pauses_ = std::min<uint64_t>(pauses_ + 1, 5);
  world_.After(world_.Between(kSecond, kSecond << pauses_), [this] { Connect(); });
}

void Charger::Pump() {
  while (wire_ != nullptr) {
    std::optional<std::string> frame = point_.NextFrame();
    judge_.Expect(point_.queued_messages() <= kMaxQueued, "bounds",
                  absl::StrCat(point_.id(), " has queued ", point_.queued_messages()));
    if (!frame.has_value()) return;
    Misbehave(*frame);
    if (!FrameKey("", *frame).empty()) waiting_ = *frame;
    wire_->Send(0, *std::move(frame));
    world_.After(kCallTimeoutUs, [this, awaited = ++awaited_] {
      if (awaited == awaited_ && !waiting_.empty()) Lost();
    });
  }
}

void Charger::Misbehave(const std::string& frame) {
  auto now = [this](int64_t one_in) { return one_in > 0 && random_.OneIn(one_in); };
  if (now(habits_.duplicates_one_in)) wire_->Send(0, frame);
  if (now(habits_.broken_frames_one_in)) {
    const std::string broken = frame.substr(
        0, static_cast<size_t>(random_.Between(0, static_cast<int64_t>(frame.size()) - 1)));
    // Cut in the message id it would be another frame's.
    wire_->Send(0, absl::StrCat("{", broken));
  }
  if (now(habits_.floods_one_in)) {
    for (int i = 0; i < kFlood; ++i) {
      wire_->Send(0, absl::StrCat("[2,\"flood-", ++odd_frames_, "\",\"Heartbeat\",{}]"));
    }
  }
}

void Charger::OnMessage(const std::string& bytes) {
  // An answer names its call.
  const std::string call = bytes.size() < 2 ? "" : FrameKey("", "[2" + bytes.substr(2));
  if (!call.empty() && !waiting_.empty() && call == FrameKey("", waiting_)) {
    judge_.OnAnswered(point_.id(), waiting_);
    waiting_.clear();
    ++awaited_;
    pauses_ = 0;
  }
  point_.Advance(NowUs());
  point_.OnMessage(bytes);
  Pump();
}

void Charger::Finish() {
  const int64_t offset = habits_.clock_offset_us;
  habits_ = {};
  habits_.clock_offset_us = offset;
  finished_ = true;
  point_.Finish();
  Pump();
}

}  // namespace chargeledger::simulation
