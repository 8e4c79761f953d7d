#include "log/event_log.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log {
namespace {

std::string EncodeHead(const TreeHead& head) {
  std::string value;
  AppendBigEndian64(value, head.size);
  absl::StrAppend(&value, head.root.bytes());
  return value;
}

// Of an entry's key; none if it has another length than it should.
std::optional<uint64_t> SequenceOf(absl::string_view key, size_t prefix_size) {
  if (key.size() != prefix_size + 8) return std::nullopt;
  return ReadBigEndian64(key.substr(prefix_size));
}

absl::StatusOr<TreeHead> DecodeHead(absl::string_view value) {
  if (value.size() != 8 + Hash::kSize) {
    return absl::DataLossError(absl::StrCat("stored head has ", value.size(), " bytes; it has 40"));
  }
  TreeHead head;
  head.size = ReadBigEndian64(value.substr(0, 8));
  CL_ASSIGN_OR_RETURN(head.root, Hash::FromBytes(value.substr(8)));
  return head;
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
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store_.Get(Key('h')));
  TreeHead head;
  if (stored.has_value()) {
    CL_ASSIGN_OR_RETURN(head, DecodeHead(*stored));
  }
  CL_RETURN_IF_ERROR(CheckEnds(head.size));
  // The open tiles are not stored: level 0 is hashed again from the entries, each higher one from
  // the tiles below it.
  auto node = [&](int level, uint64_t position) -> absl::StatusOr<Hash> {
    if (level > 0) {
      CL_ASSIGN_OR_RETURN(std::string hashes, StoredTile({level - 1, position}));
      std::vector<Hash> children;
      for (size_t at = 0; at < hashes.size(); at += Hash::kSize) {
        children.push_back(*Hash::FromBytes(absl::string_view(hashes).substr(at, Hash::kSize)));
      }
      return CompleteSubtreeRoot(children);
    }
    CL_ASSIGN_OR_RETURN(std::optional<std::string> entry, store_.Get(EntryKey(position)));
    if (!entry.has_value()) {
      return absl::DataLossError(
          absl::StrCat("entry ", position, " is missing although the log has ", head.size));
    }
    return LeafHash(*entry);
  };
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
  return absl::OkStatus();
}

absl::Status EventLog::CheckEnds(uint64_t size) const {
  std::optional<uint64_t> last;
  const std::string prefix = Key('e');
  CL_RETURN_IF_ERROR(store_.ScanReverse(prefix, AfterPrefix(prefix),
                                        [&](absl::string_view key, absl::string_view) {
                                          last = SequenceOf(key, prefix.size());
                                          return false;
                                        }));
  const uint64_t found = last.has_value() ? *last + 1 : 0;
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

TreeHead EventLog::Stage(absl::Span<const absl::string_view> entries, absl::Span<const Hash> leaves,
                         WriteBatch& batch) {
  CL_CHECK(entries.size() == leaves.size(), "every entry has its leaf hash");
  absl::MutexLock lock(&mutex_);
  std::vector<Tile> complete;
  for (size_t i = 0; i < entries.size(); ++i) {
    batch.Put(EntryKey(builder_.frontier().size()), entries[i]);
    builder_.Append(leaves[i], complete);
    for (Tile& tile : complete) {
      pending_.push_back({std::move(tile), builder_.frontier().size()});
      batch.Put(TileKey(pending_.back().tile.id), pending_.back().tile.hashes);
    }
    complete.clear();
  }
  const TreeHead head = builder_.Head();
  batch.PutCopy(Key('h'), EncodeHead(head));
  return head;
}

void EventLog::Publish(const TreeHead& head) {
  absl::MutexLock lock(&mutex_);
  CL_CHECK(head.size >= published_.size, "a log never shrinks");
  published_ = head;
  while (!pending_.empty() && pending_.front().size <= head.size) pending_.pop_front();
}

absl::StatusOr<Hash> EventLog::RootAt(uint64_t size) const {
  const TreeHead current = head();
  if (size == current.size) return current.root;
  if (size > current.size) {
    return absl::OutOfRangeError(
        absl::StrCat("the log has ", current.size, " entries; size ", size, " is beyond it"));
  }
  Tile last_read;
  return RootFromNodes(
      size, [&](int level, uint64_t position) { return Node(level, position, last_read); });
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
  }
  if (last_read.hashes.empty()) {
    CL_ASSIGN_OR_RETURN(std::string hashes, StoredTile(id));
    last_read = {id, std::move(hashes)};
  }
  return Hash::FromBytes(
      absl::string_view(last_read.hashes).substr(offset * Hash::kSize, Hash::kSize));
}

absl::StatusOr<std::string> EventLog::StoredTile(const TileId& id) const {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> hashes, store_.Get(TileKey(id)));
  if (!hashes.has_value() || hashes->size() != kTileWidth * Hash::kSize) {
    return absl::DataLossError(absl::StrCat(
        "tile ", id.level, "/", id.index, " has ", hashes.has_value() ? hashes->size() : 0,
        " bytes; a complete tile has ", kTileWidth * Hash::kSize));
  }
  return *std::move(hashes);
}

absl::Status EventLog::Read(core::Sequence from, uint64_t count, EntryVisitor visit) const {
  const uint64_t size = head().size;
  if (from.value() >= size || count == 0) return absl::OkStatus();
  const uint64_t end = from.value() + std::min(count, size - from.value());
  const std::string prefix = Key('e');
  uint64_t next = from.value();
  absl::Status gap;
  bool stopped = false;
  CL_RETURN_IF_ERROR(store_.Scan(EntryKey(next), EntryKey(end),
                                 [&](absl::string_view key, absl::string_view value) {
                                   if (SequenceOf(key, prefix.size()) != next) return false;
                                   stopped = !visit(core::Sequence(next++), value);
                                   return !stopped;
                                 }));
  if (!stopped && next != end) {
    return absl::DataLossError(absl::StrCat("log ", log_id_.ToHex(), " generation ",
                                            generation_.value(), ": entry ", next,
                                            " is missing although the log has ", size));
  }
  return absl::OkStatus();
}

std::string EventLog::Key(char kind) const {
  std::string key(1, kind);
  key.reserve(40);
  absl::StrAppend(&key, log_id_.bytes());
  AppendBigEndian32(key, generation_.value());
  return key;
}

std::string EventLog::EntryKey(uint64_t sequence) const {
  std::string key = Key('e');
  AppendBigEndian64(key, sequence);
  return key;
}

std::string EventLog::TileKey(const TileId& id) const {
  std::string key = Key('t');
  key.push_back(static_cast<char>(id.level));
  AppendBigEndian64(key, id.index);
  return key;
}

}  // namespace chargeledger::log
