#include "log/log_keys.h"

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "log/store.h"

namespace chargeledger::log {
namespace {

constexpr size_t kPrefixSize = 1 + core::LogId::kSize + 4;

}  // namespace

std::string LogKeys::Prefix(char kind) const {
  std::string key;
  key.reserve(kPrefixSize + 9);
  key.push_back(kind);
  absl::StrAppend(&key, log_id_.bytes());
  AppendBigEndian32(key, generation_.value());
  return key;
}

std::string LogKeys::Numbered(char kind, uint64_t number) const {
  std::string key = Prefix(kind);
  AppendBigEndian64(key, number);
  return key;
}

std::string LogKeys::Entry(uint64_t sequence) const { return Numbered('e', sequence); }

std::string LogKeys::Bundle(uint64_t index) const { return Numbered('b', index); }

std::string LogKeys::BundleRoot(uint64_t index) const { return Numbered('n', index); }

std::string LogKeys::Tile(const TileId& id) const {
  std::string key = Prefix('t');
  key.push_back(static_cast<char>(id.level));
  AppendBigEndian64(key, id.index);
  return key;
}

std::optional<uint64_t> LogKeys::NumberOf(absl::string_view key) {
  if (key.size() != kPrefixSize + 8) return std::nullopt;
  return ReadBigEndian64(key.substr(kPrefixSize));
}

void LogKeys::SetNumber(uint64_t number, std::string& key) {
  key.resize(kPrefixSize);
  AppendBigEndian64(key, number);
}

std::string EncodeHead(const TreeHead& head) {
  std::string value;
  AppendBigEndian64(value, head.size);
  absl::StrAppend(&value, head.root.bytes());
  return value;
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

}  // namespace chargeledger::log
