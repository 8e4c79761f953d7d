#include "log/tlog/tiles.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/check.h"

namespace chargeledger::log::tlog {
namespace {

constexpr size_t kLengthSize = 2;

std::string IndexPath(uint64_t index, uint64_t width) {
  CL_CHECK(width >= 1 && width <= kTileWidth, "a tile has 1 to 256 hashes");
  std::string path = absl::StrFormat("%03d", index % 1000);
  while ((index /= 1000) > 0) path = absl::StrFormat("x%03d/%s", index % 1000, path);
  if (width < kTileWidth) absl::StrAppend(&path, ".p/", width);
  return path;
}

}  // namespace

std::string TilePath(const TileId& id, uint64_t width) {
  return absl::StrCat("tile/", id.level, "/", IndexPath(id.index, width));
}

std::string EntriesPath(uint64_t index, uint64_t width) {
  return absl::StrCat("tile/entries/", IndexPath(index, width));
}

void AppendToBundle(absl::string_view entry, std::string& bundle) {
  CL_CHECK(entry.size() <= 0xffff, "an entry has at most 65,535 bytes");
  bundle.push_back(static_cast<char>(entry.size() >> 8));
  bundle.push_back(static_cast<char>(entry.size() & 0xff));
  bundle.append(entry.data(), entry.size());
}

absl::StatusOr<std::vector<absl::string_view>> ReadBundle(absl::string_view bundle,
                                                          uint64_t count) {
  std::vector<absl::string_view> entries;
  entries.reserve(count);
  while (!bundle.empty()) {
    if (entries.size() == count) {
      return absl::InvalidArgumentError(
          absl::StrCat("the bundle goes on after its ", count, " entries"));
    }
    const size_t length = bundle.size() < kLengthSize ? bundle.size()
                                                      : static_cast<unsigned char>(bundle[0]) << 8 |
                                                            static_cast<unsigned char>(bundle[1]);
    if (bundle.size() < kLengthSize + length) {
      return absl::InvalidArgumentError(absl::StrCat(
          "entry ", entries.size(), " of the bundle says that it has ", length, " bytes; ",
          bundle.size() - std::min(bundle.size(), kLengthSize), " are left"));
    }
    entries.push_back(bundle.substr(kLengthSize, length));
    bundle.remove_prefix(kLengthSize + length);
  }
  if (entries.size() != count) {
    return absl::InvalidArgumentError(
        absl::StrCat("the bundle ends after ", entries.size(), " entries; ", count, " are right"));
  }
  return entries;
}

}  // namespace chargeledger::log::tlog
