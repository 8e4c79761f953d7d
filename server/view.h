// One snapshot of the projections' states of all logs, or of one site's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "chargeledger/v1/query.pb.h"
#include "core/check.h"
#include "log/store.h"
#include "projections/runtime/folder.h"
#include "projections/runtime/state_store.h"
#include "server/history.h"
#include "server/ledger.h"

namespace chargeledger::server {

class View {
 public:
  // `site` empty: all logs. NOT_FOUND if no log is of that site. With positions or a time in
  // `as_of`: what was known then, out of `history`.
  static absl::StatusOr<View> Take(const Ledger& ledger, const log::Store& states,
                                   const std::string& site, History* history = nullptr,
                                   const v1::AsOf& as_of = {});

  const std::vector<HeldLog*>& logs() const { return logs_; }
  const log::Reader& states() const { return *states_; }

  // Sets a response's as_of.
  template <typename Response>
  absl::Status SetAsOf(Response& response) const {
    for (const HeldLog* held : logs_) {
      CL_ASSIGN_OR_RETURN(*response.add_as_of(), PositionOf(*held));
    }
    return absl::OkStatus();
  }

  // How far a log is folded here.
  absl::StatusOr<v1::LogPosition> PositionOf(const HeldLog& held) const {
    CL_ASSIGN_OR_RETURN(v1::StoredFold fold, projections::ReadPosition(*states_, held.log_id()));
    v1::LogPosition position;
    position.set_log_id(held.log_id().ToHex());
    position.set_site(held.site());
    position.set_generation(fold.generation());
    position.set_size(fold.size());
    return position;
  }

  // All messages of one kind in one part's state of one log, ascending by key; `visit` returns
  // false to stop.
  template <typename Message>
  absl::Status ForEach(const HeldLog& held, size_t part, char kind,
                       absl::FunctionRef<bool(const Message&)> visit) const {
    const std::string prefix = projections::StatePrefix(held.log_id(), part) + kind;
    return Parsed<Message>(
        [&](log::Reader::Visitor each) {
          return states_->Scan(prefix, log::AfterPrefix(prefix), each);
        },
        [&](absl::string_view, const Message& message) { return visit(message); });
  }

  // A page of messages over all logs: newest first within a log, those that `wanted` accepts.
  // `token` is where the page before ended, empty at first; the next one's is returned, empty at
  // the end.
  template <typename Message>
  absl::StatusOr<std::string> Page(size_t part, char kind, const std::string& token, uint32_t size,
                                   absl::FunctionRef<bool(const Message&)> wanted,
                                   absl::FunctionRef<Message&()> add) const {
    const size_t most = size == 0 ? 100 : size;
    if (most > 1000) {
      return absl::InvalidArgumentError(
          absl::StrCat("page_size is ", size, "; it must be at most 1000"));
    }
    const std::string after = absl::HexStringToBytes(token);
    size_t count = 0;
    std::string last;
    bool more = false;
    for (const HeldLog* held : logs_) {
      const std::string prefix = projections::StatePrefix(held->log_id(), part) + kind;
      std::string end = log::AfterPrefix(prefix);
      if (!after.empty()) {
        if (prefix > after) {
          // A log behind the one where the page before ended: from its newest on.
        } else if (after.compare(0, prefix.size(), prefix) == 0) {
          end = after;
        } else {
          continue;
        }
      }
      CL_RETURN_IF_ERROR(Parsed<Message>(
          [&](log::Reader::Visitor each) { return states_->ScanReverse(prefix, end, each); },
          [&](absl::string_view key, const Message& message) {
            if (!wanted(message)) return true;
            if (count == most) {
              more = true;
              return false;
            }
            add() = message;
            last = std::string(key);
            ++count;
            return true;
          }));
      if (more) return absl::BytesToHexString(last);
    }
    return std::string();
  }

 private:
  template <typename Message>
  static absl::Status Parsed(absl::FunctionRef<absl::Status(log::Reader::Visitor)> scan,
                             absl::FunctionRef<bool(absl::string_view, const Message&)> visit) {
    bool damaged = false;
    CL_RETURN_IF_ERROR(scan([&](absl::string_view key, absl::string_view value) {
      Message message;
      damaged = !message.ParseFromArray(value.data(), static_cast<int>(value.size()));
      return !damaged && visit(key, message);
    }));
    if (damaged) return absl::DataLossError("a stored projection state cannot be read");
    return absl::OkStatus();
  }

  std::unique_ptr<log::Reader> states_;
  std::vector<HeldLog*> logs_;
};

}  // namespace chargeledger::server
