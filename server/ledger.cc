#include "server/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::server {
namespace {

constexpr char kLogKind = 'l';

std::string LogKey(const core::LogId& log_id) {
  return absl::StrCat(absl::string_view(&kLogKind, 1), log_id.bytes());
}

// With the origin as the key's name, as tlog-checkpoint recommends.
absl::StatusOr<log::tlog::VerifierKey> AuthorKey(const HeldLog& held, core::Generation generation,
                                                 const std::string& public_key) {
  return log::tlog::VerifierKey::Create(
      log::tlog::Origin(held.operator_name(), held.site(), held.log_id(), generation),
      log::tlog::SignatureType::kEd25519, public_key);
}

}  // namespace

std::vector<log::EventLog*> HeldLog::generations() const {
  absl::MutexLock lock(&mutex_);
  std::vector<log::EventLog*> logs;
  for (const auto& [generation, log] : generations_) logs.push_back(log);
  return logs;
}

bool HeldLog::replicating() const {
  absl::MutexLock lock(&mutex_);
  return replicating_;
}

absl::Status HeldLog::damage() const {
  absl::MutexLock lock(&mutex_);
  return damage_;
}

std::optional<log::tlog::VerifierKey> HeldLog::author_key(core::Generation generation) const {
  absl::MutexLock lock(&mutex_);
  if (public_key_.empty()) return std::nullopt;
  auto key = AuthorKey(*this, generation, public_key_);
  return key.ok() ? std::optional<log::tlog::VerifierKey>(*std::move(key)) : std::nullopt;
}

std::optional<v1::AuthorHello> HeldLog::author() const {
  absl::MutexLock lock(&mutex_);
  return author_;
}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(log::Archive& archive, core::Clock& clock,
                                                     const LedgerOptions& options) {
  std::unique_ptr<Ledger> ledger(new Ledger(archive, clock, options));
  if (options.key.has_value()) {
    CL_ASSIGN_OR_RETURN(ledger->cosigner_,
                        log::tlog::NoteSigner::Create(
                            options.name, log::tlog::SignatureType::kCosignature, *options.key));
    CL_ASSIGN_OR_RETURN(ledger->signer_,
                        log::tlog::NoteSigner::Create(
                            options.name, log::tlog::SignatureType::kEd25519, *options.key));
  }
  CL_RETURN_IF_ERROR(ledger->LoadLogs());
  ledger->thread_ = std::thread([l = ledger.get()] { l->Run(); });
  return ledger;
}

Ledger::~Ledger() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status Ledger::LoadLogs() {
  std::vector<std::string> values;
  const std::string prefix(1, kLogKind);
  CL_RETURN_IF_ERROR(archive_.store().Scan(prefix, log::AfterPrefix(prefix),
                                           [&](absl::string_view, absl::string_view value) {
                                             values.emplace_back(value);
                                             return true;
                                           }));
  absl::MutexLock lock(&mutex_);
  for (const std::string& value : values) {
    v1::StoredLog stored;
    if (!stored.ParseFromString(value)) {
      return absl::DataLossError("the record of a held log cannot be read");
    }
    CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(stored.log_id()));
    auto held = std::make_unique<HeldLog>(log_id, stored.operator_(), stored.site());
    CL_RETURN_IF_ERROR(OpenGenerations(*held, stored.generation()));
    absl::MutexLock held_lock(&held->mutex_);
    held->public_key_ = stored.author_public_key();
    logs_[log_id] = std::move(held);
  }
  return absl::OkStatus();
}

absl::Status Ledger::OpenGenerations(HeldLog& held, uint32_t newest) {
  absl::MutexLock lock(&held.mutex_);
  held.newest_ = newest;
  for (uint32_t generation = 1; generation <= newest; ++generation) {
    auto opened = archive_.OpenLog(held.log_id(), core::Generation(generation));
    const absl::Status status = opened.ok() ? opened->witness : opened.status();
    if (!status.ok()) {
      // Damage of one log is no reason to stop the others; that a head file is missing, or a disk
      // cannot be read, is one.
      if (status.code() != absl::StatusCode::kDataLoss) return status;
      held.damage_ = status;
    }
    // What only lost its newest entries gets them again; another history is nothing to build on.
    const bool usable =
        opened.ok() && (status.ok() || opened->witnessed->size > opened->log->head().size);
    if (usable) held.generations_[generation] = opened->log;
  }
  return absl::OkStatus();
}

absl::Status Ledger::StoreLog(const HeldLog& held, uint32_t generation,
                              const std::string& public_key) {
  v1::StoredLog stored;
  stored.set_operator_(held.operator_name());
  stored.set_site(held.site());
  stored.set_log_id(std::string(held.log_id().bytes()));
  stored.set_generation(generation);
  stored.set_author_public_key(public_key);
  log::WriteBatch batch;
  batch.PutCopy(LogKey(held.log_id()), stored.SerializeAsString());
  return archive_.store().Commit(batch, log::Durability::kSynced);
}

absl::StatusOr<HeldLog*> Ledger::Find(const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(hello.log_id()));
  absl::MutexLock lock(&mutex_);
  auto known = logs_.find(log_id);
  if (known == logs_.end()) {
    if (hello.generation() != 1) {
      return absl::FailedPreconditionError(
          absl::StrCat("log ", log_id.ToHex(), " is new here, but offers generation ",
                       hello.generation(), "; generations come in order from 1"));
    }
    auto held = std::make_unique<HeldLog>(log_id, hello.operator_(), hello.site());
    return logs_.emplace(log_id, std::move(held)).first->second.get();
  }
  HeldLog* held = known->second.get();
  if (held->operator_name() != hello.operator_() || held->site() != hello.site()) {
    return absl::FailedPreconditionError(
        absl::StrCat("log ", log_id.ToHex(), " belongs to ", held->operator_name(), "/",
                     held->site(), ", not to ", hello.operator_(), "/", hello.site()));
  }
  return held;
}

absl::StatusOr<Ledger::Stream> Ledger::Admit(const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(HeldLog * held, Find(hello));
  absl::MutexLock lock(&held->mutex_);
  if (held->replicating_) {
    return absl::AlreadyExistsError(absl::StrCat("a stream of log ", held->log_id().ToHex(),
                                                 " (site ", held->site(), ") is live"));
  }
  if (!held->public_key_.empty() && held->public_key_ != hello.public_key()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "log ", held->log_id().ToHex(), " (site ", held->site(), ") is signed with the key ",
        absl::BytesToHexString(held->public_key_), ", but its author now has ",
        hello.public_key().empty() ? "none" : absl::BytesToHexString(hello.public_key()),
        "; give the agent its signing key back"));
  }
  const uint32_t newest = held->newest_;
  if (hello.generation() > newest + 1) {
    return absl::FailedPreconditionError(absl::StrCat("generation ", hello.generation(),
                                                      " was offered, but the newest held here is ",
                                                      newest, "; generations come in order"));
  }
  if (held->public_key_ != hello.public_key() || hello.generation() == newest + 1) {
    CL_RETURN_IF_ERROR(StoreLog(*held, std::max(newest, hello.generation()), hello.public_key()));
    held->public_key_ = hello.public_key();
  }
  if (hello.generation() == newest + 1) {
    CL_ASSIGN_OR_RETURN(auto opened,
                        archive_.OpenLog(held->log_id(), core::Generation(hello.generation())));
    held->generations_[hello.generation()] = opened.log;
    held->newest_ = hello.generation();
  }
  if (held->generations_.count(hello.generation()) == 0) {
    return absl::DataLossError(absl::StrCat("what is held of log ", held->log_id().ToHex(),
                                            " is damaged: ", held->damage_.message()));
  }
  held->replicating_ = true;
  held->author_ = hello;
  return Stream{held, held->generations_[hello.generation()]};
}

void Ledger::Release(const Stream& stream) {
  absl::MutexLock lock(&stream.held->mutex_);
  stream.held->replicating_ = false;
}

void Ledger::Commit(const Stream& stream, std::shared_ptr<const v1::EntryPackage> package,
                    log::replication::Verdict verdict, Done done) {
  {
    // The author has at least what it sends.
    absl::MutexLock lock(&stream.held->mutex_);
    if (stream.held->author_->head().size() < package->head().size()) {
      *stream.held->author_->mutable_head() = package->head();
    }
  }
  absl::MutexLock lock(&mutex_);
  queue_.push_back({stream, std::move(package), std::move(verdict), {}, {}, std::move(done)});
}

std::vector<HeldLog*> Ledger::logs() const {
  absl::MutexLock lock(&mutex_);
  std::vector<HeldLog*> logs;
  for (const auto& [id, held] : logs_) logs.push_back(held.get());
  return logs;
}

void Ledger::OnGrown(std::function<void(const std::vector<HeldLog*>&)> grown) {
  grown_ = std::move(grown);
}

void Ledger::OnFailed(std::function<void(const absl::Status&)> failed) {
  failed_ = std::move(failed);
}

bool Ledger::HasWork() const { return stopping_ || !queue_.empty(); }

void Ledger::Cosign(log::tlog::Note& checkpoint) const {
  if (!cosigner_.has_value()) return;
  checkpoint.signatures.push_back(
      cosigner_->Sign(checkpoint.text, clock_.WallMicros() / 1'000'000));
}

absl::Status Ledger::CommitBatch(std::vector<Request>& requests) {
  log::WriteBatch batch;
  std::vector<log::Archive::Growth> grown;
  for (Request& request : requests) {
    log::EventLog& log = *request.stream.log;
    request.head = log.Stage(request.verdict.entries, request.verdict.leaves, batch);
    grown.push_back({&log, request.head});
    if (!request.verdict.checkpoint.has_value()) continue;
    // It is signed before it is durable, and leaves this process only afterwards.
    Cosign(*request.verdict.checkpoint);
    request.checkpoint = request.verdict.checkpoint->Serialize();
    batch.PutCopy(log::LogKeys(log.log_id(), log.generation()).Checkpoint(), request.checkpoint);
  }
  CL_RETURN_IF_ERROR(archive_.Commit(batch, grown));
  for (Request& request : requests) {
    if (!request.checkpoint.empty()) request.stream.log->SetCheckpoint(request.checkpoint);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Ledger::CheckpointAt(const HeldLog& held, const log::EventLog& log,
                                                 uint64_t size) const {
  CL_ASSIGN_OR_RETURN(log::Hash root, log.RootAt(size));
  const log::tlog::Checkpoint wanted{
      log::tlog::Origin(held.operator_name(), held.site(), held.log_id(), log.generation()),
      {size, root}};
  const std::string kept = log.checkpoint();
  if (!kept.empty()) {
    CL_ASSIGN_OR_RETURN(log::tlog::Note note, log::tlog::Note::Parse(kept));
    if (note.text == wanted.ToText()) return kept;
  }
  if (!signer_.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no checkpoint of size ", size, " is kept, and the ledger has no key to sign one"));
  }
  log::tlog::Note note{wanted.ToText(), {}};
  note.signatures.push_back(signer_->Sign(note.text));
  return note.Serialize();
}

std::vector<log::tlog::VerifierKey> Ledger::keys() const {
  if (!signer_.has_value()) return {};
  return {cosigner_->verifier(), signer_->verifier()};
}

void Ledger::Run() {
  absl::Status failure;
  while (true) {
    std::vector<Request> requests;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Ledger::HasWork));
      if (queue_.empty()) return;
      requests.swap(queue_);
    }
    if (failure.ok()) {
      failure = CommitBatch(requests);
      if (!failure.ok() && failed_) failed_(failure);
    }
    std::vector<HeldLog*> grown;
    for (const Request& request : requests) {
      if (std::find(grown.begin(), grown.end(), request.stream.held) == grown.end()) {
        grown.push_back(request.stream.held);
      }
    }
    if (failure.ok() && grown_) grown_(grown);
    for (Request& request : requests) {
      if (failure.ok()) {
        request.done(std::move(request.checkpoint));
      } else {
        request.done(failure);
      }
    }
  }
}

}  // namespace chargeledger::server
