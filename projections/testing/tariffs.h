// Tariffs as a site's log knows them, for tests.
#pragma once

#include <string>

#include "chargeledger/v1/control.pb.h"
#include "chargeledger/v1/entry.pb.h"
#include "projections/testing/conversation.h"

namespace chargeledger::projections {

// 0.45 EUR a kWh and 0.35 a session, without VAT.
v1::Tariff FlatTariff();

// A control fact, as copied into a site's log. `number` is its place in the control log.
v1::Entry Known(const v1::ControlFact& fact, uint64_t number);

// From here on the site knows the tariff, which is in force for everybody. Numbers from `number`.
void KnowTariff(const v1::Tariff& tariff, Conversation& conversation, uint64_t number = 1,
                uint32_t version = 1);

}  // namespace chargeledger::projections
