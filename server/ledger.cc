#include "server/ledger.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/storage.pb.h"
#include "core/check.h"
#include "log/own_record.h"
#include "log/replication/finding.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::server {
namespace {

constexpr char kLogKind = 'l';

std::string LogKey(const core::LogId& log_id) {
  return absl::StrCat(absl::string_view(&kLogKind, 1), log_id.bytes());
}

// How long an author may take to give a sign of life.
constexpr uint64_t kSignOfLifeUs = 5'000'000;
// Other agents that are remembered of one log.
constexpr size_t kMaxSuspects = 100;
// What authors may make a ledger open and hold in memory.
constexpr size_t kMaxLogs = 10'000;
// Of one site: one that loses its disk once a month, for two years.
constexpr int kMaxLogsOfSite = 24;

// No stream brings entries of a log that this process writes itself, under any name; nor of another
// log that has its name.
absl::Status CheckNotOwn(log::Archive& archive, const HeldLog* control,
                         const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(std::optional<v1::StoredLog> own, log::ReadOwnRecord(archive));
  const bool same_log = (own.has_value() && own->log_id() == hello.log_id()) ||
                        (control != nullptr && control->log_id().bytes() == hello.log_id());
  const bool same_name = (own.has_value() && own->site() == hello.site()) ||
                         (control != nullptr && control->site() == hello.site());
  if (!same_log && !same_name) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "log ", absl::BytesToHexString(hello.log_id()), " of ", hello.operator_(), "/", hello.site(),
      same_log ? " is written by this ledger itself"
               : " has the name of the log that this ledger writes itself",
      "; no stream may bring entries of it: give the site another name"));
}

}  // namespace

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
  if (options.threads == core::Threads::kOwn) {
    ledger->thread_ = std::thread([l = ledger.get()] { l->Run(); });
  }
  return ledger;
}

Ledger::~Ledger() { Stop(); }

void Ledger::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  while (RunOnce()) continue;
}

absl::Status Ledger::LoadLogs() {
  std::vector<std::string> values;
  const std::string prefix(1, kLogKind);
  CL_RETURN_IF_ERROR(archive_.store().Scan(prefix, log::AfterPrefix(prefix),
                                           [&](absl::string_view, absl::string_view value) {
                                             values.emplace_back(value);
                                             return true;
                                           }));
  CL_ASSIGN_OR_RETURN(const std::optional<v1::StoredLog> own, log::ReadOwnRecord(archive_));
  absl::MutexLock lock(&mutex_);
  for (const std::string& value : values) {
    v1::StoredLog stored;
    if (!stored.ParseFromString(value)) {
      return absl::DataLossError("the record of a held log cannot be read");
    }
    CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(stored.log_id()));
    if (own.has_value() && own->log_id() == stored.log_id()) {
      // A build that admitted streams of it may have left this. It has one writer.
      spdlog::error(
          "log {}, which this process writes itself, is on record as one of site {}: "
          "the record is passed over",
          log_id.ToHex(), stored.site());
      continue;
    }
    auto held = std::make_unique<HeldLog>(log_id, stored.operator_(), stored.site());
    {
      absl::MutexLock held_lock(&held->mutex_);
      held->public_key_ = stored.author_public_key();
      held->newest_ = stored.generation();
      for (uint32_t generation = 1; generation <= stored.generation(); ++generation) {
        CL_RETURN_IF_ERROR(LoadGeneration(*held, generation));
      }
    }
    logs_[log_id] = std::move(held);
  }
  return absl::OkStatus();
}

absl::Status Ledger::LoadGeneration(HeldLog& held, uint32_t generation) {
  const core::Generation number(generation);
  std::optional<log::TreeHead> witnessed;
  if (archive_.heads() != nullptr) witnessed = archive_.heads()->Find(held.log_id(), number);
  auto opened = archive_.OpenLog(held.log_id(), number);
  absl::Status damage = opened.ok() ? opened->witness : opened.status();
  // Damage of one log is no reason to stop the others; that a head file is missing, or a disk
  // cannot be read, is one.
  if (!damage.ok() && damage.code() != absl::StatusCode::kDataLoss) return damage;
  std::string id;
  if (!opened.ok() && archive_.damaged()) {
    // Much of it may be readable yet: it is mended first.
    return absl::AbortedError(damage.message());
  }
  if (!opened.ok()) {
    CL_RETURN_IF_ERROR(KeepReadable(held, number, witnessed));
    opened = archive_.Salvage(held.log_id(), number);
    CL_RETURN_IF_ERROR(opened.status());
    id = Found(Describe(held, generation, v1::DIVERGENCE_KIND_DAMAGED, v1::DIVERGENCE_SIDE_HOLDER,
                        opened->log->head().size, damage.message()));
  }
  log::EventLog& log = *opened->log;
  held.generations_[generation] = &log;
  if (!damage.ok()) held.damage_ = damage;
  const uint64_t size = log.head().size;
  if (!damage.ok() && (!witnessed.has_value() || witnessed->size > size || !id.empty())) {
    // Its author sends again what is gone.
    held.salvaged_[generation] = {id, witnessed.has_value() ? witnessed->size : size + 1};
  } else if (!damage.ok()) {
    Contradicts(held, log);
  }
  LoadSigned(held, log);
  return absl::OkStatus();
}

void Ledger::LoadSigned(HeldLog& held, const log::EventLog& log) {
  const uint32_t generation = log.generation().value();
  std::optional<log::TreeHead> head = log::replication::HeadOf(log.checkpoint());
  if (options_.signed_heads != nullptr) {
    auto kept = options_.signed_heads->Find(held.log_id(), log.generation());
    if (kept.has_value() && (!head.has_value() || kept->size > head->size)) head = kept;
  }
  if (!head.has_value()) return;
  held.signed_[generation] = *head;
  if (head->size <= log.head().size && !HasSigned(held, log)) Contradicts(held, log);
}

bool Ledger::HasSigned(HeldLog& held, const log::EventLog& log) {
  const uint32_t generation = log.generation().value();
  if (held.signed_checked_.count(generation) > 0) return true;
  auto last = held.signed_.find(generation);
  if (last == held.signed_.end()) return true;
  auto root = log.RootAt(last->second.size);
  if (!root.ok() || *root != last->second.root) return false;
  held.signed_checked_.insert(generation);
  return true;
}

void Ledger::Contradicts(HeldLog& held, const log::EventLog& log) {
  const uint32_t generation = log.generation().value();
  if (!held.contradicting_.insert(generation).second) return;
  auto last = held.signed_.find(generation);
  const std::string detail =
      absl::StrCat("what is held of generation ", generation, " has ", log.head().size,
                   " entries and root ", log.head().root.ToHex(),
                   last == held.signed_.end()
                       ? std::string(", which is not what the head file remembers")
                       : absl::StrCat("; the ledger has signed root ", last->second.root.ToHex(),
                                      " at size ", last->second.size));
  held.damage_ = absl::DataLossError(detail);
  v1::DivergenceFound found =
      Describe(held, generation, v1::DIVERGENCE_KIND_TAMPERED, v1::DIVERGENCE_SIDE_HOLDER,
               last == held.signed_.end() ? 0 : last->second.size, detail);
  found.set_holder_size(log.head().size);
  found.set_holder_root(std::string(log.head().root.bytes()));
  found.set_holder_checkpoint(log.checkpoint());
  Found(std::move(found));
}

v1::DivergenceFound Ledger::Describe(const HeldLog& held, uint32_t generation,
                                     v1::DivergenceKind kind, v1::DivergenceSide side,
                                     uint64_t first, absl::string_view detail) const {
  v1::DivergenceFound found;
  found.set_kind(kind);
  found.set_side(side);
  found.set_log_id(std::string(held.log_id().bytes()));
  found.set_site(held.site());
  found.set_generation(generation);
  found.set_first_difference(first);
  found.set_detail(std::string(detail));
  return found;
}

std::string Ledger::Found(v1::DivergenceFound found) {
  return options_.divergences == nullptr ? std::string()
                                         : options_.divergences->Found(std::move(found));
}

void Ledger::Resolved(const std::string& id, absl::string_view resolution, uint64_t recovered,
                      const log::TreeHead& head) {
  if (options_.divergences != nullptr && !id.empty()) {
    options_.divergences->Resolved(id, resolution, recovered, head);
  }
}

absl::Status Ledger::StoreLog(const HeldLog& held, uint32_t generation,
                              const std::string& public_key) {
  v1::StoredLog stored;
  stored.set_operator_(held.operator_name());
  stored.set_site(held.site());
  stored.set_log_id(std::string(held.log_id().bytes()));
  stored.set_generation(generation);
  stored.set_author_public_key(public_key);
  return archive_.PutRecord(LogKey(held.log_id()), stored.SerializeAsString());
}

// Generations begin one after the other, and whoever offers a new one tells those before it.
absl::Status Ledger::CheckGenerations(const v1::AuthorHello& hello, uint32_t newest) const {
  constexpr uint32_t kMostAtOnce = 1000;
  uint32_t told = newest;
  for (const v1::GenerationHead& past : hello.past()) {
    if (past.generation() == told + 1) ++told;
  }
  if (hello.generation() <= newest) return absl::OkStatus();
  if (hello.generation() <= told + 1 && hello.generation() - newest <= kMostAtOnce) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat("generation ", hello.generation(),
                                                    " was offered, but the newest held here is ",
                                                    newest, "; generations come in order"));
}

absl::StatusOr<HeldLog*> Ledger::Find(const v1::AuthorHello& hello) {
  CL_ASSIGN_OR_RETURN(core::LogId log_id, core::LogId::FromBytes(hello.log_id()));
  CL_RETURN_IF_ERROR(CheckNotOwn(archive_, control_.get(), hello));
  absl::MutexLock lock(&mutex_);
  auto known = logs_.find(log_id);
  if (known == logs_.end()) {
    CL_RETURN_IF_ERROR(CheckGenerations(hello, 0));
    auto held = std::make_unique<HeldLog>(log_id, hello.operator_(), hello.site());
    std::string earlier;
    int of_site = 0;
    for (const auto& [other_id, other] : logs_) {
      if (other->operator_name() != hello.operator_() || other->site() != hello.site()) continue;
      ++of_site;
      earlier = other_id.ToHex();
    }
    if (of_site >= kMaxLogsOfSite || logs_.size() >= kMaxLogs) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "log ", log_id.ToHex(), " of ", hello.operator_(), "/", hello.site(), " is new; ",
          of_site, " logs of this site and ", logs_.size(), " in all are held, and at most ",
          kMaxLogsOfSite, " and ", kMaxLogs, " may be"));
    }
    if (of_site > 0) {
      const std::string id = Found(Describe(
          *held, 1, v1::DIVERGENCE_KIND_NEW_LOG, v1::DIVERGENCE_SIDE_AUTHOR, 0,
          absl::StrCat("site ", hello.site(), " comes with a new log; so far it wrote ",
                       of_site == 1 ? "log " : absl::StrCat(of_site, " logs, one of them "),
                       earlier,
                       ". Its disk was replaced by an empty one, or another agent has its name")));
      Resolved(id, "held as a log of its own beside the earlier one", 0, {});
    }
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

absl::Status Ledger::CheckKey(HeldLog& held, const v1::AuthorHello& hello) {
  v1::DivergenceFound found =
      Describe(held, 0, v1::DIVERGENCE_KIND_KEY_CHANGED, v1::DIVERGENCE_SIDE_AUTHOR, 0, "");
  if (held.public_key_.empty() || held.public_key_ == hello.public_key()) {
    if (options_.divergences != nullptr) {
      options_.divergences->Resolved(options_.divergences->IdOf(found),
                                     "the author came with its own key again", 0, {});
    }
    return absl::OkStatus();
  }
  const std::string detail = absl::StrCat(
      "log ", held.log_id().ToHex(), " (site ", held.site(), ") is signed with the key ",
      absl::BytesToHexString(held.public_key_), ", but its author now has ",
      hello.public_key().empty() ? "none" : absl::BytesToHexString(hello.public_key()),
      "; give the agent its signing key back");
  found.set_detail(detail);
  Found(std::move(found));
  return absl::FailedPreconditionError(detail);
}

absl::Status Ledger::TakePlace(HeldLog& held, const v1::AuthorHello& hello,
                               const std::string& peer) {
  if (!held.replicating_) {
    held.suspect_.reset();
    return absl::OkStatus();
  }
  const absl::Status refusal = absl::AlreadyExistsError(
      absl::StrCat("a stream of log ", held.log_id().ToHex(), " (site ", held.site(),
                   ") is live; if another agent has a copy of this one's data directory or its "
                   "name, stop it"));
  if (held.live_ == nullptr) return refusal;
  if (!hello.instance().empty() && held.author_->instance() == hello.instance()) {
    // The same process calls again: it has given the other stream up.
    held.live_->End();
    return refusal;
  }
  const uint64_t now_us = clock_.MonotonicMicros();
  if (held.suspect_.has_value()) {
    // Unanswered for so long, the first one is no longer there.
    if (now_us - held.suspect_->probed_at_us > kSignOfLifeUs) held.live_->End();
    return refusal;
  }
  held.suspect_ = {hello.instance(), peer, now_us};
  v1::ReplicateResponse probe;
  probe.mutable_probe()->set_id(now_us);
  held.live_->Tell(std::move(probe));
  return refusal;
}

void Ledger::OnAlive(const Stream& stream) {
  HeldLog& held = *stream.held;
  absl::MutexLock lock(&held.mutex_);
  if (!held.suspect_.has_value()) return;
  // It will try again for as long as it runs: once is enough on record.
  const bool told = held.told_suspects_.size() >= kMaxSuspects ||
                    !held.told_suspects_.insert(held.suspect_->instance).second;
  if (told) return held.suspect_.reset();
  const std::string id = Found(Describe(
      held, stream.log->generation().value(), v1::DIVERGENCE_KIND_SECOND_AGENT,
      v1::DIVERGENCE_SIDE_AUTHOR, 0,
      absl::StrCat("a second agent (", held.suspect_->peer, ", instance ",
                   absl::BytesToHexString(held.suspect_->instance),
                   ") offered the log while the first one was there: its data directory was "
                   "copied, or is used twice")));
  Resolved(id, "the second agent was refused", 0, stream.log->head());
  held.suspect_.reset();
}

void Ledger::RememberSigned(HeldLog& held, uint32_t generation, const std::string& checkpoint) {
  if (!cosigner_.has_value() || checkpoint.empty()) return;
  auto shown =
      log::tlog::OpenCheckpoint(checkpoint, absl::MakeConstSpan(&cosigner_->verifier(), 1));
  // Not ours, or not of this log: it says nothing.
  if (!shown.ok() ||
      shown->checkpoint.origin != log::tlog::Origin(held.operator_name(), held.site(),
                                                    held.log_id(), core::Generation(generation))) {
    return;
  }
  const log::TreeHead& head = shown->checkpoint.head;
  auto [last, is_new] = held.signed_.try_emplace(generation, head);
  const log::EventLog& log = *held.generations_[generation];
  if (!is_new && last->second.size >= head.size) {
    auto root = log.RootAt(head.size);
    if (root.ok() && *root != head.root) Contradicts(held, log);
    return;
  }
  // It was signed here, and forgotten since: this ledger was restored from an older copy.
  last->second = head;
  held.signed_checked_.erase(generation);
  if (options_.signed_heads != nullptr) {
    (void)options_.signed_heads->Write(held.log_id(), core::Generation(generation), head);
  }
  if (head.size <= log.head().size && !HasSigned(held, log)) Contradicts(held, log);
}

absl::StatusOr<Ledger::Stream> Ledger::Admit(const v1::AuthorHello& hello, LiveStream* live,
                                             const std::string& peer) {
  CL_ASSIGN_OR_RETURN(HeldLog * held, Find(hello));
  absl::MutexLock lock(&held->mutex_);
  CL_RETURN_IF_ERROR(CheckGenerations(hello, held->newest_));
  CL_RETURN_IF_ERROR(CheckKey(*held, hello));
  CL_RETURN_IF_ERROR(TakePlace(*held, hello, peer));
  if (held->public_key_ != hello.public_key() || hello.generation() > held->newest_) {
    CL_RETURN_IF_ERROR(
        StoreLog(*held, std::max(held->newest_, hello.generation()), hello.public_key()));
    held->public_key_ = hello.public_key();
  }
  while (held->newest_ < hello.generation()) {
    CL_RETURN_IF_ERROR(LoadGeneration(*held, held->newest_ + 1));
    ++held->newest_;
  }
  for (const v1::GenerationHead& past : hello.past()) {
    RememberSigned(*held, past.generation(), past.checkpoint());
  }
  RememberSigned(*held, hello.generation(), hello.checkpoint());
  Stream stream{held, held->generations_[hello.generation()], {}};
  for (const auto& [generation, log] : held->generations_) {
    // Also those that the author does not know: it is an older copy then, and has to be told.
    log::replication::HeldGeneration& entry = stream.generations[generation];
    entry.log = log;
    entry.damaged = held->contradicting_.count(generation) > 0;
    if (held->public_key_.empty()) continue;
    CL_ASSIGN_OR_RETURN(
        entry.author_key,
        log::tlog::VerifierKey::Create(log::tlog::Origin(held->operator_name(), held->site(),
                                                         held->log_id(), log->generation()),
                                       log::tlog::SignatureType::kEd25519, held->public_key_));
  }
  held->replicating_ = true;
  held->live_ = live;
  held->author_ = hello;
  return stream;
}

void Ledger::Release(const Stream& stream) {
  absl::MutexLock lock(&stream.held->mutex_);
  stream.held->replicating_ = false;
  stream.held->live_ = nullptr;
}

void Ledger::Commit(const Stream& stream, log::EventLog* log,
                    std::shared_ptr<const v1::EntryPackage> package,
                    log::replication::Verdict verdict, Done done) {
  if (log == stream.log) {
    // The author has at least what it sends.
    absl::MutexLock lock(&stream.held->mutex_);
    if (stream.held->author_->head().size() < package->head().size()) {
      *stream.held->author_->mutable_head() = package->head();
    }
  }
  absl::MutexLock lock(&mutex_);
  queue_.push_back(
      {stream.held, log, std::move(package), std::move(verdict), {}, {}, std::move(done)});
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

bool Ledger::MaySign(HeldLog& held, const log::EventLog& log, const log::TreeHead& head) {
  absl::MutexLock lock(&held.mutex_);
  if (held.contradicting_.count(log.generation().value()) > 0) return false;
  auto last = held.signed_.find(log.generation().value());
  if (last == held.signed_.end()) return true;
  if (head.size < last->second.size) return false;
  if (head.size == last->second.size) {
    if (head.root != last->second.root) Contradicts(held, log);
    return head.root == last->second.root;
  }
  if (held.signed_checked_.count(log.generation().value()) > 0) return true;
  // What was signed is being sent again: it is looked at when it is there.
  if (log.head().size < last->second.size) return false;
  if (HasSigned(held, log)) return true;
  Contradicts(held, log);
  return false;
}

absl::Status Ledger::CommitBatch(std::vector<Request>& requests) {
  log::WriteBatch batch;
  std::vector<log::Archive::Growth> grown;
  std::vector<Request*> later;
  for (Request& request : requests) {
    log::EventLog& log = *request.log;
    request.head = log.Stage(request.verdict.entries, request.verdict.leaves, batch);
    grown.push_back({&log, request.head});
    if (!request.verdict.checkpoint.has_value()) continue;
    if (!MaySign(*request.held, log, request.head)) {
      later.push_back(&request);
      continue;
    }
    // It is signed before it is durable, and leaves this process only afterwards.
    Cosign(*request.verdict.checkpoint);
    request.checkpoint = request.verdict.checkpoint->Serialize();
    batch.PutCopy(log::LogKeys(log.log_id(), log.generation()).Checkpoint(), request.checkpoint);
  }
  CL_RETURN_IF_ERROR(archive_.Commit(batch, grown));
  for (Request* request : later) {
    // With these entries there is what was signed before, perhaps.
    if (!MaySign(*request->held, *request->log, request->head)) continue;
    Cosign(*request->verdict.checkpoint);
    request->checkpoint = request->verdict.checkpoint->Serialize();
    CL_RETURN_IF_ERROR(archive_.KeepCheckpoint(*request->log, request->checkpoint));
  }
  for (const Request& request : requests) {
    CL_RETURN_IF_ERROR(RememberCommitted(request));
  }
  return absl::OkStatus();
}

absl::Status Ledger::RememberCommitted(const Request& request) {
  if (!request.checkpoint.empty()) request.log->SetCheckpoint(request.checkpoint);
  const uint32_t generation = request.log->generation().value();
  absl::MutexLock lock(&request.held->mutex_);
  if (!request.checkpoint.empty() && cosigner_.has_value()) {
    request.held->signed_[generation] = request.head;
    request.held->signed_checked_.insert(generation);
    if (options_.signed_heads != nullptr) {
      CL_RETURN_IF_ERROR(options_.signed_heads->Write(request.held->log_id(),
                                                      request.log->generation(), request.head));
    }
  }
  auto salvaged = request.held->salvaged_.find(generation);
  if (salvaged != request.held->salvaged_.end() && request.head.size >= salvaged->second.second) {
    Resolved(salvaged->second.first, "the author sent again what was gone", request.head.size,
             request.head);
    request.held->salvaged_.erase(salvaged);
    if (request.held->salvaged_.empty() && request.held->contradicting_.empty()) {
      request.held->damage_ = absl::OkStatus();
    }
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
  do {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Ledger::HasWork));
  } while (RunOnce());
}

bool Ledger::RunOnce() {
  std::vector<Request> requests;
  {
    absl::MutexLock lock(&mutex_);
    requests.swap(queue_);
  }
  if (requests.empty()) return false;
  if (failure_.ok()) {
    failure_ = CommitBatch(requests);
    if (!failure_.ok() && failed_) failed_(failure_);
  }
  std::vector<HeldLog*> grown;
  for (const Request& request : requests) {
    if (std::find(grown.begin(), grown.end(), request.held) == grown.end()) {
      grown.push_back(request.held);
    }
  }
  if (failure_.ok() && grown_) grown_(grown);
  for (Request& request : requests) {
    if (failure_.ok()) {
      request.done(std::move(request.checkpoint));
    } else {
      request.done(failure_);
    }
  }
  return true;
}

}  // namespace chargeledger::server
