#include "edge-agent/endpoint/connection.h"

#include <algorithm>
#include <utility>

namespace chargeledger::edge_agent {
namespace {

// Of a message that was not taken (FrameRefused.head).
constexpr size_t kMaxRefusedHead = 4096;

// RFC 6455 §7.4.1.
constexpr uint16_t kGoingAway = 1001;
constexpr uint16_t kPolicyViolation = 1008;
constexpr uint16_t kTryAgainLater = 1013;

}  // namespace

Connection::Connection(Site& site, core::Clock& clock, const ConnectionLimits& limits)
    : site_(site), clock_(clock), limits_(limits) {}

absl::Status Connection::Connect(const v1::ConnectionOpened& opened) {
  auto peer = site_.Connect(shared_from_this(), opened);
  if (peer.ok()) peer_ = *std::move(peer);
  return peer.status();
}

void Connection::Run(std::unique_ptr<Stream> stream) {
  stream_ = std::move(stream);
  stream_->Accept([self = shared_from_this()](const Outcome& outcome) {
    if (!outcome.ok()) return self->Ended(outcome);
    self->accepted_ = true;
    if (self->closing_) return self->StartClosing();
    self->Read();
  });
}

bool Connection::TakeTurn() {
  if (limits_.max_messages_per_s == 0) return true;
  const uint64_t cost_us = 1'000'000 / static_cast<uint64_t>(limits_.max_messages_per_s);
  const uint64_t burst_us = cost_us * static_cast<uint64_t>(limits_.burst_messages);
  const uint64_t now_us = clock_.MonotonicMicros();
  full_at_us_ = std::max(full_at_us_, now_us);
  if (full_at_us_ + cost_us <= now_us + burst_us) {
    full_at_us_ += cost_us;
    return true;
  }
  if (waiting_) return false;
  waiting_ = true;
  site_.Slow(*peer_);
  stream_->Wait(static_cast<int64_t>(full_at_us_ + cost_us - now_us - burst_us),
                [self = shared_from_this()](const Outcome&) {
                  self->waiting_ = false;
                  self->Read();
                });
  return false;
}

void Connection::Read() {
  if (reading_ || closing_ || unanswered_ >= limits_.max_unanswered || !TakeTurn()) return;
  reading_ = true;
  stream_->Read(
      [self = shared_from_this()](const Outcome& outcome, absl::string_view bytes, bool binary) {
        self->reading_ = false;
        self->OnRead(outcome, bytes, binary);
      });
}

void Connection::OnRead(const Outcome& outcome, absl::string_view bytes, bool binary) {
  if (outcome.kind == Outcome::Kind::kBadMessage && peer_.has_value()) {
    RefuseFrame(outcome.detail, bytes);
  }
  if (!outcome.ok()) return Ended(outcome);
  if (write_failure_.has_value()) return Ended(*write_failure_);
  if (closing_) return;
  ++unanswered_;
  const absl::Status status = site_.Receive(shared_from_this(), *peer_, bytes, binary);
  if (!status.ok()) {
    return Close(v1::ConnectionClosed::REASON_PROTOCOL_ERROR, kTryAgainLater,
                 std::string(status.message()));
  }
  Read();
}

void Connection::OnRecorded(std::optional<std::string> answer) {
  if (closing_ || !answer.has_value()) {
    --unanswered_;
    return Read();
  }
  outbox_.push_back(*std::move(answer));
  if (!writing_) Write();
}

void Connection::Write() {
  writing_ = true;
  stream_->Write(outbox_.front(), [self = shared_from_this()](const Outcome& outcome) {
    self->writing_ = false;
    self->OnWritten(outcome);
  });
}

void Connection::OnWritten(const Outcome& outcome) {
  outbox_.pop_front();
  --unanswered_;
  if (closing_ || !outcome.ok()) {
    outbox_.clear();
    if (!closing_ && reading_) write_failure_ = outcome;
    if (!closing_ && !reading_) Ended(outcome);
    closing_ = true;
    return;
  }
  if (!outbox_.empty()) Write();
  Read();
}

void Connection::OnReplaced() {
  Close(v1::ConnectionClosed::REASON_REPLACED, kPolicyViolation, "another connection took over");
}

void Connection::OnShutdown() {
  Close(v1::ConnectionClosed::REASON_SHUTDOWN, kGoingAway, "the edge agent stops");
}

void Connection::Close(v1::ConnectionClosed::Reason reason, uint16_t code, std::string detail) {
  if (closing_) return;
  closing_ = true;
  close_reason_ = reason;
  close_code_ = code;
  close_detail_ = std::move(detail);
  if (accepted_) StartClosing();
}

void Connection::StartClosing() {
  stream_->Close(close_code_, close_detail_,
                 [self = shared_from_this()](const Outcome& outcome) { self->Ended(outcome); });
}

void Connection::RefuseFrame(const std::string& reason, absl::string_view bytes) {
  v1::FrameRefused refused;
  refused.set_charge_point_id(peer_->charge_point_id);
  refused.set_connection(peer_->connection);
  refused.set_reason(reason);
  refused.set_head(bytes.data(), std::min(bytes.size(), kMaxRefusedHead));
  refused.set_received_bytes(bytes.size());
  site_.RefuseFrame(std::move(refused));
}

void Connection::Ended(const Outcome& outcome) {
  closing_ = true;
  if (!peer_.has_value()) return;
  v1::ConnectionClosed closed;
  closed.set_detail(outcome.detail);
  if (close_reason_ != v1::ConnectionClosed::REASON_UNSPECIFIED) {
    closed.set_reason(close_reason_);
    closed.set_detail(close_detail_);
  } else {
    switch (outcome.kind) {
      case Outcome::Kind::kClosedByPeer:
        closed.set_reason(v1::ConnectionClosed::REASON_BY_CHARGE_POINT);
        closed.set_close_code(outcome.close_code);
        break;
      case Outcome::Kind::kTimedOut:
        closed.set_reason(v1::ConnectionClosed::REASON_TIMED_OUT);
        closed.clear_detail();
        break;
      case Outcome::Kind::kBadMessage:
      case Outcome::Kind::kProtocolError:
        closed.set_reason(v1::ConnectionClosed::REASON_PROTOCOL_ERROR);
        break;
      case Outcome::Kind::kOk:
      case Outcome::Kind::kLost:
        closed.set_reason(v1::ConnectionClosed::REASON_LOST);
        break;
    }
  }
  site_.Disconnect(*peer_, std::move(closed));
  peer_.reset();
}

}  // namespace chargeledger::edge_agent
