#include "projections/runtime/digest.h"

#include "absl/strings/str_cat.h"
#include "core/sha256.h"

namespace chargeledger::projections {
namespace {

std::array<uint64_t, 4> ToLimbs(absl::string_view bytes) {
  std::array<uint64_t, 4> limbs{};
  for (size_t i = 0; i < StateDigest::kSize; ++i) {
    limbs[i / 8] |= uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * (i % 8));
  }
  return limbs;
}

std::array<uint64_t, 4> HashPair(absl::string_view key, absl::string_view value) {
  const uint32_t size = static_cast<uint32_t>(key.size());
  const char length[4] = {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
                          static_cast<char>(size >> 8), static_cast<char>(size)};
  return ToLimbs(core::Sha256(absl::string_view(length, 4), key, value).bytes());
}

}  // namespace

absl::StatusOr<StateDigest> StateDigest::FromBytes(absl::string_view bytes) {
  StateDigest digest;
  if (bytes.empty()) return digest;
  if (bytes.size() != kSize) {
    return absl::DataLossError(
        absl::StrCat("a stored state digest has ", bytes.size(), " bytes; it has ", kSize));
  }
  digest.limbs_ = ToLimbs(bytes);
  return digest;
}

void StateDigest::Add(absl::string_view key, absl::string_view value) {
  const std::array<uint64_t, 4> hash = HashPair(key, value);
  unsigned long long carry = 0;
  for (size_t i = 0; i < 4; ++i) {
    const unsigned __int128 sum = static_cast<unsigned __int128>(limbs_[i]) + hash[i] + carry;
    limbs_[i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
}

void StateDigest::Remove(absl::string_view key, absl::string_view value) {
  const std::array<uint64_t, 4> hash = HashPair(key, value);
  uint64_t borrow = 0;
  for (size_t i = 0; i < 4; ++i) {
    const unsigned __int128 subtrahend = static_cast<unsigned __int128>(hash[i]) + borrow;
    borrow = static_cast<unsigned __int128>(limbs_[i]) < subtrahend;
    limbs_[i] = static_cast<uint64_t>(limbs_[i] - subtrahend);
  }
}

std::string StateDigest::bytes() const {
  std::string bytes;
  for (uint64_t limb : limbs_) {
    for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(limb >> shift));
  }
  return bytes;
}

}  // namespace chargeledger::projections
