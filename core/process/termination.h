// How a process ends: by SIGTERM or SIGINT, or because a part of it cannot go on.
#pragma once

#include <string>

namespace chargeledger::core {

// Blocks SIGTERM and SIGINT in this thread and all that it starts from now on, and ignores SIGPIPE.
// First thing in main.
void BlockTermination();

// Waits until a termination signal comes or somebody calls RequestTermination; the exit code for
// main.
int WaitForTermination();

// Makes WaitForTermination return 1. From any thread; the first reason is kept.
void RequestTermination(const std::string& reason);

}  // namespace chargeledger::core
