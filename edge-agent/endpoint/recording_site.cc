#include "edge-agent/endpoint/recording_site.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace chargeledger::edge_agent {

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
  connections_[peer.charge_point_id] = {peer.connection, link};
  return peer;
}

void RecordingSite::Refuse(v1::ConnectionRefused refused) {
  spdlog::warn("refused a connection from {} to {}: {}", refused.remote_address(), refused.path(),
               refused.reason());
  v1::Entry entry;
  *entry.mutable_connection_refused() = std::move(refused);
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
  for (auto& [id, connected] : connections_) {
    if (auto link = connected.link.lock()) link->OnShutdown();
  }
}

}  // namespace chargeledger::edge_agent
