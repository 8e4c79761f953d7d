// The sender interfaces of OCPI 2.2.1 (versions, sessions, cdrs, tariffs) as answers to GET:
// everything but the socket.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/clock.h"
#include "log/store.h"
#include "net/http_router.h"
#include "server/ledger.h"
#include "server/ocpi/objects.h"

namespace chargeledger::server {

constexpr size_t kOcpiMostPerPage = 100;

class OcpiPages {
 public:
  // All outlive this. `base_url` is how partners reach it, without a slash at the end.
  OcpiPages(const Ledger& ledger, const log::Store& states, const ControlFacts& facts,
            const Partners& partners, const OcpiObjects& objects, core::Clock& clock,
            std::string base_url)
      : ledger_(ledger),
        states_(states),
        facts_(facts),
        partners_(partners),
        objects_(objects),
        clock_(clock),
        base_url_(std::move(base_url)) {}

  // `target` is a path with a query; `authorization` the header of that name. Lists have the
  // headers Link, X-Total-Count and X-Limit. A partner sees its own customers' sessions and CDRs.
  net::HttpResponse Get(const std::string& target, const std::string& authorization) const;

 private:
  struct Window;

  net::HttpResponse List(const std::string& module, const std::string& target,
                         const Partner& partner, int64_t now_us) const;

  const Ledger& ledger_;
  const log::Store& states_;
  const ControlFacts& facts_;
  const Partners& partners_;
  const OcpiObjects& objects_;
  core::Clock& clock_;
  const std::string base_url_;
};

}  // namespace chargeledger::server
