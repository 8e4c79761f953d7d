#include "log/checker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/bundle.h"
#include "log/entry_place.h"

namespace chargeledger::log {
namespace {

std::string Range(uint64_t first, uint64_t end) {
  return absl::StrCat("entries ", first, " to ", end - 1);
}

}  // namespace

LogChecker::LogChecker(const Reader& store, const core::LogId& log_id, core::Generation generation,
                       const TreeHead& head, std::vector<tlog::VerifierKey> keys)
    : store_(store),
      generation_(generation),
      keys_(log_id, generation),
      head_(head),
      verifier_keys_(std::move(keys)) {}

void LogChecker::Found(std::optional<uint64_t> sequence, std::string detail) {
  findings_.push_back({sequence, std::move(detail)});
}

absl::StatusOr<uint64_t> LogChecker::Step() {
  CL_CHECK(!done_, "a checker that is done has no next step");
  if (!started_) CL_RETURN_IF_ERROR(LoadCheckpoint());
  // It may grow while the log is walked over, and never shrinks.
  CL_ASSIGN_OR_RETURN(std::optional<std::string> dropped, store_.Get(keys_.Dropped()));
  if (dropped.has_value() && dropped->size() == 8) dropped_ = ReadBigEndian64(*dropped);
  started_ = true;
  if (next_ == head_.size) {
    CL_RETURN_IF_ERROR(CheckEnd());
    done_ = true;
    return 0;
  }
  const uint64_t first = next_;
  const uint64_t end = std::min(first + kTileWidth, head_.size);
  uint64_t bytes = 0;
  CL_ASSIGN_OR_RETURN(auto leaves, CheckPiece(first, end, bytes));
  std::vector<Tile> complete;
  for (const std::optional<Hash>& leaf : leaves) {
    if (!leaf.has_value()) damaged_.insert(first / kTileWidth);
    // A placeholder keeps the positions; nothing that contains it is compared.
    builder_.Append(leaf.value_or(Hash()), complete);
    ++next_;
    CheckCheckpoint();
  }
  for (const Tile& tile : complete) {
    if (tile.id.level > 0) CL_RETURN_IF_ERROR(CheckTile(tile));
  }
  return bytes;
}

absl::StatusOr<std::vector<std::optional<Hash>>> LogChecker::CheckPiece(uint64_t first,
                                                                        uint64_t end,
                                                                        uint64_t& bytes) {
  std::vector<std::optional<Hash>> leaves(end - first);
  if (first < dropped_ * kTileWidth) return CheckDropped(first, leaves, bytes);
  const std::string bundle_key = keys_.Bundle(first / kTileWidth);
  auto sealed = store_.Get(bundle_key);
  if (sealed.ok() && !sealed->has_value()) {
    CL_RETURN_IF_ERROR(CheckHot(first, end, leaves, bytes));
    const bool whole = std::all_of(leaves.begin(), leaves.end(),
                                   [](const auto& leaf) { return leaf.has_value(); });
    // It may have been sealed meanwhile.
    if (!whole) sealed = store_.Get(bundle_key);
  }
  if (!sealed.ok()) {
    if (sealed.status().code() != absl::StatusCode::kDataLoss) return sealed.status();
    Found(first, absl::StrCat(Range(first, end), " cannot be read: ", sealed.status().message()));
    return leaves;
  }
  if (sealed->has_value()) {
    bytes += (*sealed)->size();
    CheckSealed(**sealed, first, leaves);
    return leaves;
  }
  for (uint64_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].has_value()) continue;
    Found(first + i, absl::StrCat("entry ", first + i, " is missing or damaged"));
    break;
  }
  return leaves;
}

// Of dropped entries the hashes are there, and the tiles above say whether they are right.
absl::StatusOr<std::vector<std::optional<Hash>>> LogChecker::CheckDropped(
    uint64_t first, std::vector<std::optional<Hash>>& leaves, uint64_t& bytes) {
  auto stored = store_.Get(keys_.Tile({0, first / kTileWidth}));
  if (!stored.ok() && stored.status().code() != absl::StatusCode::kDataLoss) {
    return stored.status();
  }
  if (!stored.ok() || !stored->has_value() || (*stored)->size() != kTileWidth * Hash::kSize) {
    Found(first, absl::StrCat("the hashes of the dropped ", Range(first, first + kTileWidth),
                              " are missing or damaged"));
    return leaves;
  }
  bytes += (*stored)->size();
  for (uint64_t i = 0; i < leaves.size(); ++i) {
    leaves[i] = *Hash::FromBytes((*stored)->substr(i * Hash::kSize, Hash::kSize));
  }
  return leaves;
}

void LogChecker::CheckSealed(absl::string_view sealed, uint64_t first,
                             std::vector<std::optional<Hash>>& leaves) {
  auto bundle = Bundle::Open(sealed, first);
  const absl::Status status = bundle.ok() ? bundle->LeafHashes().status() : bundle.status();
  if (!status.ok()) {
    return Found(Bundle::FirstDamaged(sealed, first), std::string(status.message()));
  }
  for (uint64_t i = 0; i < leaves.size(); ++i) {
    leaves[i] = CheckEntry(first + i, bundle->entries()[i]);
  }
}

absl::Status LogChecker::CheckHot(uint64_t first, uint64_t end,
                                  std::vector<std::optional<Hash>>& leaves, uint64_t& bytes) {
  absl::Status status = store_.Scan(
      keys_.Entry(first), keys_.Entry(end), [&](absl::string_view key, absl::string_view value) {
        const std::optional<uint64_t> sequence = LogKeys::NumberOf(key);
        if (!sequence.has_value()) return true;
        bytes += value.size();
        leaves[*sequence - first] = CheckEntry(*sequence, value);
        return true;
      });
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  Found(std::nullopt, absl::StrCat(Range(first, end), " cannot be read whole: ", status.message()));
  return absl::OkStatus();
}

std::optional<Hash> LogChecker::CheckEntry(uint64_t sequence, absl::string_view bytes) {
  absl::Status place = CheckEntryPlace(generation_, sequence, bytes);
  if (!place.ok()) Found(sequence, std::string(place.message()));
  return LeafHash(bytes);
}

absl::Status LogChecker::CheckTile(const Tile& tile) {
  const std::string name = absl::StrCat("tile ", tile.id.level, "/", tile.id.index);
  auto stored = store_.Get(keys_.Tile(tile.id));
  if (!stored.ok()) {
    if (stored.status().code() != absl::StatusCode::kDataLoss) return stored.status();
    Found(std::nullopt, absl::StrCat(name, " cannot be read: ", stored.status().message()));
    return absl::OkStatus();
  }
  if (!stored->has_value() || (*stored)->size() != tile.hashes.size()) {
    Found(std::nullopt, absl::StrCat(name, " is missing, or has another length than it should"));
    return absl::OkStatus();
  }
  // How many level-0 tiles stand below each of its hashes.
  const uint64_t width = uint64_t{1} << ((tile.id.level - 1) * kTileHeight);
  for (uint64_t i = 0; i < kTileWidth; ++i) {
    if ((*stored)->compare(i * Hash::kSize, Hash::kSize, tile.hashes, i * Hash::kSize,
                           Hash::kSize) == 0) {
      continue;
    }
    const uint64_t below = (tile.id.index * kTileWidth + i) * width;
    auto damaged = damaged_.lower_bound(below);
    if (damaged != damaged_.end() && *damaged < below + width) continue;
    Found(below * kTileWidth, absl::StrCat(Range(below * kTileWidth, (below + width) * kTileWidth),
                                           " do not hash to what ", name, " holds at ", i));
  }
  return absl::OkStatus();
}

absl::Status LogChecker::LoadCheckpoint() {
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored, store_.Get(keys_.Checkpoint()));
  if (!stored.has_value()) return absl::OkStatus();
  auto fail = [&](const absl::Status& why) {
    Found(std::nullopt, absl::StrCat("the stored checkpoint: ", why.message()));
    return absl::OkStatus();
  };
  auto note = tlog::Note::Parse(*stored);
  if (!note.ok()) return fail(note.status());
  auto checkpoint = tlog::Checkpoint::Parse(note->text);
  if (!checkpoint.ok()) return fail(checkpoint.status());
  if (!verifier_keys_.empty()) {
    auto verified = tlog::VerifyNote(*note, verifier_keys_);
    if (!verified.ok()) return fail(verified.status());
  }
  // A live log may have grown since its head was taken.
  CL_ASSIGN_OR_RETURN(std::optional<std::string> stored_head, store_.Get(keys_.Head()));
  const auto now = DecodeHead(stored_head.value_or(""));
  if (checkpoint->head.size > head_.size && now.ok() && now->size >= checkpoint->head.size) {
    return absl::OkStatus();
  }
  if (checkpoint->head.size > head_.size) {
    return fail(absl::DataLossError(absl::StrCat("it is of size ", checkpoint->head.size,
                                                 ", but the log has ", head_.size,
                                                 " entries: signed entries are missing")));
  }
  checkpoint_ = *std::move(checkpoint);
  return absl::OkStatus();
}

void LogChecker::CheckCheckpoint() {
  if (!checkpoint_.has_value() || checkpoint_->head.size != next_ || !damaged_.empty()) return;
  const Hash root = builder_.frontier().Root();
  if (root == checkpoint_->head.root) return;
  Found(std::nullopt,
        absl::StrCat("the stored checkpoint of size ", next_, " has root ",
                     checkpoint_->head.root.ToHex(), ", the entries give ", root.ToHex()));
}

absl::Status LogChecker::CheckEnd() {
  if (!damaged_.empty()) return absl::OkStatus();
  const Hash root = builder_.frontier().Root();
  if (root != head_.root) {
    Found(std::nullopt, absl::StrCat("the root of size ", head_.size, " is ", head_.root.ToHex(),
                                     ", the entries give ", root.ToHex()));
  }
  return absl::OkStatus();
}

}  // namespace chargeledger::log
