#include "core/process/termination.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>

namespace chargeledger::core {
namespace {

std::atomic<bool> failed{false};

sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

void BlockTermination() {
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int WaitForTermination() {
  const sigset_t signals = TerminationSignals();
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  if (failed.load()) return 1;
  spdlog::info("stopping on signal {}", signal_number);
  return 0;
}

void RequestTermination(const std::string& reason) {
  if (!failed.exchange(true)) {
    spdlog::critical("cannot go on: {}", reason);
    kill(getpid(), SIGTERM);
  }
}

}  // namespace chargeledger::core
