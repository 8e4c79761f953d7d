#include "core/process/termination.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>

namespace chargeledger::core {
namespace {

// What somebody asked for: -1 for nothing, otherwise an Ending.
std::atomic<int> requested{-1};
// Whether somebody has waited for the signal that goes with it.
std::atomic<bool> delivered{false};

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

Ending OnSignal(int signal_number) {
  const int ending = requested.load();
  if (ending < 0) {
    spdlog::info("stopping on signal {}", signal_number);
    return Ending::kSignal;
  }
  delivered.store(true);
  return static_cast<Ending>(ending);
}

}  // namespace

void BlockTermination() {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

Ending WaitForEnding() {
  const sigset_t signals = TerminationSignals();
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  return OnSignal(signal_number);
}

std::optional<Ending> WaitForEnding(int64_t ms) {
  const sigset_t signals = TerminationSignals();
  const timespec timeout{ms / 1000, ms % 1000 * 1'000'000};
  const int signal_number = sigtimedwait(&signals, nullptr, &timeout);
  if (signal_number < 0) return std::nullopt;
  return OnSignal(signal_number);
}

void RequestTermination(const absl::Status& reason) {
  Ending ending = Ending::kFailure;
  if (reason.code() == absl::StatusCode::kResourceExhausted) ending = Ending::kDiskFull;
  if (reason.code() == absl::StatusCode::kAborted) ending = Ending::kNewLife;
  int nothing = -1;
  if (requested.compare_exchange_strong(nothing, static_cast<int>(ending))) {
    if (ending == Ending::kNewLife) {
      spdlog::warn("beginning anew: {}", std::string(reason.message()));
    } else {
      spdlog::critical("cannot go on: {}", reason.ToString());
    }
    kill(getpid(), SIGTERM);
  }
}

void BeginAgain() {
  // Our own signal, if nobody has waited for it, must not be taken for one from outside.
  if (requested.exchange(-1) >= 0 && !delivered.exchange(false)) {
    const sigset_t signals = TerminationSignals();
    const timespec at_once{0, 0};
    sigtimedwait(&signals, nullptr, &at_once);
  }
  delivered.store(false);
}

}  // namespace chargeledger::core
