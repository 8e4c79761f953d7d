#include "edge-agent/endpoint/recording_site.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace chargeledger::edge_agent {
namespace {

constexpr uint64_t kSlowedEveryUs = 60'000'000;

}  // namespace

absl::StatusOr<core::Sequence> RecordingSite::Record(std::vector<v1::Entry> entries,
                                                     std::function<void()> recorded) {
  return recorder_.Record(std::move(entries),
                          [this, recorded = std::move(recorded)](const absl::Status& status) {
                            if (!status.ok()) {
                              // What the log does not hold must not be answered, and it takes no
                              // more.
                              surroundings_.failed(status);
                            } else if (recorded) {
                              surroundings_.post(recorded);
                            }
                          });
}

absl::StatusOr<Peer> RecordingSite::Connect(const std::shared_ptr<Link>& link,
                                            const v1::ConnectionOpened& opened) {
  Peer peer;
  peer.charge_point_id = opened.charge_point_id();
  peer.subprotocol = opened.subprotocol();
  v1::Entry entry;
  *entry.mutable_connection_opened() = opened;
  auto sequence = Record({std::move(entry)});
  if (!sequence.ok()) return absl::UnavailableError(sequence.status().message());
  peer.connection = sequence->value();

  auto before = connections_.find(peer.charge_point_id);
  if (before != connections_.end()) {
    v1::Entry replaced;
    v1::ConnectionClosed& closed = *replaced.mutable_connection_closed();
    closed.set_charge_point_id(peer.charge_point_id);
    closed.set_connection(before->second.connection);
    closed.set_reason(v1::ConnectionClosed::REASON_REPLACED);
    closed.set_replaced_by(peer.connection);
    (void)Record({std::move(replaced)});
    if (auto old = before->second.link.lock()) old->OnReplaced();
  }
  connections_[peer.charge_point_id] = {peer.connection, link, std::nullopt};
  return peer;
}

void RecordingSite::Refuse(v1::ConnectionRefused refused) {
  RecordAll(refusals_.Add(std::move(refused), clock_.MonotonicMicros()));
}

void RecordingSite::RecordAll(std::vector<v1::Entry> entries) {
  for (const v1::Entry& entry : entries) {
    if (!entry.has_connection_refused()) continue;
    const v1::ConnectionRefused& refused = entry.connection_refused();
    spdlog::warn("refused a connection from {} to {}: {}", refused.remote_address(), refused.path(),
                 refused.reason());
  }
  if (!entries.empty()) (void)Record(std::move(entries));
}

void RecordingSite::Tick() { RecordAll(refusals_.Tick(clock_.MonotonicMicros())); }

void RecordingSite::Slow(const Peer& peer) {
  auto live = connections_.find(peer.charge_point_id);
  if (live == connections_.end() || live->second.connection != peer.connection) return;
  const uint64_t now_us = clock_.MonotonicMicros();
  std::optional<uint64_t>& last_us = live->second.slowed_us;
  if (last_us.has_value() && now_us < *last_us + kSlowedEveryUs) return;
  last_us = now_us;
  spdlog::warn("{} says more than {} messages a second: it is read slower", peer.charge_point_id,
               surroundings_.max_messages_per_s);
  v1::Entry entry;
  v1::ConnectionSlowed& slowed = *entry.mutable_connection_slowed();
  slowed.set_charge_point_id(peer.charge_point_id);
  slowed.set_connection(peer.connection);
  slowed.set_messages_per_second(surroundings_.max_messages_per_s);
  (void)Record({std::move(entry)});
}

absl::Status RecordingSite::Receive(const std::shared_ptr<Link>& link, const Peer& peer,
                                    absl::string_view bytes, bool binary) {
  memory_.SetNext(recorder_.next());
  Handled handled = central_system_.OnFrame(peer, bytes, binary, clock_.WallMicros());
  if (!memory_.status().ok()) {
    surroundings_.failed(memory_.status());
    return memory_.status();
  }
  return Record(std::move(handled.entries),
                [link, answer = std::move(handled.answer)]() mutable {
                  link->OnRecorded(std::move(answer));
                })
      .status();
}

void RecordingSite::RefuseFrame(v1::FrameRefused refused) {
  v1::Entry entry;
  *entry.mutable_frame_refused() = std::move(refused);
  (void)Record({std::move(entry)});
}

void RecordingSite::Disconnect(const Peer& peer, v1::ConnectionClosed closed) {
  auto live = connections_.find(peer.charge_point_id);
  if (live == connections_.end() || live->second.connection != peer.connection) return;
  connections_.erase(live);
  closed.set_charge_point_id(peer.charge_point_id);
  closed.set_connection(peer.connection);
  v1::Entry entry;
  *entry.mutable_connection_closed() = std::move(closed);
  (void)Record({std::move(entry)});
}

void RecordingSite::Shutdown() {
  RecordAll(refusals_.Flush(clock_.MonotonicMicros()));
  for (auto& [id, connected] : connections_) {
    if (auto link = connected.link.lock()) link->OnShutdown();
  }
}

}  // namespace chargeledger::edge_agent
