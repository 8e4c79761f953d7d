// The site's copy of the ledger's control log: what is done with what the ledger sends, without a
// transport (rpc/control_follower.h).
//
//  1. Each time new control entries are durable here, those that concern the site are copied into
//  its own log (KnownFact), and ControlAdvanced behind them: from there on the site knew them. A
//  crash in between is made up for when the ledger comes again; a fact that is copied twice counts
//  once.
//  2. Only entries signed with the ledger's key are taken: the one that is given, or the first one
//  that came.
//
// Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/replication.pb.h"
#include "log/archive.h"
#include "log/recorder.h"
#include "log/replication/holder.h"

namespace chargeledger::edge_agent {

class ControlCopy {
 public:
  // `archive` and `recorder` outlive the copy. `ledger_key` is the ledger's public key, 32 bytes,
  // if it is known beforehand. `failed`: the stored logs cannot be written, the process is to end.
  ControlCopy(log::Archive& archive, log::Recorder& recorder, std::string site,
              std::string ledger_key, std::function<void(const absl::Status&)> failed)
      : archive_(archive),
        recorder_(recorder),
        site_(std::move(site)),
        ledger_key_(std::move(ledger_key)),
        failed_(std::move(failed)) {}

  // The ledger begins anew: what comes next is its hello.
  void BeginStream() { stream_.reset(); }
  // What is to be answered; nothing if nothing is. An error ends the stream. FAILED_PRECONDITION:
  // the ledger has another key than before.
  absl::StatusOr<std::optional<v1::ReplicateResponse>> OnRequest(
      const v1::ReplicateRequest& request);

 private:
  // The generations to hold for this author, opened.
  absl::StatusOr<log::replication::HeldGenerations> Admit(const v1::AuthorHello& hello);
  // The newest generation that is known of it.
  absl::StatusOr<uint32_t> Remember(const v1::AuthorHello& hello);
  absl::Status Store(log::replication::Reply& reply);
  absl::Status RecordAdvanced(const log::EventLog& log);
  // Copies what was not yet copied into this generation of the site's own log.
  absl::Status CopyFacts(const log::EventLog& newest);
  absl::Status CopyFrom(const log::EventLog& log, uint64_t from);
  bool Concerns(const v1::ControlFact& fact) const;

  log::Archive& archive_;
  log::Recorder& recorder_;
  const std::string site_;
  const std::string ledger_key_;
  const std::function<void(const absl::Status&)> failed_;
  std::optional<log::replication::HolderStream> stream_;
  // Whether what was here when the process began is on record.
  bool recorded_ = false;
};

}  // namespace chargeledger::edge_agent
