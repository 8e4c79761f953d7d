#include "log/derived_store.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace chargeledger::log {

absl::StatusOr<std::unique_ptr<Store>> OpenDerivedStore(
    Directory& directory, const std::string& name,
    std::function<void(const absl::Status&)> failed) {
  const std::string mark = name + ".damaged";
  if (directory.Exists(mark)) {
    CL_RETURN_IF_ERROR(directory.Remove(name));
    CL_RETURN_IF_ERROR(directory.Remove(mark));
  }
  StoreOptions options;
  options.use = StoreOptions::Use::kState;
  options.damaged = [&directory, mark, failed = std::move(failed),
                     told =
                         std::make_shared<std::atomic<bool>>(false)](const absl::Status& damage) {
    if (told->exchange(true)) return;
    // Without the mark the same would be found again at once.
    absl::Status marked = directory.ReplaceFile(mark, damage.message());
    if (marked.ok()) {
      marked = absl::AbortedError(absl::StrCat("made anew from the logs: ", damage.message()));
    }
    failed(marked);
  };
  auto store = directory.OpenStore(name, options);
  if (store.status().code() != absl::StatusCode::kDataLoss) return store;
  CL_RETURN_IF_ERROR(directory.Remove(name));
  return directory.OpenStore(name, options);
}

}  // namespace chargeledger::log
