// The edge agent as a whole: log, recorder, transaction memory, endpoint and replicator, and the
// order in which they start and stop.
//
// Threads: the I/O thread (endpoint, central system), the recorder's, the replicator's two, and one
// that folds the transactions' state behind the log.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "chargeledger/v1/entry.pb.h"
#include "core/clock.h"
#include "core/process/address.h"
#include "edge-agent/endpoint/endpoint.h"
#include "log/recorder.h"
#include "log/tlog/note.h"

namespace chargeledger::edge_agent {

struct AgentOptions {
  std::string data_dir;
  log::Author author;
  core::Address listen;
  // HOST:PORT; empty: record only.
  std::string ledger;
  int64_t heartbeat_interval_s = 300;
  EndpointOptions endpoint;
  // False only to measure what durability costs.
  bool sync = true;
  // PEM file of the key that signs checkpoints; empty: one in the data directory, made if it is not
  // there.
  std::string signing_key;
  // Of what is stored, in the background; 0: none.
  int64_t scrub_bytes_per_second = 1 << 20;
  // For Prometheus; none: not served.
  std::optional<core::Address> metrics_listen;
  // Below so much free space nobody may begin to charge; what has begun is recorded on.
  uint64_t reserve_bytes = 64 << 20;
  // While nothing can be recorded: answer all the same.
  bool answer_unrecorded = false;
  // What could not be recorded before this start.
  std::optional<v1::RecordingGap> gap;
  // The ledger's key for cosignatures, if it is to be checked.
  std::optional<log::tlog::VerifierKey> ledger_key;
  // 16 bytes drawn when the process began.
  std::string instance;
  // How long the ledger may take to say, before anything is numbered, whether it has more of the
  // log than there is here; 0: it is not asked.
  int64_t ask_ledger_ms = 2'000;
  // The next generation is to begin (Agent::next).
  std::optional<log::RecorderOptions::Begin> begin;
  // Entries that the ledger holds are kept here for so long; 0: for ever.
  int64_t keep_s = 0;
};

class Agent {
 public:
  // Listens when it returns. `clock` outlives the agent.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(core::Clock& clock,
                                                      const AgentOptions& options);
  // Closes the connections, records that, and waits until everything recorded is durable.
  virtual ~Agent() = default;

  // Where charge points connect.
  virtual core::Address address() const = 0;
  // With which generation the next life is to begin, if this one ended for that.
  virtual std::optional<log::RecorderOptions::Begin> next() const = 0;
  // Where metrics are served, if they are.
  virtual std::optional<core::Address> metrics_address() const = 0;
};

}  // namespace chargeledger::edge_agent
