#include "edge-agent/endpoint/unrecorded_site.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/ids.h"

namespace chargeledger::edge_agent {
namespace {

// Ids that are given without a record begin here, one range a second: far from those of the log,
// which count from 1.
constexpr int64_t kFirstId = 1'000'000'000;

}  // namespace

UnrecordedSite::UnrecordedSite(boost::asio::io_context& io, core::Clock& clock, bool answers,
                               int64_t heartbeat_interval_s)
    : io_(io),
      clock_(clock),
      answers_(answers),
      memory_(store_, core::LogId()),
      central_system_(memory_, heartbeat_interval_s,
                      kFirstId + clock.WallMicros() / 1'000'000 % kFirstId) {}

absl::StatusOr<Peer> UnrecordedSite::Connect(const std::shared_ptr<Link>& link,
                                             const v1::ConnectionOpened& opened) {
  if (!answers_) {
    ++refused_;
    return absl::UnavailableError(
        "the site's disk is full: nothing can be recorded, so nothing is answered; try again "
        "later");
  }
  const Peer peer{opened.charge_point_id(), next_connection_++, opened.subprotocol()};
  auto before = connections_.find(peer.charge_point_id);
  if (before != connections_.end()) {
    if (auto old = before->second.link.lock()) old->OnReplaced();
  }
  connections_[peer.charge_point_id] = {peer.connection, link};
  return peer;
}

void UnrecordedSite::Refuse(v1::ConnectionRefused) {}

absl::Status UnrecordedSite::Receive(const std::shared_ptr<Link>& link, const Peer& peer,
                                     absl::string_view bytes, bool binary) {
  Handled handled = central_system_.OnFrame(peer, bytes, binary, clock_.WallMicros());
  ++unrecorded_[peer.charge_point_id];
  boost::asio::post(io_, [link, answer = std::move(handled.answer)]() mutable {
    link->OnRecorded(std::move(answer));
  });
  return absl::OkStatus();
}

void UnrecordedSite::RefuseFrame(v1::FrameRefused) { ++refused_; }

void UnrecordedSite::Disconnect(const Peer& peer, v1::ConnectionClosed) {
  auto live = connections_.find(peer.charge_point_id);
  if (live != connections_.end() && live->second.connection == peer.connection) {
    connections_.erase(live);
  }
}

void UnrecordedSite::Shutdown() {
  for (auto& [id, connected] : connections_) {
    if (auto link = connected.link.lock()) link->OnShutdown();
  }
}

v1::RecordingGap UnrecordedSite::gap() const {
  v1::RecordingGap gap;
  gap.set_refused(refused_);
  for (const auto& [charge_point_id, frames] : unrecorded_) {
    gap.set_unrecorded_frames(gap.unrecorded_frames() + frames);
    if (gap.unrecorded_size() == kMaxNamedInGap) continue;
    v1::UnrecordedFrames& named = *gap.add_unrecorded();
    named.set_charge_point_id(charge_point_id);
    named.set_frames(frames);
  }
  return gap;
}

}  // namespace chargeledger::edge_agent
