#include "log/bundle.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/tlog/tiles.h"

namespace chargeledger::log {
namespace {

constexpr char kVersion = 1;
constexpr char kCodecZstd = 1;
constexpr size_t kTagSize = 4;
constexpr size_t kTagsSize = kTileWidth * kTagSize;
constexpr size_t kHeaderSize = 2 + kTagsSize;
constexpr size_t kMaxBodySize = kTileWidth * (2 + 0xffff);
// Higher levels gain a tenth for four times the time; see docs/BENCHMARKS.md.
constexpr int kLevel = 3;

struct Contexts {
  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> compress{ZSTD_createCCtx(), &ZSTD_freeCCtx};
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> decompress{ZSTD_createDCtx(),
                                                                  &ZSTD_freeDCtx};
};

// Making a context costs more than compressing with it.
Contexts& ThreadContexts() {
  thread_local Contexts contexts;
  return contexts;
}

absl::Status Damaged(uint64_t first, uint64_t entry, absl::string_view why) {
  return absl::DataLossError(absl::StrCat("entry ", first + entry, " is damaged (bundle ",
                                          first / kTileWidth, ", entries ", first, " to ",
                                          first + kTileWidth - 1, "): ", why));
}

absl::string_view Tag(const Hash& leaf) { return leaf.bytes().substr(0, kTagSize); }

// As many bytes as can be had of a frame that is damaged.
std::string Salvage(absl::string_view frame) {
  constexpr size_t kStep = 128 << 10;
  std::string body;
  ZSTD_DCtx* context = ThreadContexts().decompress.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  ZSTD_inBuffer in{frame.data(), frame.size(), 0};
  size_t used = 0;
  while (used < kMaxBodySize) {
    body.resize(used + kStep);
    ZSTD_outBuffer out{body.data(), body.size(), used};
    const size_t taken = in.pos;
    const size_t hint = ZSTD_decompressStream(context, &out, &in);
    const bool stuck = in.pos == taken && out.pos == used;
    used = out.pos;
    if (ZSTD_isError(hint) || hint == 0 || stuck) break;
  }
  body.resize(used);
  return body;
}

// The first entry of a damaged body that is cut off or does not fit to its tag.
uint64_t FirstWrong(absl::string_view body, absl::string_view tags) {
  for (uint64_t i = 0; i < kTileWidth; ++i) {
    if (body.size() < 2) return i;
    const size_t length =
        static_cast<unsigned char>(body[0]) << 8 | static_cast<unsigned char>(body[1]);
    if (body.size() < 2 + length) return i;
    const Hash leaf = LeafHash(body.substr(2, length));
    if (Tag(leaf) != tags.substr(i * kTagSize, kTagSize)) return i;
    body.remove_prefix(2 + length);
  }
  return 0;
}

}  // namespace

std::string SealBundle(absl::Span<const absl::string_view> entries, absl::Span<const Hash> leaves) {
  CL_CHECK(entries.size() == kTileWidth && leaves.size() == kTileWidth, "a bundle has 256 entries");
  std::string body;
  for (absl::string_view entry : entries) tlog::AppendToBundle(entry, body);
  std::string sealed = {kVersion, kCodecZstd};
  const size_t bound = ZSTD_compressBound(body.size());
  sealed.reserve(kHeaderSize + bound);
  for (const Hash& leaf : leaves) absl::StrAppend(&sealed, Tag(leaf));
  sealed.resize(kHeaderSize + bound);
  ZSTD_CCtx* context = ThreadContexts().compress.get();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  const size_t size =
      ZSTD_compress2(context, sealed.data() + kHeaderSize, bound, body.data(), body.size());
  CL_CHECK(!ZSTD_isError(size), "zstd compresses what fits its bound");
  sealed.resize(kHeaderSize + size);
  return sealed;
}

absl::StatusOr<Bundle> Bundle::Open(absl::string_view sealed, uint64_t first) {
  if (sealed.size() < kHeaderSize || sealed[0] != kVersion || sealed[1] != kCodecZstd) {
    return Damaged(first, 0, "its header is not that of a bundle of version 1 with codec 1");
  }
  Bundle bundle;
  bundle.first_ = first;
  bundle.tags_ = std::string(sealed.substr(2, kTagsSize));
  const absl::string_view frame = sealed.substr(kHeaderSize);
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  bundle.body_ = std::make_unique<std::string>();
  const char* why = "its zstd frame has no valid header";
  if (size <= kMaxBodySize) {
    bundle.body_->resize(static_cast<size_t>(size));
    const size_t got = ZSTD_decompressDCtx(ThreadContexts().decompress.get(), bundle.body_->data(),
                                           bundle.body_->size(), frame.data(), frame.size());
    if (!ZSTD_isError(got) && got == bundle.body_->size()) {
      auto entries = tlog::ReadBundle(*bundle.body_, kTileWidth);
      if (entries.ok()) {
        bundle.entries_ = *std::move(entries);
        return bundle;
      }
    }
    why = ZSTD_isError(got) ? ZSTD_getErrorName(got) : "its entries' lengths do not fit";
  }
  return Damaged(first, FirstWrong(Salvage(frame), bundle.tags_), why);
}

uint64_t Bundle::FirstDamaged(absl::string_view sealed, uint64_t first) {
  if (sealed.size() < kHeaderSize) return first;
  return first + FirstWrong(Salvage(sealed.substr(kHeaderSize)), sealed.substr(2, kTagsSize));
}

absl::StatusOr<std::vector<Hash>> Bundle::LeafHashes() const {
  std::vector<Hash> leaves;
  leaves.reserve(kTileWidth);
  for (uint64_t i = 0; i < kTileWidth; ++i) {
    leaves.push_back(LeafHash(entries_[i]));
    if (Tag(leaves.back()) != absl::string_view(tags_).substr(i * kTagSize, kTagSize)) {
      return Damaged(first_, i, "it does not hash to its tag");
    }
  }
  return leaves;
}

}  // namespace chargeledger::log
