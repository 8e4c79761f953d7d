#include "edge-agent/agent_core.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "edge-agent/version.h"
#include "log/derived_store.h"
#include "log/own_logs.h"
#include "log/replication/finding.h"
#include "log/salvage.h"
#include "log/tlog/checkpoint.h"
#include "projections/runtime/folder.h"

namespace chargeledger::edge_agent {
namespace {

// Bundles that are looked at, and dropped, each time.
constexpr uint64_t kDroppedAtOnce = 64;
// 2020-01-01T00:00:00Z, and ids that are given without a record (unrecorded_site.cc).
constexpr int64_t kIdsSinceS = 1'577'836'800;
constexpr int64_t kUnrecordedIds = 1'000'000'000;

// Nobody gives an id a second for years: a life that begins later begins behind all that were
// given. 0 with a clock that cannot be right.
int64_t IdsAfter(int64_t wall_us) {
  const int64_t id = wall_us / 1'000'000 - kIdsSinceS;
  return id > 0 && id < kUnrecordedIds ? id : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AgentCore>> AgentCore::Open(
    log::Directory& directory, core::Clock& clock, const CoreOptions& options,
    RecordingSite::Surroundings surroundings) {
  std::unique_ptr<AgentCore> core(new AgentCore(clock, options, std::move(surroundings)));
  CL_RETURN_IF_ERROR(core->OpenStores(directory));
  return core;
}

absl::Status AgentCore::OpenStores(log::Directory& directory) {
  CL_ASSIGN_OR_RETURN(archive_, log::Archive::Open(directory, options_.threads));
  archive_->OnFailed(surroundings_.failed);
  CL_ASSIGN_OR_RETURN(state_store_,
                      log::OpenDerivedStore(directory, "state", surroundings_.failed));
  CL_ASSIGN_OR_RETURN(books_store_,
                      log::OpenDerivedStore(directory, "books", surroundings_.failed));
  // What is damaged is found here, before anything is begun because of it.
  auto own = log::OwnLogs::Open(*archive_, options_.author, options_.new_log_id);
  return archive_->damage();
}

log::replication::AuthorOptions AgentCore::ToAuthorOptions() const {
  log::replication::AuthorOptions options;
  options.key = options_.key;
  options.holder_key = options_.ledger_key;
  options.instance = options_.instance;
  return options;
}

absl::StatusOr<std::unique_ptr<log::replication::AuthorStream>> AgentCore::Question() {
  CL_ASSIGN_OR_RETURN(log::OwnLogs own,
                      log::OwnLogs::Open(*archive_, options_.author, options_.new_log_id));
  if (own.current() == nullptr) return std::unique_ptr<log::replication::AuthorStream>();
  log::replication::AuthorOptions options = ToAuthorOptions();
  options.only_ask = true;
  // Past generations are brought level when the log is open; only the newest is asked for.
  return std::make_unique<log::replication::AuthorStream>(*own.current(), options_.author, options);
}

absl::Status AgentCore::Begin(const std::optional<log::RecorderOptions::Begin>& begin) {
  begun_ = begin.has_value();
  log::RecorderOptions options;
  options.software_version = kVersion;
  options.os_boot_id = options_.os_boot_id;
  options.public_key = options_.key->public_key();
  options.begin = begin;
  options.threads = options_.threads;
  CL_ASSIGN_OR_RETURN(recorder_, log::Recorder::Open(*archive_, clock_, options_.author,
                                                     options_.new_log_id, options));
  if (!recorder_->damage().ok()) {
    spdlog::error("the log is damaged and was left as it is; generation {} begins: {}",
                  recorder_->log().generation().value(), recorder_->damage().ToString());
  }
  if (options_.gap.has_value()) {
    v1::Entry entry;
    *entry.mutable_recording_gap() = *options_.gap;
    CL_RETURN_IF_ERROR(recorder_->RecordAndWait({std::move(entry)}));
  }
  memory_ = std::make_unique<TransactionMemory>(*state_store_, recorder_->log().log_id());
  control_ = std::make_unique<ControlCopy>(
      *archive_, *recorder_, options_.author.site,
      options_.ledger_key.has_value() ? options_.ledger_key->public_key() : std::string(),
      surroundings_.failed);
  return absl::OkStatus();
}

absl::Status AgentCore::FoldOrAsk() {
  absl::Status status = FoldTransactions();
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  spdlog::error("the log cannot be read whole: {}", status.ToString());
  std::vector<const log::EventLog*> logs = Past();
  logs.push_back(&recorder_->log());
  for (const log::EventLog* log : logs) {
    const std::optional<uint64_t> damaged = log::FirstUnreadable(*log, 0);
    if (!damaged.has_value()) continue;
    errands_.RequestRepair(log->generation(), *damaged / log::kTileWidth,
                           std::string(status.message()));
    break;
  }
  return status;
}

void AgentCore::Serve() {
  // What this log does not remember may have been given all the same: by a machine that stood here
  // before, or in entries that a disk took with it.
  central_system_ = std::make_unique<CentralSystem>(*memory_, options_.heartbeat_interval_s,
                                                    IdsAfter(clock_.WallMicros()));
  site_ = std::make_unique<RecordingSite>(surroundings_, *recorder_, clock_, *central_system_,
                                          *memory_);
}

absl::Status AgentCore::KeepBooks() {
  CL_RETURN_IF_ERROR(FoldTransactions());
  CL_RETURN_IF_ERROR(FoldBooks());
  return DropOld();
}

std::vector<log::tlog::VerifierKey> AgentCore::KeysOf(const log::EventLog& log) const {
  // The copy of the control log is the ledger's, which checks it when it comes.
  if (log.log_id() != recorder_->log().log_id()) return {};
  auto key = log::tlog::VerifierKey::Create(
      log::tlog::Origin(options_.author.operator_name, options_.author.site, log.log_id(),
                        log.generation()),
      log::tlog::SignatureType::kEd25519, options_.key->public_key());
  return key.ok() ? std::vector{*std::move(key)} : std::vector<log::tlog::VerifierKey>();
}

void AgentCore::OnFound(const log::EventLog& log, const log::CheckFinding& finding) {
  spdlog::error("scrub: generation {}: {}", log.generation().value(), finding.detail);
  if (!finding.sequence.has_value() || log.log_id() != recorder_->log().log_id()) return;
  errands_.RequestRepair(log.generation(), *finding.sequence / log::kTileWidth, finding.detail);
}

std::unique_ptr<log::replication::AuthorSession> AgentCore::NewSession(
    std::function<void(log::RecorderOptions::Begin)> begin) {
  return std::make_unique<log::replication::AuthorSession>(
      *archive_, *recorder_, clock_, options_.author, ToAuthorOptions(), errands_,
      log::replication::AuthorSession::Callbacks{std::move(begin), surroundings_.failed});
}

std::vector<const log::EventLog*> AgentCore::Past() const {
  std::vector<const log::EventLog*> logs;
  for (const auto& [generation, past] : recorder_->past()) {
    const log::EventLog* log = past;
    if (log == nullptr) {
      auto opened = archive_->OpenLog(recorder_->log().log_id(), core::Generation(generation));
      if (opened.ok()) log = opened->log;
    }
    if (log != nullptr) logs.push_back(log);
  }
  return logs;
}

absl::StatusOr<v1::StoredFold> AgentCore::FoldAll(projections::Folder& folder) {
  std::vector<const log::EventLog*> logs = Past();
  logs.push_back(&recorder_->log());
  CL_RETURN_IF_ERROR(folder.KeepOnly(logs));
  v1::StoredFold position;
  for (const log::EventLog* log : logs) {
    CL_ASSIGN_OR_RETURN(position, folder.Fold(*log, options_.author.site));
  }
  return position;
}

absl::Status AgentCore::FoldTransactions() {
  projections::Folder folder(*state_store_, transactions_);
  CL_ASSIGN_OR_RETURN(v1::StoredFold position, FoldAll(folder));
  surroundings_.post([this, folded = core::Sequence(position.size())] { memory_->Forget(folded); });
  return absl::OkStatus();
}

absl::Status AgentCore::FoldBooks() {
  projections::Folder folder(*books_store_, books_);
  CL_ASSIGN_OR_RETURN(v1::StoredFold position, FoldAll(folder));
  if (position.partial()) return absl::OkStatus();
  v1::ProjectionDigests digests;
  auto add = [&](uint32_t generation, uint64_t size, const auto& parts) {
    v1::ProjectionDigests::Point& point = *digests.add_points();
    point.set_generation(generation);
    point.set_size(size);
    for (const v1::StoredFold::Part& part : parts) {
      v1::ProjectionDigests::Part& out = *point.add_parts();
      out.set_name(part.name());
      out.set_version(part.version());
      out.set_digest(part.digest());
    }
  };
  for (const v1::StoredFold::Point& point : position.points()) {
    add(point.generation(), point.size(), point.parts());
  }
  add(position.generation(), position.size(), position.parts());
  errands_.SendDigests(std::move(digests));
  return absl::OkStatus();
}

// How many bundles of `log`, from its first, are older than what is kept.
absl::StatusOr<uint64_t> AgentCore::OldBundles(const log::EventLog& log) const {
  const auto cosigned = log::replication::HeadOf(log.checkpoint());
  const uint64_t covered =
      std::min(log.sealed(), cosigned.has_value() ? cosigned->size / log::kTileWidth : 0);
  const int64_t before_us = clock_.WallMicros() - options_.keep_s * 1'000'000;
  uint64_t end = log.dropped();
  while (end < std::min(covered, log.dropped() + kDroppedAtOnce)) {
    bool old = false;
    CL_RETURN_IF_ERROR(log.Read(core::Sequence((end + 1) * log::kTileWidth - 1), 1,
                                [&](core::Sequence, absl::string_view bytes) {
                                  v1::Entry entry;
                                  old = entry.ParseFromArray(bytes.data(),
                                                             static_cast<int>(bytes.size())) &&
                                        entry.wall_time_us() < before_us;
                                  return true;
                                }));
    if (!old) break;
    ++end;
  }
  return end;
}

absl::Status AgentCore::DropOld() {
  if (options_.keep_s == 0) return absl::OkStatus();
  std::vector<uint32_t> generations;
  for (const auto& [generation, past] : recorder_->past()) {
    if (past != nullptr) generations.push_back(generation);
  }
  generations.push_back(recorder_->log().generation().value());
  for (uint32_t generation : generations) {
    CL_ASSIGN_OR_RETURN(auto opened,
                        archive_->OpenLog(recorder_->log().log_id(), core::Generation(generation)));
    auto end = OldBundles(*opened.log);
    // What cannot be read is for the scrub to find and for the ledger to bring back.
    if (!end.ok()) continue;
    const uint64_t before = opened.log->dropped();
    if (*end == before) continue;
    CL_RETURN_IF_ERROR(archive_->Drop(*opened.log, *end));
    spdlog::info("dropped {} entries of generation {} that the ledger has cosigned",
                 (*end - before) * log::kTileWidth, generation);
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::edge_agent
