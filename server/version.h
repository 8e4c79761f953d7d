// What the ledger calls itself in its LogOpened entries.
#pragma once

namespace chargeledger::server {

inline constexpr char kVersion[] = "ledgerd 0.3.0";

}  // namespace chargeledger::server
