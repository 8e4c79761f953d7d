// Who does what an object has to do behind its callers' backs.
#pragma once

namespace chargeledger::core {

enum class Threads {
  // Threads of its own.
  kOwn,
  // Nobody, until its RunOnce is called: so that a simulation can run everything on one thread, in
  // an order of its choice. Calls that wait for such work do it themselves.
  kNone,
};

}  // namespace chargeledger::core
