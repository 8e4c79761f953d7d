#include "log/replication/author.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/entry_place.h"

namespace chargeledger::log::replication {
namespace {

// Repairs and wanted ranges that may wait: each is a few words.
constexpr size_t kMaxWaiting = 4096;
// What a report may cost: 32 MiB of hashes.
constexpr uint64_t kMaxReportTiles = 4096;

absl::Status FromRefusal(const v1::Refusal& refusal) {
  const std::string message = absl::StrCat(
      "the holder refused: ", v1::Refusal::Reason_Name(refusal.reason()), ": ", refusal.detail());
  switch (refusal.reason()) {
    case v1::Refusal::REASON_DIVERGED:
      return absl::FailedPreconditionError(message);
    case v1::Refusal::REASON_GAP:
      return absl::AbortedError(message);
    case v1::Refusal::REASON_MALFORMED:
      return absl::InternalError(message);
    default:
      return absl::UnavailableError(message);
  }
}

Reconciler::Signers SignersOf(const AuthorLogs& logs, const Author& author,
                              const AuthorOptions& options) {
  Reconciler::Signers signers;
  if (!options.key.has_value()) return signers;
  for (uint32_t generation = 1; generation <= logs.current->generation().value(); ++generation) {
    auto signer =
        tlog::NoteSigner::Create(tlog::Origin(author.operator_name, author.site,
                                              logs.current->log_id(), core::Generation(generation)),
                                 tlog::SignatureType::kEd25519, *options.key);
    if (signer.ok()) signers.emplace(generation, *std::move(signer));
  }
  return signers;
}

v1::GenerationHead DescribeHead(uint32_t generation, const EventLog* log) {
  v1::GenerationHead head;
  head.set_generation(generation);
  head.set_damaged(log == nullptr);
  const TreeHead own = log == nullptr ? TreeHead() : log->head();
  head.mutable_head()->set_size(own.size);
  head.mutable_head()->set_root(std::string(own.root.bytes()));
  if (log != nullptr) head.set_checkpoint(log->checkpoint());
  return head;
}

}  // namespace

AuthorStream::AuthorStream(AuthorLogs logs, const Author& author, const AuthorOptions& options)
    : logs_(std::move(logs)),
      author_(author),
      options_(options),
      signers_(SignersOf(logs_, author, options)),
      reconciler_(logs_, author, options.sending, signers_) {}

v1::ReplicateRequest AuthorStream::Hello() const {
  v1::ReplicateRequest request;
  v1::AuthorHello& hello = *request.mutable_hello();
  hello.set_operator_(author_.operator_name);
  hello.set_site(author_.site);
  hello.set_log_id(std::string(logs_.current->log_id().bytes()));
  const uint32_t newest = logs_.current->generation().value();
  hello.set_generation(newest);
  v1::GenerationHead current = DescribeHead(newest, logs_.current);
  *hello.mutable_head() = current.head();
  hello.set_checkpoint(current.checkpoint());
  for (const auto& [generation, log] : logs_.past) {
    *hello.add_past() = DescribeHead(generation, log);
  }
  if (options_.key.has_value()) hello.set_public_key(options_.key->public_key());
  hello.set_instance(options_.instance);
  return request;
}

absl::Status AuthorStream::OnResponse(const v1::ReplicateResponse& response, uint64_t now_us) {
  switch (response.message_case()) {
    case v1::ReplicateResponse::kPosition:
      return OnPosition(response);
    case v1::ReplicateResponse::kHeld:
      return OnHeld(response, now_us);
    case v1::ReplicateResponse::kRefusal:
      return FromRefusal(response.refusal());
    case v1::ReplicateResponse::kNodes:
      if (!reports_.empty() && reports_.front().comparison.has_value() && reconciler_.done()) {
        return reports_.front().comparison->OnNodes(response.nodes());
      }
      CL_RETURN_IF_ERROR(reconciler_.OnNodes(response.nodes()));
      return GoLive();
    case v1::ReplicateResponse::kEntries:
      if (!repairs_.empty() && repairs_.front().asked) return OnRepairEntries(response.entries());
      return reconciler_.OnEntries(response.entries());
    case v1::ReplicateResponse::kCompare: {
      if (reports_.size() >= kMaxWaiting) return absl::OkStatus();
      ReportJob& job = reports_.emplace_back();
      job.command = response.compare();
      job.report.set_id(response.compare().id());
      return absl::OkStatus();
    }
    case v1::ReplicateResponse::kProbe:
      answers_.emplace_back().mutable_alive()->set_id(response.probe().id());
      return absl::OkStatus();
    case v1::ReplicateResponse::kWanted:
      if (wanted_.size() < kMaxWaiting) wanted_.push_back(response.wanted());
      return absl::OkStatus();
    case v1::ReplicateResponse::MESSAGE_NOT_SET:
      break;
  }
  return absl::AbortedError("the holder sent a message that this version does not know");
}

absl::Status AuthorStream::OnPosition(const v1::ReplicateResponse& response) {
  if (positioned_) return absl::AbortedError("the holder told its position twice");
  positioned_ = true;
  std::vector<v1::GenerationHead> theirs(response.generations().begin(),
                                         response.generations().end());
  const uint32_t newest = logs_.current->generation().value();
  if (theirs.empty()) {
    v1::GenerationHead& head = theirs.emplace_back();
    head.set_generation(newest);
    *head.mutable_head() = response.position();
  }
  for (const v1::GenerationHead& head : theirs) {
    if (!IsNewer(head)) continue;
    // The next life knows it by its number, and finds it to be another one.
    BeginNext(absl::StrCat("the holder has generation ", head.generation(), " with ",
                           head.head().size(),
                           " entries, which is not known here: this is an older copy of the disk"));
    return absl::OkStatus();
  }
  absl::Status begun = reconciler_.Begin(theirs, options_.believe_holder);
  if (begun.code() == absl::StatusCode::kDataLoss) {
    // Of the newest generation even the root that the holder has cannot be told any more.
    BeginNext(begun.message());
    return absl::OkStatus();
  }
  CL_RETURN_IF_ERROR(begun);
  return GoLive();
}

bool AuthorStream::IsNewer(const v1::GenerationHead& theirs) const {
  if (theirs.generation() <= logs_.current->generation().value()) return false;
  if (options_.believe_holder || !options_.key.has_value()) return theirs.head().size() > 0;
  // Another one might be invented.
  auto signer = tlog::NoteSigner::Create(
      tlog::Origin(author_.operator_name, author_.site, logs_.current->log_id(),
                   core::Generation(theirs.generation())),
      tlog::SignatureType::kEd25519, *options_.key);
  if (!signer.ok()) return false;
  auto proof =
      tlog::OpenCheckpoint(theirs.checkpoint(), absl::MakeConstSpan(&signer->verifier(), 1));
  return proof.ok() && proof->checkpoint.origin == signer->verifier().name();
}

absl::Status AuthorStream::GoLive() {
  if (!reconciler_.done() || live_.has_value()) return absl::OkStatus();
  if (options_.only_ask) return absl::CancelledError("the newest generation is not behind");
  SenderOptions sending = options_.sending;
  auto signer = signers_.find(logs_.current->generation().value());
  if (signer != signers_.end()) sending.signer = signer->second;
  live_.emplace(*logs_.current, reconciler_.current_held(), sending);
  return absl::OkStatus();
}

absl::Status AuthorStream::OnHeld(const v1::ReplicateResponse& response, uint64_t now_us) {
  const uint32_t newest = logs_.current->generation().value();
  const uint32_t generation = response.generation() == 0 ? newest : response.generation();
  if (live_.has_value() && generation == newest) {
    const bool lost = live_->held().size < reconciler_.current_lost();
    CL_RETURN_IF_ERROR(live_->OnHeld(response.held(), now_us));
    if (lost && live_->held().size >= reconciler_.current_lost()) {
      Work work{.kind = Work::Kind::kRecord};
      work.events.push_back(
          reconciler_.DescribeResolved(reconciler_.current_id(), newest, live_->held(),
                                       reconciler_.current_lost() - reconciler_.current_held().size,
                                       "the author sent again what the holder had lost"));
      work_.push_back(std::move(work));
    }
  } else {
    CL_ASSIGN_OR_RETURN(bool taken, reconciler_.OnHeld(generation, response.held(), now_us));
    if (!taken) {
      return absl::AbortedError(absl::StrCat("the holder speaks of generation ", generation,
                                             ", of which nothing was sent"));
    }
    CL_RETURN_IF_ERROR(GoLive());
  }
  return OnCosigned(generation, response.checkpoint());
}

absl::Status AuthorStream::OnCosigned(uint32_t generation, const std::string& checkpoint) {
  if (checkpoint.empty()) return absl::OkStatus();
  auto refuse = [](absl::string_view why) {
    return absl::FailedPreconditionError(
        absl::StrCat("the holder sent a cosigned checkpoint that cannot be taken: ", why));
  };
  auto note = tlog::Note::Parse(checkpoint);
  if (!note.ok()) return refuse(note.status().message());
  if (options_.holder_key.has_value()) {
    auto verified = tlog::VerifyNote(*note, absl::MakeConstSpan(&*options_.holder_key, 1));
    if (!verified.ok()) return refuse(verified.status().message());
  }
  auto parsed = tlog::Checkpoint::Parse(note->text);
  if (!parsed.ok()) return refuse(parsed.status().message());
  // It must be about this log, and about what this log holds.
  v1::TreeHead claimed;
  claimed.set_size(parsed->head.size);
  claimed.set_root(std::string(parsed->head.root.bytes()));
  CL_RETURN_IF_ERROR(OwnHead(*LogOf(generation), claimed).status());
  auto signer = signers_.find(generation);
  if (signer != signers_.end() && parsed->origin != signer->second.verifier().name()) {
    return refuse(absl::StrCat("it is of ", parsed->origin));
  }
  cosigned_ = checkpoint;
  work_.push_back(
      {.kind = Work::Kind::kKeepCheckpoint, .generation = generation, .note = checkpoint});
  return absl::OkStatus();
}

void AuthorStream::RepairOwn(core::Generation generation, uint64_t bundle,
                             const std::string& reason) {
  for (const RepairJob& job : repairs_) {
    if (job.generation == generation && job.bundle == bundle) return;
  }
  // One that does not open is the reconciler's.
  if (LogOf(generation.value()) == nullptr) return;
  if (repairs_.size() < kMaxWaiting) repairs_.push_back({generation, bundle, reason});
}

absl::Status AuthorStream::OnRepairEntries(const v1::EntryPackage& package) {
  CL_ASSIGN_OR_RETURN(UnpackedEntries unpacked, UnpackEntries(package));
  RepairJob& pending = repairs_.front();
  const uint64_t expected = pending.bundle * kTileWidth + pending.entries.size();
  if (package.first_sequence() != expected ||
      unpacked.entries.size() > kTileWidth - pending.entries.size()) {
    return absl::AbortedError("entries came that were not asked for");
  }
  for (absl::string_view entry : unpacked.entries) pending.entries.emplace_back(entry);
  if (!unpacked.entries.empty() && pending.entries.size() < kTileWidth) {
    pending.asked = false;
    return absl::OkStatus();
  }
  RepairJob job = std::move(pending);
  repairs_.pop_front();
  FinishRepair(std::move(job));
  return absl::OkStatus();
}

void AuthorStream::FinishRepair(RepairJob job) {
  const Finding finding{v1::DIVERGENCE_KIND_DAMAGED, v1::DIVERGENCE_SIDE_AUTHOR, 0};
  const uint64_t first = job.bundle * kTileWidth;
  const TreeHead head = LogOf(job.generation.value())->head();
  Work record{.kind = Work::Kind::kRecord};
  v1::DivergenceFound& found = *record.events.emplace_back().mutable_divergence_found();
  found.set_id(FindingId(job.generation, finding, first));
  found.set_kind(finding.kind);
  found.set_side(finding.side);
  found.set_log_id(std::string(logs_.current->log_id().bytes()));
  found.set_site(author_.site);
  found.set_generation(job.generation.value());
  found.set_first_difference(first);
  found.set_author_size(head.size);
  found.set_author_root(std::string(head.root.bytes()));
  found.set_detail(job.reason);
  const std::string id = found.id();
  // As long as the holder cannot give it, it is asked for on every stream, and on record once.
  if (logs_.told == nullptr || logs_.told->insert(id).second) work_.push_back(std::move(record));
  if (job.entries.size() != kTileWidth) return;
  Work repair{
      .kind = Work::Kind::kRepair, .generation = job.generation.value(), .position = job.bundle};
  repair.entries = std::move(job.entries);
  repair.events.push_back(reconciler_.DescribeResolved(
      id, job.generation.value(), head, kTileWidth,
      "taken from the holder, and found to be what the tree has there"));
  work_.push_back(std::move(repair));
}

std::optional<Work> AuthorStream::TakeWork() {
  if (doing_ != Waiting::kNobody) return std::nullopt;
  if (!work_.empty()) {
    Work work = std::move(work_.front());
    work_.pop_front();
    doing_ = Waiting::kStream;
    if (work.kind == Work::Kind::kRepair) repairing_ = work.events[0];
    return work;
  }
  std::optional<Work> work = reconciler_.TakeWork();
  if (work.has_value()) doing_ = Waiting::kReconciler;
  return work;
}

absl::Status AuthorStream::OnWorkDone(const WorkResult& result) {
  const Waiting done = std::exchange(doing_, Waiting::kNobody);
  if (std::optional<v1::Entry> resolved = std::exchange(repairing_, std::nullopt)) {
    // Entries that are not those which the tree has there change nothing, and stop nothing.
    if (!result.status.ok()) return absl::OkStatus();
    if (logs_.told != nullptr) logs_.told->erase(resolved->divergence_resolved().id());
    Work record{.kind = Work::Kind::kRecord};
    record.events.push_back(*std::move(resolved));
    work_.push_front(std::move(record));
    return absl::OkStatus();
  }
  if (done != Waiting::kReconciler) return result.status;
  CL_RETURN_IF_ERROR(reconciler_.OnWorkDone(result));
  return GoLive();
}

absl::StatusOr<v1::ReplicateRequest> AuthorStream::AnswerWanted() {
  const v1::EntryRange range = wanted_.front();
  wanted_.pop_front();
  v1::ReplicateRequest request;
  v1::EntryPackage& package = *request.mutable_package();
  const EventLog* log = LogOf(range.generation());
  if (log != nullptr && range.first() < range.end()) {
    auto read = ReadPackage(*log, range.first(), range.end() - range.first(), kMaxPackageBytes / 2);
    // What is damaged or dropped here too is answered with nothing.
    if (read.ok()) package = *std::move(read);
  }
  package.set_generation(range.generation());
  package.set_first_sequence(range.first());
  package.set_repair(true);
  if (package.head().size() > range.first() && package.head().size() < range.end()) {
    // Large entries: the rest goes in the next package.
    v1::EntryRange rest = range;
    rest.set_first(package.head().size());
    wanted_.push_front(rest);
  }
  return request;
}

absl::Status AuthorStream::BeginReportOf(v1::ComparisonReport::Generation& generation,
                                         const v1::GenerationHead& theirs) {
  generation.set_generation(theirs.generation());
  *generation.mutable_holder() = theirs.head();
  generation.set_exact(true);
  const EventLog* log = LogOf(theirs.generation());
  const v1::GenerationHead own = DescribeHead(theirs.generation(), log);
  *generation.mutable_author() = own.head();
  if (log == nullptr) {
    generation.set_kind(v1::DIVERGENCE_KIND_DAMAGED);
    generation.set_plan(PlanFor(v1::DIVERGENCE_KIND_DAMAGED, v1::DIVERGENCE_SIDE_AUTHOR));
    return absl::OkStatus();
  }
  CL_ASSIGN_OR_RETURN(Finding finding, Classify(*log, theirs));
  generation.set_author_keeps_from(log->dropped() * kTileWidth);
  generation.set_kind(finding.kind);
  generation.set_plan(PlanFor(finding.kind, finding.side));
  generation.set_round_trips(1);
  generation.set_bytes(own.ByteSizeLong() + theirs.ByteSizeLong());
  if (finding.kind == v1::DIVERGENCE_KIND_FORK || finding.kind == v1::DIVERGENCE_KIND_TAMPERED) {
    reports_.front().comparison.emplace(*log, std::min(own.head().size(), theirs.head().size()),
                                        kMaxReportTiles);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::ReplicateRequest>> AuthorStream::NextOfReport() {
  std::optional<v1::ReplicateRequest> request;
  ReportJob& job = reports_.front();
  while (true) {
    if (job.comparison.has_value()) {
      v1::ComparisonReport::Generation& report =
          *job.report.mutable_generations(job.report.generations_size() - 1);
      if (job.comparison->waiting()) return request;
      CL_ASSIGN_OR_RETURN(std::optional<v1::NodesRequest> nodes, job.comparison->Next());
      if (nodes.has_value()) {
        report.set_bytes(report.bytes() + nodes->ByteSizeLong());
        for (const v1::NodeRange& range : nodes->ranges()) {
          report.set_bytes(report.bytes() + range.count() * Hash::kSize);
        }
        request.emplace();
        *request->mutable_nodes() = *std::move(nodes);
        return request;
      }
      for (const Range& range : job.comparison->ranges()) {
        v1::EntryRange& differing = *report.add_differing();
        differing.set_generation(report.generation());
        differing.set_first(range.first);
        differing.set_end(range.end);
      }
      report.set_exact(job.comparison->exact());
      report.set_round_trips(report.round_trips() + job.comparison->round_trips());
      job.comparison.reset();
    }
    if (job.next == job.command.generations_size()) break;
    const v1::GenerationHead& theirs = job.command.generations(job.next++);
    absl::Status begun = BeginReportOf(*job.report.add_generations(), theirs);
    if (!begun.ok()) job.report.set_error(std::string(begun.message()));
  }
  request.emplace();
  *request->mutable_report() = std::move(job.report);
  reports_.pop_front();
  return request;
}

// What the holder has not cannot be read here either, so nobody has it: this generation ends, and
// what is left of it behind the damage is carried into the next.
absl::StatusOr<std::optional<v1::ReplicateRequest>> AuthorStream::BeginForDamage(
    const absl::Status& damage) {
  BeginNext(damage.message());
  return std::optional<v1::ReplicateRequest>();
}

void AuthorStream::BeginNext(absl::string_view reason) {
  const core::Generation generation = logs_.current->generation();
  Work work{.kind = Work::Kind::kBegin, .generation = generation.value()};
  const TreeHead head = logs_.current->head();
  work.opened.set_previous_generation(generation.value());
  work.opened.set_previous_size(head.size);
  work.opened.set_previous_root(std::string(head.root.bytes()));
  work.opened.set_reason(std::string(reason));
  work_.push_back(std::move(work));
}

absl::StatusOr<std::optional<v1::ReplicateRequest>> AuthorStream::Next(uint64_t now_us) {
  std::optional<v1::ReplicateRequest> request;
  if (!answers_.empty()) {
    request = std::move(answers_.front());
    answers_.pop_front();
    return request;
  }
  if (!reconciler_.done()) return reconciler_.Next(now_us);
  if (!live_.has_value()) return request;
  if (!reports_.empty()) {
    CL_ASSIGN_OR_RETURN(request, NextOfReport());
    if (request.has_value()) return request;
  }
  if (!repairs_.empty() && !repairs_.front().asked) {
    RepairJob& job = repairs_.front();
    job.asked = true;
    request.emplace();
    v1::EntriesRequest& entries = *request->mutable_entries();
    entries.set_generation(job.generation.value());
    entries.set_first(job.bundle * kTileWidth + job.entries.size());
    entries.set_count(static_cast<uint32_t>(kTileWidth - job.entries.size()));
    return request;
  }
  if (!wanted_.empty()) {
    CL_ASSIGN_OR_RETURN(request, AnswerWanted());
    return request;
  }
  if (digests_.has_value()) {
    request.emplace();
    *request->mutable_digests() = *std::exchange(digests_, std::nullopt);
    return request;
  }
  auto package = live_->Next(now_us);
  if (package.status().code() == absl::StatusCode::kDataLoss ||
      package.status().code() == absl::StatusCode::kNotFound) {
    return BeginForDamage(package.status());
  }
  if (!package.ok()) return package.status();
  if (package->has_value()) {
    request.emplace();
    *request->mutable_package() = **std::move(package);
  }
  return request;
}

}  // namespace chargeledger::log::replication
