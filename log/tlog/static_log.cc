#include "log/tlog/static_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/tlog/tiles.h"

namespace chargeledger::log::tlog {
namespace {

std::string Bytes(absl::Span<const Hash> hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * Hash::kSize);
  for (const Hash& hash : hashes) absl::StrAppend(&bytes, hash.bytes());
  return bytes;
}

// Reads the files of one folder, and counts them.
class Folder {
 public:
  explicit Folder(const std::string& directory) : directory_(directory) {}

  absl::StatusOr<std::string> Read(const std::string& path, size_t limit) {
    std::ifstream in(absl::StrCat(directory_, "/", path), std::ios::binary);
    if (!in) return absl::NotFoundError(absl::StrCat(path, " is missing or cannot be read"));
    std::string bytes(limit + 1, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<size_t>(in.gcount()));
    if (in.bad()) return absl::UnavailableError(absl::StrCat(path, " cannot be read"));
    if (bytes.size() > limit) {
      return absl::DataLossError(absl::StrCat(path, " has more than ", limit, " bytes"));
    }
    ++files_;
    return bytes;
  }

  uint64_t files() const { return files_; }

 private:
  const std::string directory_;
  uint64_t files_ = 0;
};

// The tile must hold exactly `expected`: the first hash that differs is named with what it stands
// for.
absl::Status CheckTile(Folder& folder, const TileId& id, absl::string_view expected) {
  const std::string path = TilePath(id, expected.size() / Hash::kSize);
  CL_ASSIGN_OR_RETURN(std::string bytes, folder.Read(path, kTileWidth * Hash::kSize));
  if (bytes.size() != expected.size()) {
    return absl::DataLossError(
        absl::StrCat(path, " has ", bytes.size(), " bytes; ", expected.size(), " are right"));
  }
  for (size_t at = 0; at < bytes.size(); at += Hash::kSize) {
    if (bytes.compare(at, Hash::kSize, expected.data() + at, Hash::kSize) == 0) continue;
    const uint64_t position = id.index * kTileWidth + at / Hash::kSize;
    return absl::DataLossError(
        id.level == 0 ? absl::StrCat("entry ", position, " does not hash to its leaf in ", path)
                      : absl::StrCat(path, ": hash ", at / Hash::kSize, " is not the root of ",
                                     TilePath({id.level - 1, position}, kTileWidth), " below it"));
  }
  return absl::OkStatus();
}

// The tree that the entries' bytes make, every tile compared with its file on the way.
absl::StatusOr<TreeHead> DeriveTree(Folder& folder, const Checkpoint& checkpoint,
                                    EntryCheck check) {
  const uint64_t size = checkpoint.head.size;
  TreeBuilder builder;
  std::vector<Tile> complete;
  for (uint64_t begin = 0; begin < size; begin += kTileWidth) {
    const uint64_t width = std::min(kTileWidth, size - begin);
    const std::string path = EntriesPath(begin / kTileWidth, width);
    CL_ASSIGN_OR_RETURN(std::string bytes, folder.Read(path, kTileWidth * (2 + 0xffff)));
    auto entries = ReadBundle(bytes, width);
    if (!entries.ok()) {
      return absl::DataLossError(
          absl::StrCat(path, ", whose first entry is ", begin, ": ", entries.status().message()));
    }
    complete.clear();
    uint64_t sequence = begin;
    for (absl::string_view entry : *entries) {
      CL_RETURN_IF_ERROR(check(checkpoint.origin, sequence++, entry));
      builder.Append(LeafHash(entry), complete);
    }
    for (const Tile& tile : complete) {
      CL_RETURN_IF_ERROR(CheckTile(folder, tile.id, tile.hashes));
    }
  }
  for (int level = 0; level * kTileHeight < 64; ++level) {
    const std::string open = Bytes(builder.OpenTile(level));
    if (open.empty()) continue;
    const TileId id{level, (size >> (level * kTileHeight)) / kTileWidth};
    CL_RETURN_IF_ERROR(CheckTile(folder, id, open));
  }
  return builder.Head();
}

}  // namespace

absl::StatusOr<StaticLogWriter> StaticLogWriter::Create(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot create ", directory, ": ", error.message()));
  }
  if (!std::filesystem::is_empty(directory, error) || error) {
    return absl::AlreadyExistsError(
        absl::StrCat(directory, " is not an empty folder; name a new one"));
  }
  return StaticLogWriter(directory);
}

absl::Status StaticLogWriter::Write(const std::string& path, absl::string_view bytes) {
  const std::string full = absl::StrCat(directory_, "/", path);
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(full).parent_path(), error);
  std::ofstream out(full, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat("cannot write ", full));
  return absl::OkStatus();
}

absl::Status StaticLogWriter::Append(absl::string_view entry) {
  AppendToBundle(entry, bundle_);
  std::vector<Tile> complete;
  builder_.Append(LeafHash(entry), complete);
  for (const Tile& tile : complete) {
    CL_RETURN_IF_ERROR(Write(TilePath(tile.id, kTileWidth), tile.hashes));
    if (tile.id.level > 0) continue;
    CL_RETURN_IF_ERROR(Write(EntriesPath(tile.id.index, kTileWidth), bundle_));
    bundle_.clear();
  }
  return absl::OkStatus();
}

absl::Status StaticLogWriter::Finish(const TreeHead& head, absl::string_view checkpoint) {
  const TreeHead written = builder_.Head();
  if (written != head) {
    return absl::DataLossError(absl::StrCat("the ", written.size, " entries written have root ",
                                            written.root.ToHex(), "; the checkpoint says ",
                                            head.size, " entries and ", head.root.ToHex()));
  }
  for (int level = 0; level * kTileHeight < 64; ++level) {
    const absl::Span<const Hash> open = builder_.OpenTile(level);
    if (open.empty()) continue;
    const TileId id{level, (head.size >> (level * kTileHeight)) / kTileWidth};
    CL_RETURN_IF_ERROR(Write(TilePath(id, open.size()), Bytes(open)));
    if (level == 0) CL_RETURN_IF_ERROR(Write(EntriesPath(id.index, open.size()), bundle_));
  }
  return Write("checkpoint", checkpoint);
}

absl::StatusOr<StaticLogFinding> VerifyStaticLog(const std::string& directory,
                                                 absl::Span<const VerifierKey> keys,
                                                 EntryCheck check) {
  Folder folder(directory);
  CL_ASSIGN_OR_RETURN(std::string note, folder.Read("checkpoint", kMaxNoteBytes));
  StaticLogFinding finding;
  CL_ASSIGN_OR_RETURN(finding.checkpoint, OpenCheckpoint(note, keys));
  const TreeHead& head = finding.checkpoint.checkpoint.head;
  CL_ASSIGN_OR_RETURN(TreeHead derived, DeriveTree(folder, finding.checkpoint.checkpoint, check));
  if (derived != head) {
    return absl::DataLossError(absl::StrCat("the ", derived.size, " entries have root ",
                                            derived.root.ToHex(), "; the signed checkpoint says ",
                                            head.root.ToHex()));
  }
  finding.files = folder.files();
  return finding;
}

}  // namespace chargeledger::log::tlog
