#include "server/ledger_core.h"

#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

#include "core/check.h"
#include "log/derived_store.h"
#include "log/own_logs.h"
#include "server/default_tariff.h"
#include "server/digest_check.h"
#include "server/fact_check.h"
#include "server/version.h"

namespace chargeledger::server {

absl::StatusOr<std::unique_ptr<LedgerCore>> LedgerCore::Open(log::Directory& directory,
                                                             core::Clock& clock,
                                                             const LedgerCoreOptions& options,
                                                             Callbacks callbacks) {
  std::unique_ptr<LedgerCore> core(new LedgerCore(clock, options, std::move(callbacks)));
  absl::Status status = core->OpenAll(directory);
  if (core->archive_ != nullptr) CL_RETURN_IF_ERROR(core->archive_->damage());
  CL_RETURN_IF_ERROR(status);
  core->Connect();
  return core;
}

absl::Status LedgerCore::OpenAll(log::Directory& directory) {
  CL_ASSIGN_OR_RETURN(archive_, log::Archive::Open(directory, options_.threads));
  archive_->OnFailed(callbacks_.failed);
  CL_ASSIGN_OR_RETURN(states_, log::OpenDerivedStore(directory, "state", callbacks_.failed));
  {
    // What is damaged is found here, before anything is begun because of it.
    auto own = log::OwnLogs::Open(*archive_, ControlAuthor(), options_.new_log_id);
    if (archive_->damaged()) return own.status();
    CL_RETURN_IF_ERROR(own.status());
  }
  CL_RETURN_IF_ERROR(OpenControl());
  CL_ASSIGN_OR_RETURN(facts_, ControlFacts::Open(*control_));
  if (options_.default_tariff.has_value()) {
    CL_RETURN_IF_ERROR(PutInForce(*options_.default_tariff, *facts_));
  }
  CL_ASSIGN_OR_RETURN(signed_heads_, log::HeadFile::Open(directory, "signed", options_.threads));
  divergences_ = std::make_unique<Divergences>(control_.get());
  LedgerOptions options;
  options.key = options_.key;
  options.name = options_.name;
  options.signed_heads = signed_heads_.get();
  options.divergences = divergences_.get();
  options.threads = options_.threads;
  CL_ASSIGN_OR_RETURN(ledger_, Ledger::Open(*archive_, clock_, options));
  return absl::OkStatus();
}

absl::Status LedgerCore::OpenControl() {
  log::RecorderOptions options;
  options.software_version = kVersion;
  options.os_boot_id = options_.os_boot_id;
  options.public_key = options_.key->public_key();
  options.begin = options_.begin;
  options.threads = options_.threads;
  CL_ASSIGN_OR_RETURN(control_, log::Recorder::Open(*archive_, clock_, ControlAuthor(),
                                                    options_.new_log_id, options));
  if (!control_->damage().ok()) {
    spdlog::error("the control log is damaged and was left as it is; generation {} begins: {}",
                  control_->log().generation().value(), control_->damage().ToString());
  }
  return absl::OkStatus();
}

void LedgerCore::Connect() {
  ledger_->ShowControl(ControlAuthor(), *control_);
  for (const HeldLog* held : ledger_->logs()) {
    if (held->damage().ok()) continue;
    spdlog::error("site {}: {}", held->site(), held->damage().ToString());
  }
  bookkeeper_ = std::make_unique<Bookkeeper>(
      *states_,
      [this](const auto& log, auto sequence, const absl::Status& why) {
        ledger_->OnDamaged(log, sequence, std::string(why.message()));
      },
      callbacks_.failed, options_.threads);
  bookkeeper_->OnChanged([this](const core::LogId& log_id, size_t part, absl::string_view key) {
    if (part == projections::Books::kSessions && key[0] == projections::kSessionKind) {
      feed_.OnChanged(log_id, std::string(key));
    }
    if (callbacks_.changed) callbacks_.changed(log_id, part, key);
  });
  bookkeeper_->OnEvent([this](const projections::Event& event) {
    return event.log_id == control_->log().log_id() ? absl::OkStatus() : CheckFact(event, *facts_);
  });
  ledger_->OnGrown([this](const std::vector<HeldLog*>& grown) { bookkeeper_->OnGrown(grown); });
  ledger_->OnFailed(callbacks_.failed);
  bookkeeper_->OnGrown(ledger_->logs());
  bookkeeper_->OnGrown({ledger_->control()});
  control_->OnCommitted([this](const log::TreeHead&) {
    bookkeeper_->OnGrown({ledger_->control()});
    if (callbacks_.control_grown) callbacks_.control_grown();
  });
  on_digests_ = [this](HeldLog& held, const v1::ProjectionDigests& digests) {
    auto check = CheckDigests(*states_, books_, held.log_id(), digests);
    if (check.ok() && check->compared > 0) ledger_->OnProjections(held, check->difference);
  };
}

LedgerCore::~LedgerCore() {
  if (control_ != nullptr) control_->OnCommitted({});
  if (ledger_ != nullptr) ledger_->Stop();
}

std::vector<log::tlog::VerifierKey> LedgerCore::KeysOf(const log::EventLog& log) const {
  std::vector<log::tlog::VerifierKey> keys;
  for (const HeldLog* held : ledger_->logs()) {
    if (held->log_id() != log.log_id()) continue;
    if (auto key = held->author_key(log.generation())) keys.push_back(*std::move(key));
  }
  return keys;
}

void LedgerCore::OnFound(const log::EventLog& log, const log::CheckFinding& finding) {
  spdlog::error("scrub: log {}: {}", log.log_id().ToHex(), finding.detail);
  ledger_->OnDamaged(log, finding.sequence, finding.detail);
}

std::unique_ptr<log::replication::AuthorSession> LedgerCore::NewControlSession() {
  log::replication::AuthorOptions options;
  options.key = options_.key;
  options.instance = options_.instance;
  // A site must not be able to write the control log.
  options.believe_holder = false;
  return std::make_unique<log::replication::AuthorSession>(
      *archive_, *control_, clock_, ControlAuthor(), options, control_errands_,
      log::replication::AuthorSession::Callbacks{callbacks_.begin, callbacks_.failed});
}

}  // namespace chargeledger::server
