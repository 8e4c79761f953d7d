#include "log/replication/reconciler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/orphans.h"
#include "log/entry_place.h"
#include "log/replication/package.h"
#include "log/tlog/checkpoint.h"

namespace chargeledger::log::replication {
namespace {

// What is looked at, tile by tile, before the rest is taken as different: 512 KiB.
constexpr uint64_t kMaxTiles = 64;
// Orphans in one record.
constexpr uint64_t kOrphansAtOnce = 256;
// Where in a generation it stands why it was begun: LogOpened, GenerationOpened, DivergenceFound.
constexpr uint64_t kReasonWithin = 3;

absl::StatusOr<TreeHead> ToHead(const v1::TreeHead& proto) {
  CL_ASSIGN_OR_RETURN(Hash root, Hash::FromBytes(proto.root()));
  return TreeHead{proto.size(), root};
}

}  // namespace

Reconciler::Reconciler(AuthorLogs logs, const Author& author, const SenderOptions& sending,
                       Signers signers)
    : logs_(std::move(logs)), author_(author), sending_(sending), signers_(std::move(signers)) {}

const EventLog* Reconciler::LogOf(uint32_t generation) const {
  if (generation == logs_.current->generation().value()) return logs_.current;
  auto past = logs_.past.find(generation);
  return past == logs_.past.end() ? nullptr : past->second;
}

const tlog::NoteSigner* Reconciler::SignerOf(uint32_t generation) const {
  auto signer = signers_.find(generation);
  return signer == signers_.end() ? nullptr : &signer->second;
}

// Makes of the holder's head the one that this author has signed: another one might be invented.
absl::Status Reconciler::BelieveOnlySigned(v1::GenerationHead& theirs) const {
  const tlog::NoteSigner* signer = SignerOf(theirs.generation());
  CL_CHECK(signer != nullptr, "who believes only its own signature has a key");
  const EventLog* own = LogOf(theirs.generation());
  if (own == nullptr) return absl::OkStatus();
  CL_ASSIGN_OR_RETURN(Finding finding, Classify(*own, theirs));
  if (finding.kind == v1::DIVERGENCE_KIND_UNSPECIFIED || finding.kind == v1::DIVERGENCE_KIND_LAG ||
      finding.kind == v1::DIVERGENCE_KIND_HOLDER_LOST) {
    return absl::OkStatus();
  }
  auto proof =
      tlog::OpenCheckpoint(theirs.checkpoint(), absl::MakeConstSpan(&signer->verifier(), 1));
  if (!proof.ok() || proof->checkpoint.origin != signer->verifier().name()) {
    return absl::PermissionDeniedError(
        absl::StrCat("the holder says to have another generation ", theirs.generation(),
                     " of this log and cannot show this log's signature of it"));
  }
  // What it has beyond the signature may not be this author's.
  theirs.mutable_head()->set_size(proof->checkpoint.head.size);
  theirs.mutable_head()->set_root(std::string(proof->checkpoint.head.root.bytes()));
  return absl::OkStatus();
}

absl::Status Reconciler::Begin(const std::vector<v1::GenerationHead>& theirs, bool believe) {
  std::map<uint32_t, v1::GenerationHead> heads;
  for (const v1::GenerationHead& head : theirs) heads[head.generation()] = head;
  std::vector<uint32_t> generations;
  for (const auto& [generation, log] : logs_.past) generations.push_back(generation);
  generations.push_back(logs_.current->generation().value());
  for (uint32_t generation : generations) {
    v1::GenerationHead& head = heads[generation];
    if (head.generation() == 0) {
      // The holder has nothing of it.
      head.set_generation(generation);
      head.mutable_head()->set_root(std::string(EmptyRoot().bytes()));
    }
    CL_RETURN_IF_ERROR(ToHead(head.head()).status());
    if (!believe) CL_RETURN_IF_ERROR(BelieveOnlySigned(head));
    Job job;
    job.theirs = head;
    job.log = LogOf(generation);
    job.current = generation == generations.back();
    jobs_.push_back(std::move(job));
  }
  return Advance();
}

void Reconciler::Ask(Work work) {
  work_ = std::move(work);
  awaiting_ = Awaiting::kWork;
}

absl::Status Reconciler::Advance() {
  while (awaiting_ == Awaiting::kNothing && !jobs_.empty()) {
    Job& job = jobs_.front();
    switch (job.step) {
      case Step::kClassify:
        CL_RETURN_IF_ERROR(Classified(job));
        break;
      case Step::kCompare:
        CL_RETURN_IF_ERROR(Compare(job));
        break;
      case Step::kFound:
        Found(job);
        break;
      case Step::kOrphans:
        CL_RETURN_IF_ERROR(CarryOrphans(job));
        break;
      case Step::kTruncate:
        job.step = Step::kFetch;
        Ask({.kind = Work::Kind::kTruncate,
             .generation = job.theirs.generation(),
             .position = job.first_difference - job.first_difference % kTileWidth});
        break;
      case Step::kFetch:
        CL_RETURN_IF_ERROR(Fetch(job));
        break;
      case Step::kSend:
        if (!job.sender.has_value()) {
          CL_ASSIGN_OR_RETURN(TreeHead held, ToHead(job.theirs.head()));
          SenderOptions options = sending_;
          if (const tlog::NoteSigner* signer = SignerOf(job.theirs.generation())) {
            options.signer = *signer;
          }
          job.sender.emplace(*job.log, held, options);
        }
        if (job.sender->held().size == job.log->head().size) {
          job.step = Step::kResolved;
        } else {
          awaiting_ = Awaiting::kHeld;
        }
        break;
      case Step::kResolved:
        Resolved(job);
        break;
    }
  }
  if (jobs_.empty()) done_ = true;
  return absl::OkStatus();
}

absl::Status Reconciler::Classified(Job& job) {
  if (job.log == nullptr) {
    job.finding.kind = v1::DIVERGENCE_KIND_DAMAGED;
    job.finding.side = v1::DIVERGENCE_SIDE_AUTHOR;
    job.id = FindingId(core::Generation(job.theirs.generation()), job.finding, 0);
    Ask({.kind = Work::Kind::kSalvage,
         .generation = job.theirs.generation(),
         .position = job.theirs.head().size()});
    return absl::OkStatus();
  }
  auto classified = Classify(*job.log, job.theirs);
  if (classified.status().code() == absl::StatusCode::kDataLoss && !job.current) {
    job.log = nullptr;
    return absl::OkStatus();
  }
  if (!classified.ok()) return classified.status();
  const bool salvaged = job.finding.kind == v1::DIVERGENCE_KIND_DAMAGED;
  const uint64_t size = job.log->head().size;
  if (!salvaged) job.finding = *classified;
  switch (classified->kind) {
    case v1::DIVERGENCE_KIND_UNSPECIFIED:
    case v1::DIVERGENCE_KIND_LAG:
      if (job.current) {
        CL_ASSIGN_OR_RETURN(current_held_, ToHead(job.theirs.head()));
        jobs_.pop_front();
      } else {
        job.step = salvaged ? Step::kFound : Step::kSend;
      }
      return absl::OkStatus();
    case v1::DIVERGENCE_KIND_HOLDER_LOST:
      job.first_difference = job.theirs.head().size();
      job.resolution = "the author sent again what the holder had lost";
      job.recovered = classified->cosigned - job.first_difference;
      job.step = Step::kFound;
      return absl::OkStatus();
    case v1::DIVERGENCE_KIND_STALE_AUTHOR:
      job.first_difference = size;
      job.resolution = "the author fetched what it had lost";
      if (job.current) {
        BeginGeneration(job);
      } else {
        job.step = Step::kFound;
      }
      return absl::OkStatus();
    default:
      break;
  }
  if (classified->side == v1::DIVERGENCE_SIDE_HOLDER) {
    // Its copy contradicts its own signature: evidence, which is not touched.
    job.first_difference = std::min(size, job.theirs.head().size());
    if (job.current) {
      BeginGeneration(job);
    } else {
      job.step = Step::kFound;
    }
    return absl::OkStatus();
  }
  job.resolution =
      "the author's own entries were carried into a later generation, and it took the holder's "
      "branch";
  job.comparison.emplace(*job.log, std::min(size, job.theirs.head().size()), kMaxTiles);
  job.step = Step::kCompare;
  return absl::OkStatus();
}

absl::Status Reconciler::Compare(Job& job) {
  CL_ASSIGN_OR_RETURN(std::optional<v1::NodesRequest> request, job.comparison->Next());
  if (request.has_value()) {
    message_.emplace();
    *message_->mutable_nodes() = *std::move(request);
    awaiting_ = Awaiting::kNodes;
    return absl::OkStatus();
  }
  const uint64_t common = std::min(job.log->head().size, job.theirs.head().size());
  const std::vector<Range>& ranges = job.comparison->ranges();
  job.first_difference = ranges.empty() ? common : ranges.front().first;
  if (job.current) {
    BeginGeneration(job);
  } else {
    job.step = Step::kFound;
  }
  return absl::OkStatus();
}

v1::Entry Reconciler::DescribeFound(const Job& job) const {
  v1::Entry entry;
  v1::DivergenceFound& found = *entry.mutable_divergence_found();
  found.set_id(job.id);
  found.set_kind(job.finding.kind);
  found.set_side(job.finding.side);
  found.set_log_id(std::string(logs_.current->log_id().bytes()));
  found.set_site(author_.site);
  found.set_generation(job.theirs.generation());
  found.set_first_difference(job.first_difference);
  found.set_holder_size(job.theirs.head().size());
  found.set_holder_root(job.theirs.head().root());
  found.set_holder_checkpoint(job.theirs.checkpoint());
  if (job.log != nullptr) {
    const TreeHead head = job.log->head();
    found.set_author_size(head.size);
    found.set_author_root(std::string(head.root.bytes()));
    const tlog::NoteSigner* signer = SignerOf(job.theirs.generation());
    if (job.finding.kind == v1::DIVERGENCE_KIND_TAMPERED || signer == nullptr) {
      // The signature that was broken is the proof.
      found.set_author_checkpoint(job.log->checkpoint());
    } else {
      found.set_author_checkpoint(SignCheckpoint(*signer, head));
    }
  }
  found.set_detail(PlanFor(job.finding.kind, job.finding.side));
  return entry;
}

void Reconciler::BeginGeneration(Job& job) {
  job.id = FindingId(core::Generation(job.theirs.generation()), job.finding, job.first_difference);
  const TreeHead head = job.log->head();
  Work work{.kind = Work::Kind::kBegin, .generation = job.theirs.generation()};
  work.opened.set_previous_generation(job.theirs.generation());
  work.opened.set_previous_size(head.size);
  work.opened.set_previous_root(std::string(head.root.bytes()));
  work.opened.set_reason(absl::StrCat(
      ToWord(job.finding.kind), ": the two sides of generation ", job.theirs.generation(),
      " differ from entry ", job.first_difference, " on: ", head.size, " entries here with root ",
      head.root.ToHex(), ", ", job.theirs.head().size(), " at the holder with root ",
      absl::BytesToHexString(job.theirs.head().root())));
  work.events.push_back(DescribeFound(job));
  Ask(std::move(work));
}

std::optional<v1::DivergenceFound> Reconciler::FoundBefore(uint32_t generation) const {
  const EventLog* next = LogOf(generation + 1);
  if (next == nullptr) return std::nullopt;
  std::optional<v1::DivergenceFound> found;
  // What cannot be read does not say anything.
  next->Read(
          core::Sequence(0), kReasonWithin,
          [&](core::Sequence, absl::string_view bytes) {
            v1::Entry entry;
            if (entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                entry.has_divergence_found() &&
                entry.divergence_found().generation() == generation) {
              const v1::DivergenceKind kind = entry.divergence_found().kind();
              // These are found in a generation that was begun for something else.
              if (kind != v1::DIVERGENCE_KIND_HOLDER_LOST && kind != v1::DIVERGENCE_KIND_DAMAGED) {
                found = entry.divergence_found();
              }
            }
            return !found.has_value();
          })
      .IgnoreError();
  return found;
}

void Reconciler::Found(Job& job) {
  const bool unresolvable = job.finding.side == v1::DIVERGENCE_SIDE_HOLDER &&
                            job.finding.kind == v1::DIVERGENCE_KIND_TAMPERED;
  const bool orphans = job.comparison.has_value();
  job.step = orphans                                               ? Step::kOrphans
             : job.finding.kind == v1::DIVERGENCE_KIND_HOLDER_LOST ? Step::kSend
                                                                   : Step::kFetch;
  if (job.id.empty()) {
    job.id =
        FindingId(core::Generation(job.theirs.generation()), job.finding, job.first_difference);
  }
  std::optional<v1::DivergenceFound> before = FoundBefore(job.theirs.generation());
  v1::Entry entry = DescribeFound(job);
  if (job.current) {
    // Only lost entries of the holder come here: the newest generation goes on as it is.
    CL_CHECK(!unresolvable && job.finding.kind == v1::DIVERGENCE_KIND_HOLDER_LOST,
             "the newest generation is not reconciled in place");
    current_held_ = *ToHead(job.theirs.head());
    current_lost_ = job.finding.cosigned;
    current_id_ = job.id;
    jobs_.pop_front();
  } else if (before.has_value() && job.finding.kind != v1::DIVERGENCE_KIND_HOLDER_LOST) {
    // It is on record: the next generation was begun for it.
    job.id = before->id();
    if (unresolvable) jobs_.pop_front();
    return;
  } else if (unresolvable) {
    const bool told = logs_.told != nullptr && !logs_.told->insert(job.id).second;
    jobs_.pop_front();
    if (told) return;
  }
  Work work{.kind = Work::Kind::kRecord};
  work.events.push_back(std::move(entry));
  Ask(std::move(work));
}

absl::StatusOr<std::set<uint64_t>> Reconciler::Carried(uint32_t generation) const {
  std::set<uint64_t> carried;
  for (uint32_t later = generation + 1; later <= logs_.current->generation().value(); ++later) {
    const EventLog* log = LogOf(later);
    if (log == nullptr) continue;
    core::OrphanReader reader;
    CL_RETURN_IF_ERROR(
        log->Read(core::Sequence(log->dropped() * kTileWidth), ~uint64_t{0},
                  [&](core::Sequence, absl::string_view bytes) {
                    v1::Entry entry;
                    if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
                        !entry.has_orphaned_entry()) {
                      return true;
                    }
                    auto whole = reader.Add(entry.orphaned_entry());
                    if (whole.has_value() && whole->generation == generation) {
                      carried.insert(whole->sequence);
                    }
                    return true;
                  }));
  }
  return carried;
}

absl::Status Reconciler::FindOrphans(Job& job) {
  CL_ASSIGN_OR_RETURN(std::set<uint64_t> carried, Carried(job.theirs.generation()));
  const uint64_t size = job.log->head().size;
  const uint64_t common = std::min(size, job.theirs.head().size());
  std::vector<Range> ranges = job.comparison->ranges();
  job.theirs_only = ranges;
  job.theirs_only.push_back({common, job.theirs.head().size()});
  if (size > common) ranges.push_back({common, size});
  for (const Range& range : ranges) {
    uint64_t first = range.first;
    for (uint64_t sequence : carried) {
      if (sequence < first || sequence >= range.end) continue;
      if (sequence > first) job.orphans.push_back({first, sequence});
      first = sequence + 1;
    }
    if (first < range.end) job.orphans.push_back({first, range.end});
  }
  job.recovered = carried.size();
  for (const Range& range : job.orphans) job.recovered += range.end - range.first;
  return absl::OkStatus();
}

absl::Status Reconciler::CarryOrphans(Job& job) {
  if (job.comparison.has_value()) {
    CL_RETURN_IF_ERROR(FindOrphans(job));
    job.comparison.reset();
  }
  if (job.orphans.empty()) {
    job.step = Step::kTruncate;
    return absl::OkStatus();
  }
  Range& range = job.orphans.front();
  Work work{.kind = Work::Kind::kRecord};
  uint64_t next = range.first;
  CL_RETURN_IF_ERROR(
      job.log->Read(core::Sequence(range.first), std::min(kOrphansAtOnce, range.end - range.first),
                    [&](core::Sequence sequence, absl::string_view bytes) {
                      core::AppendOrphan(job.log->generation(), sequence, bytes, work.events);
                      next = sequence.value() + 1;
                      return true;
                    }));
  range.first = next;
  if (range.first >= range.end) job.orphans.pop_front();
  Ask(std::move(work));
  return absl::OkStatus();
}

absl::Status Reconciler::Fetch(Job& job) {
  const TreeHead own = job.log->head();
  if (own.size < job.theirs.head().size()) {
    message_.emplace();
    v1::EntriesRequest& request = *message_->mutable_entries();
    request.set_generation(job.theirs.generation());
    request.set_first(own.size);
    request.set_count(
        static_cast<uint32_t>(std::min(kMaxPackageEntries, job.theirs.head().size() - own.size)));
    awaiting_ = Awaiting::kEntries;
    return absl::OkStatus();
  }
  CL_RETURN_IF_ERROR(OwnHead(*job.log, job.theirs.head()).status());
  // What was salvaged may be more than the holder has.
  job.step = own.size > job.theirs.head().size() ? Step::kSend : Step::kResolved;
  return absl::OkStatus();
}

v1::Entry Reconciler::DescribeResolved(const std::string& id, uint32_t generation,
                                       const TreeHead& head, uint64_t recovered,
                                       absl::string_view resolution) const {
  v1::Entry entry;
  v1::DivergenceResolved& resolved = *entry.mutable_divergence_resolved();
  resolved.set_id(id);
  resolved.set_log_id(std::string(logs_.current->log_id().bytes()));
  resolved.set_generation(generation);
  resolved.set_resolution(std::string(resolution));
  resolved.set_entries_recovered(recovered);
  resolved.set_size(head.size);
  resolved.set_root(std::string(head.root.bytes()));
  return entry;
}

void Reconciler::Resolved(Job& job) {
  const uint32_t generation = job.theirs.generation();
  Work work{.kind = Work::Kind::kRecord};
  if (!job.id.empty()) {
    work.events.push_back(
        DescribeResolved(job.id, generation, job.log->head(), job.recovered, job.resolution));
  }
  // What the next generation was begun for may be over as well: a holder that contradicted itself
  // has let its copy be replaced.
  std::optional<v1::DivergenceFound> before = FoundBefore(generation);
  if (before.has_value() && before->id() != job.id &&
      job.finding.kind == v1::DIVERGENCE_KIND_HOLDER_LOST) {
    work.events.push_back(DescribeResolved(before->id(), generation, job.log->head(), job.recovered,
                                           "the holder took the author's copy"));
  }
  jobs_.pop_front();
  if (!work.events.empty()) Ask(std::move(work));
}

absl::StatusOr<std::optional<v1::ReplicateRequest>> Reconciler::Next(uint64_t now_us) {
  if (message_.has_value()) return std::exchange(message_, std::nullopt);
  std::optional<v1::ReplicateRequest> request;
  if (awaiting_ != Awaiting::kHeld) return request;
  Job& job = jobs_.front();
  auto package = job.sender->Next(now_us);
  if (package.status().code() == absl::StatusCode::kDataLoss ||
      package.status().code() == absl::StatusCode::kNotFound) {
    // What the holder has not (any more) is damaged or dropped here: the rest goes on as orphans.
    *job.theirs.mutable_head() = ToProto(job.sender->held());
    job.sender.reset();
    job.log = nullptr;
    job.step = Step::kClassify;
    awaiting_ = Awaiting::kNothing;
    CL_RETURN_IF_ERROR(Advance());
    return request;
  }
  if (!package.ok()) return package.status();
  if (package->has_value()) {
    request.emplace();
    *request->mutable_package() = **std::move(package);
  }
  return request;
}

std::optional<Work> Reconciler::TakeWork() { return std::exchange(work_, std::nullopt); }

absl::Status Reconciler::OnNodes(const v1::NodesResponse& nodes) {
  if (awaiting_ != Awaiting::kNodes) return absl::AbortedError("nodes came that nobody asked for");
  awaiting_ = Awaiting::kNothing;
  CL_RETURN_IF_ERROR(jobs_.front().comparison->OnNodes(nodes));
  return Advance();
}

absl::Status Reconciler::OnEntries(const v1::EntryPackage& package) {
  if (awaiting_ != Awaiting::kEntries) {
    return absl::AbortedError("entries came that nobody asked for");
  }
  awaiting_ = Awaiting::kNothing;
  Job& job = jobs_.front();
  CL_ASSIGN_OR_RETURN(UnpackedEntries unpacked, UnpackEntries(package));
  const uint64_t first = job.log->head().size;
  if (package.first_sequence() != first || unpacked.entries.empty() ||
      unpacked.entries.size() > job.theirs.head().size() - first) {
    return absl::FailedPreconditionError(
        absl::StrCat("the holder has entries from ", first, " of generation ",
                     job.theirs.generation(), " on and cannot send them: it answered with ",
                     unpacked.entries.size(), " from ", package.first_sequence()));
  }
  Work work{.kind = Work::Kind::kAppend, .generation = job.theirs.generation()};
  for (absl::string_view entry : unpacked.entries) {
    CL_RETURN_IF_ERROR(CheckEntryPlace(core::Generation(job.theirs.generation()),
                                       first + work.entries.size(), entry));
    const uint64_t sequence = first + work.entries.size();
    const bool counts =
        job.theirs_only.empty() ||
        std::any_of(job.theirs_only.begin(), job.theirs_only.end(), [sequence](const Range& range) {
          return range.first <= sequence && sequence < range.end;
        });
    job.recovered += counts ? 1 : 0;
    work.entries.emplace_back(entry);
  }
  Ask(std::move(work));
  return absl::OkStatus();
}

absl::StatusOr<bool> Reconciler::OnHeld(uint32_t generation, const v1::TreeHead& held,
                                        uint64_t now_us) {
  if (awaiting_ != Awaiting::kHeld || jobs_.front().theirs.generation() != generation) return false;
  Job& job = jobs_.front();
  CL_RETURN_IF_ERROR(job.sender->OnHeld(held, now_us));
  awaiting_ = Awaiting::kNothing;
  CL_RETURN_IF_ERROR(Advance());
  return true;
}

absl::Status Reconciler::OnWorkDone(const WorkResult& result) {
  CL_CHECK(awaiting_ == Awaiting::kWork, "nothing was asked for");
  CL_RETURN_IF_ERROR(result.status);
  awaiting_ = Awaiting::kNothing;
  if (!jobs_.empty() && result.log != nullptr) {
    Job& job = jobs_.front();
    job.log = result.log;
    job.recovered += result.recorded;
    job.resolution =
        "what could be read was carried into a later generation, the rest came from "
        "the holder";
    logs_.past[job.theirs.generation()] = result.log;
  }
  return Advance();
}

}  // namespace chargeledger::log::replication
