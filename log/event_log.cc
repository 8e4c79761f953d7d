#include "log/event_log.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/proof.h"

namespace chargeledger::log {
namespace {

std::string Join(absl::Span<const Hash> hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * Hash::kSize);
  for (const Hash& hash : hashes) absl::StrAppend(&bytes, hash.bytes());
  return bytes;
}

std::vector<Hash> Split(absl::string_view bytes) {
  std::vector<Hash> hashes;
  for (size_t at = 0; at + Hash::kSize <= bytes.size(); at += Hash::kSize) {
    hashes.push_back(*Hash::FromBytes(bytes.substr(at, Hash::kSize)));
  }
  return hashes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EventLog>> EventLog::Open(const Store& store,
                                                         const core::LogId& log_id,
                                                         core::Generation generation) {
  std::unique_ptr<EventLog> log(new EventLog(store, log_id, generation));
  absl::Status status = log->Restore();
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat("log ", log_id.ToHex(), " generation ",
                                                    generation.value(), ": ", status.message()));
  }
  return log;
}

absl::Status EventLog::Restore() {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store_.Get(keys_.Head()));
  CL_ASSIGN_OR_RETURN(std::optional<std::string> checkpoint, store_.Get(keys_.Checkpoint()));
  TreeHead head;
  if (stored.has_value()) {
    CL_ASSIGN_OR_RETURN(head, DecodeHead(*stored));
  }
  CL_RETURN_IF_ERROR(LoadDropped());
  CL_RETURN_IF_ERROR(CheckEnds(head.size));
  // The open tiles are not stored: level 0 is hashed again from the entries, each higher one from
  // the tiles below it.
  std::vector<Hash> open_leaves;
  auto node = [&](int level, uint64_t position) -> absl::StatusOr<Hash> {
    if (level == 0) return open_leaves[position % kTileWidth];
    if (level == 1) return BundleRoot(position);
    CL_ASSIGN_OR_RETURN(std::string hashes, StoredTile({level - 1, position}));
    return CompleteSubtreeRoot(Split(hashes));
  };
  uint64_t next = head.size - head.size % kTileWidth;
  CL_RETURN_IF_ERROR(ReadHot(next, head.size, [&](core::Sequence, absl::string_view entry) {
                       open_leaves.push_back(LeafHash(entry));
                       return true;
                     }).status());
  if (next != head.size) return Missing(next, head.size);
  CL_ASSIGN_OR_RETURN(TreeBuilder builder, TreeBuilder::Restore(head.size, node));
  const Hash derived = builder.frontier().Root();
  if (derived != head.root) {
    return absl::DataLossError(absl::StrCat("stored root of size ", head.size, " is ",
                                            head.root.ToHex(), " but the stored entries give ",
                                            derived.ToHex()));
  }
  absl::MutexLock lock(&mutex_);
  builder_ = std::move(builder);
  published_ = head;
  pending_.clear();
  derived_ = {};
  ++reloads_;
  checkpoint_ = checkpoint.value_or("");
  return absl::OkStatus();
}

// As it was stored when the bundle was sealed, or from the entries; the root of all says whether it
// is right.
absl::StatusOr<Hash> EventLog::BundleRoot(uint64_t index) const {
  auto stored = store_.Get(keys_.BundleRoot(index));
  if (stored.ok() && stored->has_value()) return Hash::FromBytes(**stored);
  CL_ASSIGN_OR_RETURN(std::vector<Hash> leaves, LeavesOf(index));
  return CompleteSubtreeRoot(leaves);
}

absl::StatusOr<std::optional<uint64_t>> EventLog::LastNumber(absl::string_view from,
                                                             absl::string_view end) const {
  std::optional<uint64_t> last;
  CL_RETURN_IF_ERROR(store_.ScanReverse(from, end, [&](absl::string_view key, absl::string_view) {
    last = LogKeys::NumberOf(key);
    return false;
  }));
  return last;
}

absl::Status EventLog::LoadDropped() {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store_.Get(keys_.Dropped()));
  if (stored.has_value() && stored->size() != 8) {
    return absl::DataLossError("the record of what was dropped cannot be read");
  }
  absl::MutexLock lock(&mutex_);
  dropped_ = stored.has_value() ? ReadBigEndian64(*stored) : 0;
  return absl::OkStatus();
}

absl::Status EventLog::CheckEnds(uint64_t size) {
  const std::string bundles = keys_.Prefix('b');
  CL_ASSIGN_OR_RETURN(std::optional<uint64_t> bundle, LastNumber(bundles, AfterPrefix(bundles)));
  const uint64_t sealed = bundle.has_value() ? *bundle + 1 : dropped();
  // Below are only what RocksDB keeps of deleted entries: walking over it takes long.
  CL_ASSIGN_OR_RETURN(std::optional<uint64_t> entry,
                      LastNumber(keys_.Entry(sealed * kTileWidth), AfterPrefix(keys_.Prefix('e'))));
  const uint64_t found = entry.has_value() ? *entry + 1 : sealed * kTileWidth;
  {
    absl::MutexLock lock(&mutex_);
    sealed_ = sealed;
  }
  if (found == size) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the stored head says ", size,
                                          " entries, but the last entry found makes ", found));
}

TreeHead EventLog::head() const {
  absl::MutexLock lock(&mutex_);
  return published_;
}

Frontier EventLog::staged() const {
  absl::MutexLock lock(&mutex_);
  return builder_.frontier();
}

uint64_t EventLog::sealed() const {
  absl::MutexLock lock(&mutex_);
  return sealed_;
}

uint64_t EventLog::reloads() const {
  absl::MutexLock lock(&mutex_);
  return reloads_;
}

uint64_t EventLog::dropped() const {
  absl::MutexLock lock(&mutex_);
  return dropped_;
}

std::string EventLog::checkpoint() const {
  absl::MutexLock lock(&mutex_);
  return checkpoint_;
}

TreeHead EventLog::Stage(absl::Span<const absl::string_view> entries, absl::Span<const Hash> leaves,
                         WriteBatch& batch) {
  CL_CHECK(entries.size() == leaves.size(), "every entry has its leaf hash");
  absl::MutexLock lock(&mutex_);
  std::vector<Tile> complete;
  std::string key = keys_.Entry(0);
  for (size_t i = 0; i < entries.size(); ++i) {
    LogKeys::SetNumber(builder_.frontier().size(), key);
    batch.Put(key, entries[i]);
    builder_.Append(leaves[i], complete);
    for (Tile& tile : complete) {
      pending_.push_back({std::move(tile), builder_.frontier().size()});
      const Tile& pending = pending_.back().tile;
      if (pending.id.level > 0) batch.Put(keys_.Tile(pending.id), pending.hashes);
    }
    complete.clear();
  }
  const TreeHead head = builder_.Head();
  batch.PutCopy(keys_.Head(), EncodeHead(head));
  return head;
}

void EventLog::SetCheckpoint(std::string note) {
  absl::MutexLock lock(&mutex_);
  checkpoint_ = std::move(note);
}

void EventLog::Publish(const TreeHead& head) {
  absl::MutexLock lock(&mutex_);
  CL_CHECK(head.size >= published_.size, "a log never shrinks");
  published_ = head;
  while (!pending_.empty() && pending_.front().size <= head.size) {
    // Whoever asks next for a leaf most likely asks for one of the newest.
    if (pending_.front().tile.id.level == 0) derived_ = std::move(pending_.front().tile);
    pending_.pop_front();
  }
}

absl::StatusOr<std::string> EventLog::MakeSealed(uint64_t index, Hash& root) const {
  uint64_t next = index * kTileWidth;
  const uint64_t end = next + kTileWidth;
  std::vector<std::string> bytes;
  bytes.reserve(kTileWidth);
  CL_RETURN_IF_ERROR(ReadHot(next, end, [&](core::Sequence, absl::string_view entry) {
                       bytes.emplace_back(entry);
                       return true;
                     }).status());
  if (next != end) return Missing(next, end);
  std::vector<Hash> leaves;
  leaves.reserve(kTileWidth);
  for (const std::string& entry : bytes) leaves.push_back(LeafHash(entry));
  // What is sealed is what was hashed: the entries are about to go.
  root = CompleteSubtreeRoot(leaves);
  CL_RETURN_IF_ERROR(CheckSubtree(index, root));
  std::vector<absl::string_view> entries(bytes.begin(), bytes.end());
  return SealBundle(entries, leaves);
}

absl::StatusOr<bool> EventLog::StageSealed(uint64_t bundles, WriteBatch& batch) {
  uint64_t first = 0;
  {
    absl::MutexLock lock(&mutex_);
    if ((sealed_ + bundles) * kTileWidth > published_.size) return false;
    first = sealed_;
  }
  for (uint64_t index = first; index < first + bundles; ++index) {
    Hash root;
    CL_ASSIGN_OR_RETURN(std::string sealed, MakeSealed(index, root));
    batch.PutCopy(keys_.Bundle(index), std::move(sealed));
    batch.PutCopy(keys_.BundleRoot(index), std::string(root.bytes()));
  }
  batch.DeleteRange(keys_.Entry(first * kTileWidth), keys_.Entry((first + bundles) * kTileWidth));
  return true;
}

absl::Status EventLog::CheckSubtree(uint64_t index, const Hash& root) const {
  Tile last_read;
  CL_ASSIGN_OR_RETURN(Hash stored, Node(1, index, last_read));
  if (root == stored) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("entries ", index * kTileWidth, " to ",
                                          (index + 1) * kTileWidth - 1, " hash to ", root.ToHex(),
                                          "; the tree has ", stored.ToHex()));
}

absl::Status EventLog::StageRepair(uint64_t index, absl::Span<const absl::string_view> entries,
                                   WriteBatch& batch) const {
  if (entries.size() != kTileWidth || (index + 1) * kTileWidth > head().size) {
    return absl::InvalidArgumentError(absl::StrCat("bundle ", index, " of a log with ", head().size,
                                                   " entries cannot be replaced by ",
                                                   entries.size(), " entries"));
  }
  std::vector<Hash> leaves;
  leaves.reserve(entries.size());
  for (absl::string_view entry : entries) leaves.push_back(LeafHash(entry));
  if (absl::Status status = CheckSubtree(index, CompleteSubtreeRoot(leaves)); !status.ok()) {
    return status.code() == absl::StatusCode::kDataLoss
               ? absl::InvalidArgumentError(status.message())
               : status;
  }
  if (index < sealed()) {
    batch.PutCopy(keys_.Bundle(index), SealBundle(entries, leaves));
    return absl::OkStatus();
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    batch.PutCopy(keys_.Entry(index * kTileWidth + i), std::string(entries[i]));
  }
  return absl::OkStatus();
}

void EventLog::StageTruncate(const LogKeys& keys, const TreeHead& head, WriteBatch& batch) {
  batch.DeleteRange(keys.Entry(head.size), AfterPrefix(keys.Prefix('e')));
  batch.DeleteRange(keys.Bundle(head.size / kTileWidth), AfterPrefix(keys.Prefix('b')));
  batch.DeleteRange(keys.BundleRoot(head.size / kTileWidth), AfterPrefix(keys.Prefix('n')));
  for (int level = 0; level * kTileHeight < 64; ++level) {
    const int height = (level + 1) * kTileHeight;
    batch.DeleteRange(keys.Tile({level, height < 64 ? head.size >> height : 0}),
                      keys.Tile({level + 1, 0}));
  }
  batch.PutCopy(keys.Head(), EncodeHead(head));
  // A checkpoint of more than there is says nothing about what comes instead.
  batch.Delete(keys.Checkpoint());
}

absl::StatusOr<TreeHead> EventLog::StageTruncate(uint64_t size, WriteBatch& batch) const {
  CL_CHECK(size % kTileWidth == 0, "a log is taken back to the border of a bundle");
  TreeHead head{size, {}};
  CL_ASSIGN_OR_RETURN(head.root, RootAt(size));
  StageTruncate(keys_, head, batch);
  if (dropped() > size / kTileWidth) {
    std::string count;
    AppendBigEndian64(count, size / kTileWidth);
    batch.PutCopy(keys_.Dropped(), std::move(count));
  }
  return head;
}

absl::Status EventLog::StageDropped(uint64_t end, WriteBatch& batch) const {
  CL_CHECK(end <= sealed(), "only sealed bundles are dropped");
  const uint64_t first = dropped();
  for (uint64_t index = first; index < end; ++index) {
    CL_ASSIGN_OR_RETURN(std::vector<Hash> leaves, LeavesOf(index));
    CL_RETURN_IF_ERROR(CheckSubtree(index, CompleteSubtreeRoot(leaves)));
    batch.PutCopy(keys_.Tile({0, index}), Join(leaves));
  }
  std::string count;
  AppendBigEndian64(count, end);
  batch.PutCopy(keys_.Dropped(), std::move(count));
  batch.DeleteRange(keys_.Bundle(first), keys_.Bundle(end));
  return absl::OkStatus();
}

void EventLog::PublishDropped(uint64_t end) {
  absl::MutexLock lock(&mutex_);
  dropped_ = end;
}

void EventLog::PublishSealed(uint64_t bundles) {
  absl::MutexLock lock(&mutex_);
  sealed_ += bundles;
}

absl::Status EventLog::CheckSize(uint64_t size) const {
  const uint64_t current = head().size;
  if (size <= current) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("the log has ", current, " entries; size ", size, " is beyond it"));
}

absl::StatusOr<Hash> EventLog::RootAt(uint64_t size) const {
  const TreeHead current = head();
  if (size == current.size) return current.root;
  CL_RETURN_IF_ERROR(CheckSize(size));
  Tile last_read;
  return RootFromNodes(
      size, [&](int level, uint64_t position) { return Node(level, position, last_read); });
}

absl::StatusOr<std::vector<Hash>> EventLog::InclusionProof(core::Sequence sequence,
                                                           uint64_t size) const {
  CL_RETURN_IF_ERROR(CheckSize(size));
  Tile last_read;
  return MakeInclusionProof(sequence.value(), size, [&](int level, uint64_t position) {
    return Node(level, position, last_read);
  });
}

absl::StatusOr<std::vector<Hash>> EventLog::ConsistencyProof(uint64_t from, uint64_t to) const {
  CL_RETURN_IF_ERROR(CheckSize(to));
  Tile last_read;
  return MakeConsistencyProof(
      from, to, [&](int level, uint64_t position) { return Node(level, position, last_read); });
}

absl::StatusOr<Hash> EventLog::LeafHashAt(core::Sequence sequence) const {
  const uint64_t size = staged().size();
  if (sequence.value() >= size) {
    return absl::OutOfRangeError(
        absl::StrCat("the log has ", size, " entries; ", sequence.value(), " is beyond it"));
  }
  Tile last_read;
  return Node(0, sequence.value(), last_read);
}

absl::StatusOr<std::vector<Hash>> EventLog::Nodes(int level, uint64_t first, uint64_t count) const {
  const uint64_t size = head().size;
  const uint64_t complete = level * kTileHeight < 64 ? size >> (level * kTileHeight) : 0;
  if (level < 0 || first > complete || count > complete - first) {
    return absl::OutOfRangeError(absl::StrCat("the log has ", size, " entries: ", complete,
                                              " nodes of level ", level, ", not ", first, " and ",
                                              count, " more"));
  }
  std::vector<Hash> nodes;
  nodes.reserve(count);
  Tile last_read;
  for (uint64_t position = first; position < first + count; ++position) {
    CL_ASSIGN_OR_RETURN(Hash node, Node(level, position, last_read));
    nodes.push_back(node);
  }
  return nodes;
}

absl::StatusOr<Hash> EventLog::Node(int level, uint64_t position, Tile& last_read) const {
  const TileId id{level, position / kTileWidth};
  const size_t offset = position % kTileWidth;
  if (last_read.hashes.empty() || last_read.id != id) {
    absl::MutexLock lock(&mutex_);
    const uint64_t nodes = builder_.frontier().size() >> (level * kTileHeight);
    if (id.index == nodes / kTileWidth) {
      const absl::Span<const Hash> open = builder_.OpenTile(level);
      CL_CHECK(offset < open.size(), "a node of a published size exists");
      return open[offset];
    }
    last_read = {};
    for (const PendingTile& pending : pending_) {
      if (pending.tile.id == id) last_read = pending.tile;
    }
    if (last_read.hashes.empty() && level == 0 && derived_.id == id) last_read = derived_;
  }
  if (last_read.hashes.empty()) {
    if (level > 0) {
      CL_ASSIGN_OR_RETURN(std::string hashes, StoredTile(id));
      last_read = {id, std::move(hashes)};
    } else {
      CL_ASSIGN_OR_RETURN(std::vector<Hash> leaves, LeavesOf(id.index));
      last_read = {id, Join(leaves)};
      absl::MutexLock lock(&mutex_);
      derived_ = last_read;
    }
  }
  return Hash::FromBytes(
      absl::string_view(last_read.hashes).substr(offset * Hash::kSize, Hash::kSize));
}

absl::StatusOr<std::string> EventLog::StoredTile(const TileId& id) const {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> hashes, store_.Get(keys_.Tile(id)));
  if (!hashes.has_value() || hashes->size() != kTileWidth * Hash::kSize) {
    return absl::DataLossError(absl::StrCat(
        "tile ", id.level, "/", id.index, " has ", hashes.has_value() ? hashes->size() : 0,
        " bytes; a complete tile has ", kTileWidth * Hash::kSize));
  }
  return *std::move(hashes);
}

absl::StatusOr<std::vector<Hash>> EventLog::LeavesOf(uint64_t index) const {
  if (index < dropped()) return DroppedLeaves(index);
  CL_ASSIGN_OR_RETURN(std::optional<Bundle> bundle, SealedBundle(index));
  if (bundle.has_value()) return bundle->LeafHashes();
  std::vector<Hash> leaves;
  leaves.reserve(kTileWidth);
  uint64_t next = index * kTileWidth;
  const uint64_t end = next + kTileWidth;
  CL_RETURN_IF_ERROR(ReadHot(next, end, [&](core::Sequence, absl::string_view entry) {
                       leaves.push_back(LeafHash(entry));
                       return true;
                     }).status());
  if (next == end) return leaves;
  // It may have been sealed between the two looks.
  CL_ASSIGN_OR_RETURN(bundle, SealedBundle(index));
  if (bundle.has_value()) return bundle->LeafHashes();
  return Missing(next, end);
}

absl::StatusOr<std::vector<Hash>> EventLog::DroppedLeaves(uint64_t index) const {
  CL_ASSIGN_OR_RETURN(std::string hashes, StoredTile({0, index}));
  return Split(hashes);
}

absl::StatusOr<std::optional<Bundle>> EventLog::SealedBundle(uint64_t index) const {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> sealed, store_.Get(keys_.Bundle(index)));
  if (!sealed.has_value()) return std::optional<Bundle>();
  CL_ASSIGN_OR_RETURN(Bundle bundle, Bundle::Open(*sealed, index * kTileWidth));
  return std::optional<Bundle>(std::move(bundle));
}

absl::StatusOr<bool> EventLog::ReadHot(uint64_t& next, uint64_t end, EntryVisitor visit) const {
  bool stopped = false;
  CL_RETURN_IF_ERROR(store_.Scan(keys_.Entry(next), keys_.Entry(end),
                                 [&](absl::string_view key, absl::string_view value) {
                                   if (LogKeys::NumberOf(key) != next) return false;
                                   stopped = !visit(core::Sequence(next++), value);
                                   return !stopped;
                                 }));
  return !stopped;
}

absl::Status EventLog::Read(core::Sequence from, uint64_t count, EntryVisitor visit) const {
  uint64_t size = 0, sealed = 0, dropped = 0;
  {
    absl::MutexLock lock(&mutex_);
    size = published_.size;
    sealed = sealed_;
    dropped = dropped_;
  }
  if (from.value() >= size || count == 0) return absl::OkStatus();
  if (from.value() < dropped * kTileWidth) {
    return absl::NotFoundError(absl::StrCat("entries before ", dropped * kTileWidth,
                                            " are no longer kept here, only their hashes; ",
                                            from.value(), " was asked for. The ledger has them"));
  }
  const uint64_t end = from.value() + std::min(count, size - from.value());
  uint64_t next = from.value();
  while (next < end) {
    const uint64_t before = next;
    if (next >= sealed * kTileWidth) {
      CL_ASSIGN_OR_RETURN(bool goes_on, ReadHot(next, end, visit));
      if (!goes_on || next == end) return absl::OkStatus();
    }
    // Sealed, or sealed meanwhile.
    CL_ASSIGN_OR_RETURN(std::optional<Bundle> bundle, SealedBundle(next / kTileWidth));
    if (bundle.has_value()) {
      const uint64_t bundle_end = std::min(end, (next / kTileWidth + 1) * kTileWidth);
      for (; next < bundle_end; ++next) {
        if (!visit(core::Sequence(next), bundle->entries()[next % kTileWidth])) {
          return absl::OkStatus();
        }
      }
    }
    if (next == before) return Missing(next, size);
  }
  return absl::OkStatus();
}

absl::Status EventLog::Missing(uint64_t sequence, uint64_t size) const {
  return absl::DataLossError(absl::StrCat("log ", log_id_.ToHex(), " generation ",
                                          generation_.value(), ": entry ", sequence,
                                          " is missing although the log has ", size));
}

}  // namespace chargeledger::log
