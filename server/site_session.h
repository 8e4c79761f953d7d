// A site's stream as the ledger has it, without the transport that carries it
// (rpc/replication_service.cc).
//
// One message at a time: the next one may come when the transport was told so, which is after the
// one before is durable and answered. What waits to be sent is bounded by what the site has asked.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "chargeledger/v1/replication.pb.h"
#include "log/replication/holder.h"
#include "server/ledger.h"

namespace chargeledger::server {

// What an author's own projections have made of its log.
using OnDigests = std::function<void(HeldLog&, const v1::ProjectionDigests&)>;

class SiteSession final : public LiveStream {
 public:
  class Transport {
   public:
    virtual ~Transport() = default;
    // On any thread; sent in this order.
    virtual void Send(v1::ReplicateResponse response) = 0;
    // Likewise; the stream ends when it was sent.
    virtual void SendLast(v1::ReplicateResponse response) = 0;
    // Ends the stream soon. Called with the log's lock held.
    virtual void Cancel() = 0;
    // The next message may come. On any thread.
    virtual void ReadNext() = 0;
  };

  // All outlive the session. `on_digests` may be empty.
  SiteSession(Ledger& ledger, const OnDigests& on_digests, Transport& transport, std::string peer)
      : ledger_(ledger), on_digests_(on_digests), transport_(transport), peer_(std::move(peer)) {}

  void OnRequest(std::shared_ptr<const v1::ReplicateRequest> request);
  // The stream has ended: no call comes any more. Before the site can know it, so that its next
  // stream is not refused for this one.
  void OnEnded();

  // LiveStream:
  void Tell(v1::ReplicateResponse response) override { transport_.Send(std::move(response)); }
  void End() override { transport_.Cancel(); }

 private:
  void OnHello(const v1::AuthorHello& hello);
  void Store(std::shared_ptr<const v1::ReplicateRequest> request, log::replication::Reply reply);
  void RefuseFor(const absl::Status& status);
  void Refuse(v1::Refusal refusal);

  Ledger& ledger_;
  const OnDigests& on_digests_;
  Transport& transport_;
  const std::string peer_;
  std::optional<Ledger::Stream> stream_;
  std::optional<log::replication::HolderStream> machine_;
};

}  // namespace chargeledger::server
